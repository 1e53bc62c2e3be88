import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as HubAddress from "../../../src/domain/hub/HubAddress.ts"
import * as Network from "../../../src/domain/Network.ts"
import * as BlockPace from "../../../src/domain/p2p/BlockPace.ts"
import * as ScriptPushes from "../../../src/domain/p2p/ScriptPushes.ts"
import * as TransactionOutline from "../../../src/domain/p2p/TransactionOutline.ts"
import * as WalletElement from "../../../src/domain/p2p/WalletElement.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as WalletChain from "../../utils/p2p/walletChain.ts"

const random = Legacy.makeRandom(8)

const { Data, OutPoint, PublicKeyHash, Script } = WalletElement.WalletElement

const messageOf = (result: Result.Result<unknown, Error>) => Result.isFailure(result) ? result.failure.message : ""

describe("WalletElement", () => {
  it("is found by what scripts push", () => {
    const hash = random.bytes(20)
    assert.deepStrictEqual(Result.getOrThrow(WalletElement.target(PublicKeyHash({ hash }))), {
      filtered: hash,
      exact: { of: "script", bytes: Uint8Array.of(0x76, 0xa9, 0x14, ...hash, 0x88, 0xac) }
    })
    const script = Uint8Array.of(0x51, 2, 1, 1, 3, 5, 6, 7, 0x52, 0xae)
    assert.deepStrictEqual(
      Result.getOrThrow(WalletElement.target(Script({ script }))).filtered,
      Uint8Array.of(5, 6, 7)
    )
    const txid = random.bytes(32)
    assert.deepStrictEqual(
      Result.getOrThrow(WalletElement.target(OutPoint({ txid, index: 258 }))).filtered,
      Uint8Array.of(...txid, 2, 1, 0, 0)
    )
  })

  it.each([
    [PublicKeyHash({ hash: random.bytes(32) }), "the hash of a public key has 20 bytes"],
    [Script({ script: new Uint8Array(0) }), "pushes nothing"],
    [Script({ script: new Uint8Array(10_001) }), "no script of over 10000 bytes can be spent"],
    [OutPoint({ txid: random.bytes(31), index: 0 }), "32 are needed"],
    [OutPoint({ txid: random.bytes(32), index: -1 }), "there is none"],
    [Data({ bytes: new Uint8Array(0) }), "1 to 520 bytes are needed"],
    [Data({ bytes: new Uint8Array(521) }), "1 to 520 bytes are needed"]
  ])("refuses %o", (element, problem) => {
    assert.include(messageOf(WalletElement.target(element)), problem)
  })

  it("reads addresses of keys and scripts", () => {
    const hash = HubAddress.fromBytesUnsafe(random.bytes(20))
    const text = HubAddress.toCashAddress(hash, Network.regtest)
    const expected = PublicKeyHash({ hash: HubAddress.toBytes(hash) })
    assert.deepStrictEqual(Result.getOrThrow(WalletElement.fromAddress(text, Network.regtest)), expected)
    assert.deepStrictEqual(
      Result.getOrThrow(WalletElement.fromAddress(text.slice("bchreg:".length).toUpperCase(), Network.regtest)),
      expected
    )
    assert.include(messageOf(WalletElement.fromAddress(text, Network.mainnet)), "its prefix is \"bchreg\"")
    assert.include(messageOf(WalletElement.fromAddress("nonsense", Network.mainnet)), "cannot be watched")
    // The example of the specification of CashAddr.
    assert.deepStrictEqual(
      Result.getOrThrow(
        WalletElement.fromAddress("bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq", Network.mainnet)
      ),
      Script({ script: Legacy.fromHex("a91476a04053bda0a88bda5177b86a15c3b29f55987387") })
    )
  })
})

describe("ScriptPushes", () => {
  it.each([
    ["", []],
    ["51ac", []],
    ["02aabb", ["aabb"]],
    ["4c02aabb4d0100cc4e01000000dd", ["aabb", "cc", "dd"]],
    ["01aa4c", ["aa"]],
    ["01aa05bb", ["aa"]],
    ["01aa4dff", ["aa"]],
    ["01aa4effffffff00", ["aa"]]
  ])("of %s are %o", (script, expected) => {
    assert.deepStrictEqual(ScriptPushes.of(Legacy.fromHex(script)).map(Legacy.toHex), expected)
  })
})

describe("TransactionOutline", () => {
  const withScript = (script: Uint8Array) =>
    Uint8Array.of(1, 0, 0, 0, 0, 1, ...new Uint8Array(8), script.length, ...script, 0, 0, 0, 0)

  const outputOf = (script: Uint8Array) => Result.getOrThrow(TransactionOutline.decode(withScript(script))).outputs[0]!

  it("has what is spent and what is paid to", () => {
    const spends = { txId: random.bytes(32), index: 3 }
    const transaction = WalletChain.makeTransaction(random, { spends: [spends] })
    const { inputs, outputs } = Result.getOrThrow(TransactionOutline.decode(transaction.bytes))
    assert.deepStrictEqual(inputs[0]!.outpoint, TransactionOutline.outpoint(spends.txId, 3))
    assert.deepStrictEqual(outputs, transaction.outputs.map(({ script }) => ({ script })))
  })

  it("tells tokens from scripts", () => {
    const category = random.bytes(32)
    const script = Uint8Array.of(0x51)
    const whole = (bitfield: number, ...rest: ReadonlyArray<number>) =>
      outputOf(Uint8Array.of(0xef, ...category, bitfield, ...rest, ...script))
    assert.deepStrictEqual(whole(0x10, 5), { script, category })
    assert.deepStrictEqual(whole(0x20), { script, category })
    assert.deepStrictEqual(whole(0x70, 2, 7, 7, 0xfd, 0, 1), { script, category })
    const old = Uint8Array.of(0xef, 1, 2, 3)
    assert.deepStrictEqual(outputOf(old), { script: old })
  })

  it("never throws", () => {
    for (let i = 0; i < 5000; i++) {
      const { bytes } = WalletChain.makeTransaction(random)
      const changed = bytes.slice(0, random.below(bytes.length + 1))
      if (changed.length > 0) changed[random.below(changed.length)] = random.below(256)
      TransactionOutline.decode(changed)
    }
    assert.strictEqual(TransactionOutline.decode(new Uint8Array(64))._tag, "Failure")
  })
})

describe("BlockPace", () => {
  it("is too slow with under a block a second over 4.2 seconds, three times in a row", () => {
    const after = (counts: ReadonlyArray<number>) => {
      let pace = BlockPace.make(0)
      for (const [at, count] of counts.entries()) {
        for (let i = 0; i < count; i++) pace = BlockPace.count(pace)
        const early = BlockPace.judge(pace, (at + 1) * 4200 - 1)
        assert.deepStrictEqual(early, { _tag: "GoesOn", pace })
        const verdict = BlockPace.judge(pace, (at + 1) * 4200)
        if (verdict._tag === "Stalled") return at + 1
        pace = verdict.pace
      }
      return undefined
    }
    assert.strictEqual(after([0, 0, 0]), 3)
    assert.strictEqual(after([4, 4, 4]), 3)
    assert.isUndefined(after([5, 5, 5, 5]))
    assert.isUndefined(after([0, 0, 5, 0, 0, 5]))
    assert.strictEqual(after([0, 0, 5, 0, 0, 4]), 6)
  })
})
