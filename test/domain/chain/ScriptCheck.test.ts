import { assert, describe, it } from "@effect/vitest"
import * as Auth from "@bitauth/libauth"
import * as ScriptCheck from "../../../src/domain/chain/ScriptCheck.ts"
import * as ScriptRules from "../../../src/domain/chain/ScriptRules.ts"
import type * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as Native from "../../utils/native.ts"
import * as Wallet from "../../utils/wallet.ts"

const Op = Auth.OpcodesBCH2023
const all = 0x41
const amount = 10_000n

const script = (...parts: ReadonlyArray<number | Uint8Array>): Uint8Array =>
  Auth.flattenBinArray(
    parts.map((part) => typeof part === "number" ? Uint8Array.of(part) : Auth.encodeDataPush(part))
  )

const repeat = <A>(count: number, one: ReadonlyArray<A>): ReadonlyArray<A> =>
  Array.from({ length: count }, () => one).flat()

const transaction = (unlock: Uint8Array, outputs = 1): Transaction.Contents => ({
  version: 2,
  inputs: [{ txId: new Uint8Array(32).fill(3), index: 0, script: unlock, sequence: 0xffff_ffff }],
  outputs: Array.from({ length: outputs }, () => ({ amount: 1n, script: Wallet.traceKey.script })),
  lockTime: 0
})

const spendOf = (lock: Uint8Array, unlock = script(), outputs = 1): ScriptRules.Spend =>
  ScriptRules.make(transaction(unlock, outputs), [{ amount, script: lock }])

/** What each piece came to. */
const pieces = (spend: ScriptRules.Spend): ReadonlyArray<ScriptCheck.Progress> => {
  const check = ScriptCheck.make(spend, 0)
  const all: Array<ScriptCheck.Progress> = []
  do all.push(check.next())
  while (all.at(-1)!._tag === "Unfinished")
  assert.strictEqual(check.next(), all.at(-1)!, "what is finished stays so")
  return all
}

const faultOf = (spend: ScriptRules.Spend): string | undefined => {
  const last = pieces(spend).at(-1)!
  return last._tag === "Finished" ? last.fault?.rule : "unfinished"
}

/** The machine as it is, in one go. */
const whole = Auth.createVirtualMachineBCH2023(false)

const isUnlocked = ({ sourceOutputs, transaction }: ScriptRules.Spend): boolean =>
  whole.stateSuccess(whole.evaluate({ inputIndex: 0, sourceOutputs, transaction })) === true

const keys = Array.from({ length: 20 }, (_, i) => Wallet.keyOf(`signer ${i}`))

/** Signs for the lock, as the only input. */
const sign = (key: Wallet.Key, lock: Uint8Array, outputs = 1): Uint8Array => {
  const { sourceOutputs, transaction } = spendOf(lock, script(), outputs)
  const packed = Auth.generateSigningSerializationBCH({ inputIndex: 0, sourceOutputs, transaction }, {
    coveredBytecode: lock,
    signingSerializationType: Uint8Array.of(all)
  })
  const signature = Auth.assertSuccess(Auth.secp256k1.signMessageHashDER(key.privateKey, Auth.hash256(packed)))
  return Uint8Array.of(...signature, all)
}

const multisig = (required: number): Uint8Array =>
  script(Op.OP_1 - 1 + required, ...keys.map(({ publicKey }) => publicKey), Uint8Array.of(20), Op.OP_CHECKMULTISIG)

describe("ScriptCheck", () => {
  const message = new Uint8Array(32).fill(1)
  const { privateKey, publicKey } = Wallet.traceKey
  const signature = Auth.assertSuccess(
    Auth.secp256k1.signMessageHashDER(privateKey, Auth.sha256.hash(message))
  )
  const good = [signature, message, publicKey, Op.OP_CHECKDATASIGVERIFY]
  const bad = [signature, Uint8Array.of(2), publicKey, Op.OP_CHECKDATASIGVERIFY]

  it("checks some signatures of a script at a time", () => {
    const count = pieces(spendOf(script(...repeat(60, good), Op.OP_1))).length
    assert.strictEqual(count, Math.ceil(60 / ScriptCheck.signaturesAtOnce))
    assert.isUndefined(faultOf(spendOf(script(...repeat(60, good), Op.OP_1))))
    assert.match(faultOf(spendOf(script(...repeat(59, good), ...bad, Op.OP_1)))!, /false\/empty top stack element/)
  })

  it("checks fewer at a time where each covers much", () => {
    // The outputs are 100,000 bytes or so.
    const lock = script(...repeat(12, good), Op.OP_1)
    assert.strictEqual(pieces(spendOf(lock, script(), 1)).length, 2)
    assert.isAtLeast(pieces(spendOf(lock, script(), 2900)).length, 6)
  })

  it("does some operations of a script at a time", () => {
    const lock = script(...repeat(4000, [Op.OP_1]), ...repeat(99, [Op.OP_2DROP]), Op.OP_RETURN)
    assert.isUndefined(faultOf(spendOf(script(Op.OP_1))))
    // A stack that large is refused on the way: a thousand items are the most.
    const found = pieces(spendOf(lock))
    assert.strictEqual(found.length, Math.ceil(1001 / ScriptCheck.operationsAtOnce))
  })

  it("checks some signatures of one operation at a time, and each of them once", () => {
    for (const outputs of [1, 2900]) {
      // The keys that signed are the first of the list, which are tried last.
      const lock = multisig(3)
      const signatures = keys.slice(0, 3).map((key) => sign(key, lock, outputs))
      const spend = spendOf(lock, script(Op.OP_0, ...signatures), outputs)
      assert.isTrue(isUnlocked(spend))
      assert.isUndefined(faultOf(spend))
      assert.isAtLeast(pieces(spend).length, outputs === 1 ? 3 : 7)
      const forged = spendOf(lock, script(Op.OP_0, ...signatures.toReversed()), outputs)
      assert.isFalse(isUnlocked(forged))
      assert.match(faultOf(forged)!, /false\/empty top stack element/)
    }
  })

  it("runs the script that a hash stands for, and no other", () => {
    const inner = script(...repeat(3, good), Op.OP_1)
    const lock = Auth.encodeLockingBytecodeP2sh20(Auth.hash160(inner))
    assert.isUndefined(faultOf(spendOf(lock, script(inner))))
    // The machine by itself would let anybody spend it.
    assert.match(faultOf(spendOf(lock, script(script(Op.OP_1))))!, /false\/empty top stack element/)
    const wrong = script(...repeat(2, good), ...bad, Op.OP_1)
    const lockOfWrong = Auth.encodeLockingBytecodeP2sh32(Auth.hash256(wrong))
    assert.match(faultOf(spendOf(lockOfWrong, script(wrong)))!, /false\/empty top stack element/)
  })

  it("finds what the machine finds, whatever the scripts are", () => {
    const random = new Native.Random(Native.seed)
    const codes = [Op.OP_DUP, Op.OP_IF, Op.OP_ELSE, Op.OP_ENDIF, Op.OP_CHECKSIG, Op.OP_CHECKMULTISIG, Op.OP_HASH160]
    const part = (): ReadonlyArray<number | Uint8Array> =>
      random.pick([good, bad, [random.pick(codes)], [Op.OP_1 + random.below(16)], [random.bytes(random.below(80))], [
        Op.OP_0
      ]])
    let unlocked = 0
    for (let round = 0; round < 3000; round++) {
      const unlock = script(...Array.from({ length: random.below(3) }, () => random.pick([Op.OP_1, message])))
      const lock = script(...Array.from({ length: random.below(12) }, part).flat())
      const spend = random.chance(30)
        ? spendOf(Auth.encodeLockingBytecodeP2sh20(Auth.hash160(lock)), Auth.flattenBinArray([unlock, script(lock)]))
        : spendOf(lock, unlock)
      const expected = isUnlocked(spend)
      assert.strictEqual(faultOf(spend) === undefined, expected, `seed ${Native.seed}, round ${round}`)
      if (expected) unlocked += 1
    }
    assert.isAbove(unlocked, 50)
  })
})
