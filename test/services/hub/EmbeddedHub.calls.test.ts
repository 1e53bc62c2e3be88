import * as Auth from "@bitauth/libauth"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import * as Block from "../../../src/domain/chain/Block.ts"
import * as Coinbase from "../../../src/domain/chain/Coinbase.ts"
import * as HubAddress from "../../../src/domain/hub/HubAddress.ts"
import * as Network from "../../../src/domain/Network.ts"
import * as EmbeddedHub from "../../../src/services/hub/EmbeddedHub.ts"
import * as RegtestChain from "../../../src/services/hub/RegtestChain.ts"
import * as Fixture from "../../utils/embeddedHub.ts"
import * as Wallet from "../../utils/wallet.ts"

const address = Wallet.traceKey.addressHash

const cashAddress = HubAddress.toCashAddress(address, Network.regtest)

describe("services Meta, Util, RegTest and Mining of EmbeddedHub", () => {
  it.live("Version tells what it was made to say", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      assert.deepStrictEqual(yield* hub.version(), { version: Fixture.version })
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("CreateAddress gives the key of the address", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      const created = yield* hub.createAddress()
      const publicKey = Auth.assertSuccess(
        Auth.secp256k1.derivePublicKeyCompressed(Redacted.value(created.privateKey))
      )
      assert.strictEqual(created.address, HubAddress.fromBytesUnsafe(Auth.hash160(publicKey)))
      assert.notInclude(JSON.stringify(created), Fixture.hex(Redacted.value(created.privateKey)))
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("ValidateAddress knows addresses of regtest, and of no other network", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      const validate = (address: string) => hub.validateAddress({ address })
      const good = { isValid: true, address: cashAddress, script: Wallet.traceKey.script }
      assert.deepStrictEqual(yield* validate(cashAddress), good)
      assert.deepStrictEqual(yield* validate(cashAddress.replace("bchreg:", "")), good)
      assert.deepStrictEqual(yield* validate(cashAddress.toUpperCase()), good)
      const old = String(Auth.lockingBytecodeToBase58Address(Wallet.traceKey.script, "testnet"))
      assert.deepStrictEqual(yield* validate(old), good)
      const scriptAddress = Auth.encodeCashAddress({ prefix: "bchreg", type: "p2sh", payload: new Uint8Array(20) })
      assert.strictEqual((yield* validate(scriptAddress.address)).isValid, true)
      const main = String(Auth.lockingBytecodeToBase58Address(Wallet.traceKey.script, "mainnet"))
      const bad = [
        "",
        "bchreg:",
        "no address",
        cashAddress.slice(0, -1),
        main,
        HubAddress.toCashAddress(address, Network.mainnet),
        HubAddress.toCashAddress(address, Network.testnet4)
      ]
      for (const text of bad) assert.deepStrictEqual(yield* validate(text), { isValid: false }, text)
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GenerateBlock makes one block or up to 150 that pay the address", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      const [first, ...others] = yield* hub.generateBlock({ address })
      assert.deepStrictEqual(others, [])
      const block = yield* hub.getBlock({ hash: first!, withOutputs: true, withAddresses: true })
      assert.deepStrictEqual(block.transactions[0]!.outputs, [{
        index: Fixture.index(0),
        amount: Fixture.amount(5_000_000_000n),
        script: Wallet.traceKey.script,
        address
      }])
      const many = yield* hub.generateBlock({ address, blocks: 150 })
      assert.strictEqual(new Set(many).size, 150)
      assert.deepStrictEqual(yield* hub.getBestBlockHash(), { hash: many[149]! })
      const last = yield* hub.getBlock({ hash: many[149]!, withAmounts: true })
      assert.strictEqual(last.height, 151)
      assert.strictEqual(last.transactions[0]!.outputs[0]!.amount, 2_500_000_000n, "halved at 150")
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("GenerateBlock refuses other amounts", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      for (const blocks of [0, -1, 151, 2 ** 40]) {
        assert.strictEqual(
          yield* Fixture.refusal(hub.generateBlock({ address, blocks })),
          "Invalid Amount argument"
        )
      }
      assert.strictEqual((yield* hub.getBlockCount()).height, 0)
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("SubmitBlock takes a block, and refuses what is none, known, or wrong", () =>
    Effect.gen(function*() {
      const { hub } = yield* Fixture.connect
      yield* Fixture.mine(1)
      const chain = yield* RegtestChain.RegtestChain
      const tip = yield* chain.look(({ tip }) => ({ hash: tip.hash, time: tip.medianTime }))
      const mine = (amount: bigint, time = tip.time + 1) =>
        Block.mine({
          version: 0x20000000,
          previous: tip.hash,
          time,
          bits: 0x207fffff,
          transactions: [Coinbase.make({ height: 2, address: Wallet.traceKey.address, amount })]
        })
      const refused = (block: Uint8Array) => Fixture.refusal(hub.submitBlock({ block }))
      assert.strictEqual(yield* refused(Uint8Array.of(0)), "unknown error")
      assert.strictEqual(yield* refused(mine(Coinbase.subsidy(2) + 1n).bytes), "bad-cb-amount")
      assert.match(yield* refused(mine(1n, tip.time).bytes), /^time-too-old \(/)
      assert.strictEqual(yield* refused(new Uint8Array(EmbeddedHub.maxSubmittedBlock + 1)), "bad-blk-length")
      assert.strictEqual(yield* refused(new Uint8Array(EmbeddedHub.maxSubmittedBlock)), "unknown error")
      const good = mine(Coinbase.subsidy(2))
      const broken = good.bytes.slice()
      broken[40]! ^= 1
      assert.match(yield* refused(broken), /^(high-hash \(|bad-txnmrklroot)/)
      assert.deepStrictEqual(yield* hub.submitBlock({ block: good.bytes }), { hash: Fixture.blockHash(good) })
      assert.deepStrictEqual(yield* hub.getBlockCount(), { height: Fixture.height(2) })
      assert.strictEqual(yield* refused(good.bytes), "duplicate")
      const found = yield* hub.getBlock({ height: Fixture.height(2) })
      assert.deepStrictEqual(
        found.transactions[0]!.bytes,
        Result.getOrThrow(Block.decode(good.bytes)).transactions[0]!.transaction.bytes
      )
    }).pipe(Effect.provide(Fixture.layer)))
})
