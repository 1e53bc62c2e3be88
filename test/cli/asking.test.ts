import { decodePrivateKeyWif, hash160, secp256k1 } from "@bitauth/libauth"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as HubAddress from "../../src/domain/hub/HubAddress.ts"
import * as Network from "../../src/domain/Network.ts"
import * as EmbeddedHub from "../../src/services/hub/EmbeddedHub.ts"
import * as Hub from "../utils/embeddedHub.ts"
import { linesOf, runFlowee } from "../utils/flowee.ts"
import { same } from "../utils/hubValues.ts"
import * as Wallet from "../utils/wallet.ts"

const { traceKey } = Wallet
const address = HubAddress.toCashAddress(traceKey.addressHash, Network.regtest)

/** Asks the Hub of the test and gives what is printed. */
const ask = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { endPoint } = yield* EmbeddedHub.EmbeddedHub
    const { code, stderr, stdout } = yield* runFlowee([...args, "--hub", endPoint])
    assert.strictEqual(code, 0, stderr)
    assert.strictEqual(stderr, "")
    return stdout
  })

const askJson = (...args: ReadonlyArray<string>) =>
  Effect.map(ask(...args, "--json"), (stdout) => {
    assert.strictEqual(linesOf(stdout).length, 1)
    return JSON.parse(stdout)
  })

/** Asks what the Hub of the test refuses, and gives what is said about it. */
const refused = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { endPoint } = yield* EmbeddedHub.EmbeddedHub
    const { code, stderr, stdout } = yield* runFlowee([...args, "--hub", endPoint])
    assert.strictEqual(code, 1)
    assert.strictEqual(stdout, "")
    return stderr
  })

/** The rows of a table. */
const rowsOf = (stdout: string) => linesOf(stdout).map((line) => line.split(/ {2,}/))

/** A transaction that spends the first block's coins. */
const payment = Effect.gen(function*() {
  yield* Hub.mine(101)
  const coin = yield* Hub.coinAt(1)
  return Wallet.spend(traceKey, { coins: [coin], outputs: [Wallet.pay(traceKey.address, coin.amount - 1000n)] })
})

describe("flowee asks a Hub", () => {
  it.live("for its version and where it stands", () =>
    Effect.gen(function*() {
      yield* Hub.mine(2)
      const { endPoint: hub } = yield* EmbeddedHub.EmbeddedHub
      assert.deepStrictEqual(rowsOf(yield* ask("version")), [["hub", hub], ["version", Hub.version]])
      assert.deepStrictEqual(yield* askJson("version"), { hub, version: Hub.version })
      const info = yield* askJson("info")
      assert.deepInclude(info, { hub, version: Hub.version, chain: "regtest", blocks: 2, headers: 2, work: "4" })
      assert.deepInclude(rowsOf(yield* ask("info")), ["best block", info.bestBlock])
    }).pipe(Effect.provide(Hub.layer)))

  it.live("for blocks, by height, by hash, and the best one", () =>
    Effect.gen(function*() {
      yield* Hub.mine(2)
      const best = yield* askJson("block")
      assert.deepInclude(best, { height: 2, confirmations: 1 })
      assert.deepStrictEqual(yield* askJson("block", "2"), best)
      assert.deepStrictEqual(yield* askJson("block", best.hash.toUpperCase()), best)
      const rows = rowsOf(yield* ask("block", "1"))
      assert.deepInclude(rows, ["next", best.hash])
      assert.strictEqual(rows.filter(([label]) => label === "transaction").length, 1)
    }).pipe(Effect.provide(Hub.layer)))

  it.live("to send a transaction, and for what it does", () =>
    Effect.gen(function*() {
      const transaction = yield* payment
      const txId = Hub.txId(transaction)
      const hex = Hub.hex(transaction.bytes)
      assert.deepStrictEqual(yield* askJson("send", "--dry-run", hex), { txId, sent: false })
      assert.deepInclude(yield* askJson("mempool"), { size: 0 })
      const { endPoint } = yield* EmbeddedHub.EmbeddedHub
      const sent = yield* runFlowee(["send", "--hub", endPoint], { input: `${hex}\n` })
      assert.deepStrictEqual(rowsOf(sent.stdout), [["sent", txId]])
      assert.deepInclude(yield* askJson("mempool"), { size: 1, bytes: transaction.bytes.length })

      const waiting = yield* askJson("tx", txId)
      assert.deepStrictEqual(waiting, {
        id: txId,
        height: null,
        size: transaction.bytes.length,
        inputs: [{ txId: Hub.txIdOf(transaction.inputs[0]!), index: 0 }],
        outputs: [{ index: 0, amount: 4_999_999_000, address, script: Hub.hex(traceKey.script) }],
        bytes: hex
      })
      assert.deepStrictEqual((yield* askJson("address", address)).mempool, [txId])
      yield* Hub.mine(1)
      assert.deepInclude(rowsOf(yield* ask("tx", txId)), ["where", "in block 102"])
      assert.deepInclude(rowsOf(yield* ask("tx", txId)), ["pays", `49.99999 BCH to ${address}`])
      assert.deepInclude(rowsOf(yield* ask("tx", "1:81")), ["spends", "new coins"])
    }).pipe(Effect.provide(Hub.layer)))

  it.live("for addresses, new and known", () =>
    Effect.gen(function*() {
      const created = yield* askJson("address")
      const key = decodePrivateKeyWif(created.privateKey)
      assert.isObject(key)
      const publicKey = secp256k1.derivePublicKeyCompressed((key as { privateKey: Uint8Array }).privateKey)
      assert.strictEqual(Hub.hex(hash160(publicKey as Uint8Array)), created.hash)

      const known = yield* askJson("address", address.replace("bchreg:", ""))
      assert.deepStrictEqual(known, {
        address,
        hash: traceKey.addressHash,
        script: Hub.hex(traceKey.script),
        scriptHash: HubAddress.toScriptHash(traceKey.addressHash),
        mempool: []
      })
    }).pipe(Effect.provide(Hub.layer)))

  it.live("for blocks that pay whom it is told", () =>
    Effect.gen(function*() {
      const { blocks, ...others } = yield* askJson("generate", "2", "--address", address)
      assert.deepStrictEqual(others, { address })
      assert.deepStrictEqual(blocks.map(({ height }: { height: number }) => height), [1, 2])
      assert.strictEqual((yield* askJson("block", "2")).hash, blocks[1].hash)
      const rows = rowsOf(yield* ask("generate"))
      assert.deepStrictEqual(rows.map(([label]) => label), ["block 3", "pays to", "private key (throw-away)"])
    }).pipe(Effect.provide(Hub.layer)))

  it.live("and says in one line why it is refused", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* refused("block", "7"), "getBlockVerbose: Block height out of range\n")
      assert.strictEqual(yield* refused("send", "00"), "sendTransaction: TX decode failed\n")
      assert.match(yield* refused("send"), /^standard input: expected bytes in hexadecimal digits/)
      assert.match(yield* refused("tx", same("00")), /^getLiveTransaction: .+\n$/)
      assert.match(
        yield* refused("address", address.replace("bchreg", "bitcoincash")),
        /^"bitcoincash:.*" is no address: .+\n$/
      )
      assert.match(yield* refused("generate", "--address", "me"), /^"me" is no address: .+\n$/)
    }).pipe(Effect.provide(Hub.layer)))

  it.live.each([
    { args: ["block", "x"] },
    { args: ["block", "-1"] },
    { args: ["tx", "1"] },
    { args: ["tx", "1:x"] },
    { args: ["send", "xyz"] },
    { args: ["generate", "0"] },
    { args: ["generate", "151"] },
    { args: ["watch", "tx", "1"] },
    { args: ["watch", "address"] },
    { args: ["version", "--hub", "nowhere"] },
    { args: ["version", "--timeout", "0"] }
  ])("but never with a bad argument: $args", ({ args }) =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runFlowee(args)
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.include(stderr, "ERROR")
      assert.notInclude(stderr, "    at ")
    }))
})
