import { hash160, secp256k1 } from "@bitauth/libauth"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Redacted, Result } from "effect"
import * as HubAddress from "../../../src/domain/hub/HubAddress.ts"
import * as Network from "../../../src/domain/Network.ts"
import type * as HubClient from "../../../src/services/hub/HubClient.ts"
import type * as HubError from "../../../src/services/hub/HubError.ts"
import * as IndexerClient from "../../../src/services/hub/IndexerClient.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import * as FakeHub from "../../utils/fakeHub.ts"
import { frames } from "../../utils/hubTrace.ts"
import { amount, first, genesis, height, index, offset, same, second, txId } from "../../utils/hubValues.ts"
import { toHex } from "../../utils/native.ts"
import { type Bed, pass, settle, withBed } from "../../utils/network.ts"

type Hub = HubClient.HubClient["Service"]

/** Runs a test with the client of a recorded Hub. */
const withRecorded = <A, E>(
  trace: FakeHub.Trace,
  test: (hub: Hub, fake: FakeHub.FakeHub, bed: Bed) => Effect.Effect<A, E>
) =>
  withBed((bed) =>
    Effect.gen(function*() {
      const fake = yield* FakeHub.start(bed, FakeHub.recorded(trace))
      return yield* test(yield* FakeHub.client(bed), fake, bed)
    })
  )

const textOf = <A>(effect: Effect.Effect<A, HubError.HubError>) =>
  Effect.map(Effect.flip(effect), (error) => `${error.reason._tag}: ${error.message}`)

/** The bytes of the transaction that a recorded request sent. */
const transactionOf = (label: string): Uint8Array => {
  const frame = frames.find((frame) => frame.label.endsWith(label))!
  assert(frame.meaning.kind === "request")
  return (Result.getOrThrow(frame.meaning.codec.decode(frame.message!)) as { readonly transaction: Uint8Array })
    .transaction
}

const payment = transactionOf("SendTransaction")
const doubleSpend = transactionOf("double spend (asynchronous)")
const badSignature = transactionOf("bad signature")

describe("a client of the recorded Hub", () => {
  it.effect("is told its version, its chain and its network", () =>
    withRecorded("hub-regtest", (hub, fake) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* hub.version, "Flowee:1 (2021-04)")
        assert.deepStrictEqual(yield* hub.blockChainInfo, {
          chain: "regtest",
          blocks: height(0),
          headers: height(0),
          bestBlock: genesis,
          difficulty: 4.656542373906925e-10,
          medianTime: 1_296_688_602,
          progress: 1,
          work: 0n
        })
        assert.strictEqual(yield* hub.bestBlockHash, genesis)
        assert.strictEqual(yield* hub.blockCount, 0)
        fake.heard()
        assert.strictEqual(yield* hub.network, Network.regtest)
        assert.strictEqual(yield* hub.network, Network.regtest)
        assert.deepStrictEqual(fake.heard(), ["1/0"], "the network is asked for once")
      })))

  it.effect("is given new addresses, with a key that is not shown by accident", () =>
    withRecorded("hub-regtest", (hub) =>
      Effect.gen(function*() {
        const { address, privateKey } = yield* hub.createAddress
        assert.strictEqual(address, "123710c2aaf976f354954f4ef5d25788d160b4b8")
        assert.notInclude(JSON.stringify({ privateKey }), "96")
        assert.strictEqual(String(privateKey), "<redacted:private key>")
        const publicKey = secp256k1.derivePublicKeyCompressed(Redacted.value(privateKey))
        assert.strictEqual(toHex(hash160(publicKey as Uint8Array)), address)
        const text = yield* hub.formatAddress(address)
        assert.match(text, /^bchreg:q/)
        assert.strictEqual(yield* hub.parseAddress(text), address)
        assert.strictEqual(yield* hub.parseAddress(text.slice(7).toUpperCase()), address)
      })))

  it.effect("makes blocks and reads them", () =>
    withRecorded("hub-regtest", (hub) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(
          yield* hub.generateBlocks({ address: first.miner, blocks: 3 }),
          first.blocks.slice(0, 3)
        )
        assert.deepStrictEqual(yield* hub.generateBlocks({ address: first.miner }), first.blocks.slice(3))
        const header = {
          hash: first.blocks[0],
          confirmations: 3,
          height: height(1),
          version: 0x2000_0000,
          merkleRoot: first.coinbase as string,
          time: 1_795_328_093,
          medianTime: 1_795_328_093,
          nonce: 1,
          bits: 0x207f_ffff,
          difficulty: 4.6565423739069247e-10,
          previous: genesis,
          next: first.blocks[1]
        }
        const found = Option.getOrThrow(yield* hub.blockHeader({ height: height(1) }))
        assert.deepStrictEqual<unknown>(found, header)
        assert.deepStrictEqual(yield* hub.blockHeader({ height: height(9999) }), Option.none())
        const verbose = yield* hub.blockVerbose({ height: height(1) })
        assert.deepStrictEqual<unknown>(verbose, {
          ...header,
          size: 181,
          txIds: [first.coinbase],
          // The Hub calculates it in two ways.
          difficulty: 4.656542373906925e-10,
          work: 2n
        })
        const outputs = yield* hub.block(
          { height: height(1) },
          { withTxId: true, withOffset: true, withOutputs: true }
        )
        assert.deepStrictEqual<unknown>(outputs, {
          height: 1,
          hash: first.blocks[0],
          transactions: [{
            offset: 81,
            txId: first.coinbase,
            inputs: [],
            outputs: [{ index: 0, amount: 5_000_000_000n, script: HubAddress.toScript(first.miner) }]
          }]
        })
        const full = yield* hub.block({ height: height(1) }, { withBytes: true })
        assert.strictEqual(full.transactions[0]!.bytes!.length, 100)
        const coinbase = yield* hub.transaction(
          { height: height(1), offset: offset(81) },
          { withTxId: true, withInputs: true, withOutputs: true }
        )
        assert.strictEqual(coinbase.txId, first.coinbase)
        assert.deepInclude(coinbase.inputs[0], { prevTxId: txId(same("00")), prevIndex: -1 })
      })))

  it.effect("sends a transaction in all ways, and finds it", () =>
    withRecorded("hub-regtest-spend", (hub) =>
      Effect.gen(function*() {
        const output = { txId: second.spent, index: index(0) }
        const unspent = { isUnspent: true, height: height(5), offset: offset(81), index: index(0) }
        assert.deepStrictEqual(yield* hub.isUnspent([output]), [unspent])
        const byPlace = { height: height(5), offset: offset(81), index: index(0) }
        const held = { ...unspent, amount: amount(5_000_000_000n), script: HubAddress.toScript(second.miner) }
        assert.deepStrictEqual<unknown>(yield* hub.unspentOutputs([output, byPlace]), [held, held])
        const unknown = { txId: txId(same("03")), index: index(0) }
        assert.deepStrictEqual(yield* hub.unspentOutputs([unknown]), [{ isUnspent: false }])
        assert.strictEqual(
          yield* hub.sendTransaction(payment, { validateOnly: true, offThread: true }),
          second.payment
        )
        assert.strictEqual(yield* hub.sendTransaction(payment), second.payment)
        assert.strictEqual(yield* hub.sendTransaction(payment), second.payment)
        assert.strictEqual(
          yield* textOf(hub.sendTransaction(doubleSpend, { offThread: true })),
          "CommandFailed: sendTransaction: 258: txn-mempool-conflict"
        )
        assert.include(
          yield* textOf(hub.sendTransaction(badSignature)),
          "CommandFailed: sendTransaction: 16: mandatory-script-verify-flag-failed"
        )
        assert.deepStrictEqual(yield* hub.liveTransaction({ txId: second.payment }), { bytes: payment })
        assert.deepStrictEqual(yield* hub.liveTransaction({ scriptHash: second.minerScript }), { bytes: payment })
        const byScript = yield* hub.searchMempool({
          scriptHashes: [second.minerScript],
          withTxId: true,
          withAmounts: true
        })
        assert.deepStrictEqual<unknown>(byScript, [{
          txId: second.payment,
          matchingOutputs: [0],
          firstSeen: 1_795_330_119,
          inputs: [],
          outputs: [{ index: 0, amount: 4_899_999_000n }, { index: 1, amount: 100_000_000n }],
          proofId: second.proof
        }])
        const [byId] = yield* hub.searchMempool({ txIds: [second.payment] })
        assert.deepStrictEqual(byId!.bytes, payment)
        assert.deepStrictEqual(yield* hub.mempoolInfo, {
          size: 1,
          bytes: 226,
          usage: 1008,
          maxUsage: 300_000_000,
          minFee: 0
        })
        assert.deepStrictEqual(yield* hub.generateBlocks({ address: second.miner, blocks: 1 }), [second.block])
        assert.deepStrictEqual(yield* hub.liveTransaction({ txId: second.payment }), {
          height: height(126),
          bytes: payment
        })
      })))

  it.effect("has a block filtered by script hashes", () =>
    withRecorded("hub-regtest-spend", (hub) =>
      Effect.gen(function*() {
        const { transactions } = yield* hub.block({ height: height(126) }, {
          scriptHashes: [second.minerScript],
          withTxId: true,
          withInputs: true,
          withAddresses: true,
          withScriptHashes: true,
          withFee: true
        })
        assert.deepStrictEqual(
          transactions.map(({ inputs, offset, outputs }) => [
            offset,
            inputs.map((input) => Object.keys(input)),
            outputs.length
          ]),
          [[81, [["script"]], 1], [181, [["prevTxId", "prevIndex", "script"]], 2]]
        )
        const [mine] = transactions[1]!.outputs
        assert.deepStrictEqual(mine, { index: index(0), address: second.miner, scriptHash: second.minerScript })
        assert.strictEqual(HubAddress.toScriptHash(second.miner), second.minerScript)
      })))

  it.effect("is told by the Hub why something cannot be done", () =>
    withRecorded("hub-regtest", (hub) =>
      Effect.gen(function*() {
        assert.strictEqual(
          yield* textOf(hub.sendTransaction(Uint8Array.of(0))),
          "CommandFailed: sendTransaction: TX decode failed"
        )
        assert.strictEqual(
          yield* textOf(hub.liveTransaction({ txId: txId(same("09")) })),
          "CommandFailed: getLiveTransaction: No information available about transaction"
        )
        assert.strictEqual(
          yield* textOf(hub.submitBlock(Uint8Array.of(0))),
          "CommandFailed: submitBlock: unknown error"
        )
        const text = yield* hub.submitBlock(Uint8Array.of(0)).pipe(
          Effect.as("taken"),
          Effect.catchReason("HubError", "CommandFailed", ({ text }) => Effect.succeed(text))
        )
        assert.strictEqual(text, "unknown error")
      })))

  it.effect("waits in vain for what is not answered, and stays connected", () =>
    withRecorded("hub-regtest", (hub, _, bed) =>
      Effect.gen(function*() {
        yield* hub.version
        const state = yield* hub.connection.state
        const asked = yield* Effect.forkChild(textOf(hub.validateAddress("nobody was ever asked for this")))
        yield* pass("30 seconds")
        assert.strictEqual(
          yield* Fiber.join(asked),
          "RequestTimedOut: validateAddress: request 3/2: no reply within 30s"
        )
        assert.strictEqual(yield* hub.connection.state, state)
        assert.strictEqual(yield* hub.version, "Flowee:1 (2021-04)")
        assert.deepStrictEqual(bed.logs.filter((line) => line.startsWith("Warn") || line.startsWith("Error")), [])
      })))

  it.effect("gives up after the time that it was told", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* FakeHub.start(bed, () => [])
        const hub = yield* FakeHub.client(bed, { timeout: "2 seconds" })
        const asked = yield* Effect.forkChild(textOf(hub.version))
        yield* pass("2 seconds")
        assert.strictEqual(yield* Fiber.join(asked), "RequestTimedOut: version: request 0/0: no reply within 2s")
      })
    ))

  it.effect("stays connected though it has nothing to ask, and so does that of an indexer", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        // What closes a connection is silence: what is said need not be answered.
        const fake = yield* FakeHub.start(bed, () => [], { firstMessageTimeout: "4 seconds" })
        const host = yield* bed.host(FakeHub.clientHost)
        const indexer = IndexerClient.make({ endPoint: FakeHub.endPoint }).pipe(
          Effect.provideService(NetworkManager.NetworkManager, host.manager),
          Effect.orDie
        )
        // Step by step, so that what is said at one second is heard before the next.
        const seconds = (count: number) => Effect.repeat(pass("1 second"), { times: count - 1 })
        for (const [client, greeting] of [[FakeHub.clientOn(host), "0/0"], [indexer, "19/10"]] as const) {
          yield* Effect.scoped(Effect.gen(function*() {
            const { connection } = yield* client
            yield* connection.connected
            const state = yield* connection.state
            yield* seconds(25)
            assert.strictEqual(yield* connection.state, state)
            assert.deepStrictEqual(fake.heard(), [greeting])
            // The next socket is greeted too.
            yield* bed.network.cut(FakeHub.hubHost)
            yield* seconds(25)
            assert.strictEqual((yield* connection.state)._tag, "Connected")
            assert.deepStrictEqual(fake.heard(), [greeting])
          }))
        }
      })
    ))

  it.effect("asks before the Hub is there, and again when the connection is lost", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const hub = yield* FakeHub.client(bed)
        const early = yield* Effect.forkChild(hub.version, { startImmediately: true })
        yield* pass("1 second")
        let silent = true
        const answer = FakeHub.recorded("hub-regtest")
        const fake = yield* FakeHub.start(bed, (request, connection) => silent ? [] : answer(request, connection))
        yield* pass("5 seconds")
        assert.deepStrictEqual(fake.heard()[0], "0/0")
        silent = false
        yield* bed.network.cut(FakeHub.hubHost)
        yield* pass("20 seconds")
        assert.strictEqual(yield* Fiber.join(early), "Flowee:1 (2021-04)")
        yield* settle
      })
    ))
})
