import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as DoubleSpendProof from "../../../src/domain/chain/DoubleSpendProof.ts"
import * as Script from "../../../src/domain/chain/Script.ts"
import * as ScriptRules from "../../../src/domain/chain/ScriptRules.ts"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as Native from "../../utils/native.ts"
import * as RawHub from "../../utils/rawHub.ts"
import * as Wallet from "../../utils/wallet.ts"

/** The transactions that the recorded client sent. */
const sent = Native.traces[1]!.frames.flatMap(({ dir, hex }) => {
  const { bodyValues, headerValues } = RawHub.parse(Native.fromHex(hex))
  const [serviceId, messageId] = headerValues
  const [first] = bodyValues
  const isSend = dir === "client->hub" && serviceId!.value === 2 && messageId!.value === 2
  return isSend && first?._tag === "Bytes" ? [first.value] : []
})

const [payment, , , duplicate, forged] = sent.map((bytes) => Result.getOrThrow(Transaction.decode(bytes)))

const spent = { amount: 5_000_000_000n, script: Wallet.traceKey.script }

describe("Transaction", () => {
  it("reads a recorded one, and writes the same bytes", () => {
    assert.strictEqual(
      Native.toHex(payment!.id),
      "eddbcfe7bbd7adbb233d436a53e50c560e0d6f374b22cd1803b661a12c43425c"
    )
    const [input] = payment!.inputs
    assert.strictEqual(
      Native.toHex(input!.txId),
      "31491c7db19ff8a2244cfed6f11820e6f49c2b16ca64340bcdf92835bf1107de"
    )
    assert.deepStrictEqual(payment!.outputs.map(({ amount }) => amount), [4_899_999_000n, 100_000_000n])
    assert.strictEqual(Transaction.amount(payment!), 4_999_999_000n)
    const again = Transaction.make(payment!)
    assert.deepStrictEqual([again.bytes, again.id], [payment!.bytes, payment!.id])
  })

  it("leaves the bytes alone that it reads, though they be a buffer of Node.js", () => {
    const buffer = Buffer.from(sent[0]!)
    assert.deepStrictEqual(Result.getOrThrow(Transaction.decode(buffer)).id, payment!.id)
    assert.strictEqual(buffer.toString("hex"), Native.toHex(sent[0]!))
  })

  it("says what is wrong with other bytes, whatever they are", () => {
    const random = new Native.Random(Native.seed)
    const good = sent[0]!
    for (let end = 0; end < good.length; end++) {
      assert.isTrue(Result.isFailure(Transaction.decode(good.slice(0, end))), `${end} bytes`)
    }
    assert.isTrue(Result.isFailure(Transaction.decode(Uint8Array.of(...good, 0))))
    for (let i = 0; i < 2000; i++) {
      const bytes = good.slice()
      for (let n = random.between(1, 4); n > 0; n--) bytes[random.below(bytes.length)] = random.below(256)
      const decoded = Transaction.decode(bytes)
      if (Result.isSuccess(decoded)) {
        assert.deepStrictEqual(decoded.success.bytes, bytes, `seed ${Native.seed}, round ${i}`)
      } else assert.include(decoded.failure.message, "these bytes are no transaction")
    }
  })

  it("knows who is paid", () => {
    assert.deepStrictEqual(payment!.outputs.map(({ script }) => Script.addressOf(script)), [
      Wallet.traceKey.address,
      new Uint8Array(20).fill(9)
    ])
    assert.strictEqual(
      Native.toHex(Script.hash(Wallet.traceKey.script)),
      "1ae4a120a3f0f58205993b2514a6d5d921c4ed44788968846720e91983663566"
    )
    assert.isUndefined(Script.addressOf(Uint8Array.of(0x6a)))
  })
})

describe("ScriptRules", () => {
  it("tells recorded signatures that are good from one that is not", () => {
    const faults = [payment!, duplicate!, forged!].map((transaction) =>
      ScriptRules.findScriptFault(ScriptRules.make(transaction, [spent]), 0)?.message
    )
    assert.deepStrictEqual(faults, [
      undefined,
      undefined,
      "16: mandatory-script-verify-flag-failed (Script evaluated without error but finished with a false/empty top " +
      "stack element)"
    ])
  })

  it("says what else a script did", () => {
    const [input] = payment!.inputs
    const faultOf = (unlock: string, lock: string) => {
      const transaction = { ...payment!, inputs: [{ ...input!, script: Native.fromHex(unlock) }] }
      const spend = ScriptRules.make(transaction, [{ amount: 1n, script: Native.fromHex(lock) }])
      return ScriptRules.findScriptFault(spend, 0)?.rule
    }
    assert.isUndefined(faultOf("51", "51 87"))
    assert.match(faultOf("", "00")!, /false\/empty top stack element/)
    assert.match(faultOf("", "6a")!, /OP_RETURN/)
    assert.match(faultOf("51", "51")!, /must be exactly 1/)
    assert.match(faultOf("4c", "51")!, /malformed/)
    assert.match(faultOf("", "ff")!, /failed \(.+\)/)
  })

  it("lets nobody create tokens", () => {
    const token = { amount: 5n, category: new Uint8Array(32).fill(7) }
    const [output, ...others] = payment!.outputs
    const forger = { ...payment!, outputs: [{ ...output!, token }, ...others] }
    assert.match(ScriptRules.findTokenFault(ScriptRules.make(forger, [spent]))!.rule, /^bad-txns-tokens \(/)
    assert.isUndefined(ScriptRules.findTokenFault(ScriptRules.make(payment!, [spent])))
  })
})

describe("DoubleSpendProof", () => {
  it("has the id that a Hub gave the proof of the recorded double spend, whoever comes first", () => {
    const id = "d8dd9b64766782b565ecf0b2264c74e9b4ae319a7846ee5a1c8decb35e707830"
    const [spentBoth] = payment!.inputs
    for (const [a, b] of [[payment!, duplicate!], [duplicate!, payment!]]) {
      const proof = DoubleSpendProof.make(spentBoth!, a!, b!)
      assert.strictEqual(Native.toHex(DoubleSpendProof.id(proof!)), id)
    }
  })

  it("is not to be had when an input is not there or has no signature", () => {
    const [spentBoth] = payment!.inputs
    const elsewhere = { ...spentBoth!, index: 1 }
    assert.isUndefined(DoubleSpendProof.make(elsewhere, payment!, duplicate!))
    const unsigned = { ...duplicate!, inputs: [{ ...spentBoth!, script: Uint8Array.of(0x51) }] }
    assert.isUndefined(DoubleSpendProof.make(spentBoth!, payment!, unsigned))
  })
})
