/**
 * The check of the script of one input in pieces: a transaction can have scripts that take long, and whoever checks it
 * may have others to serve.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"
import type * as ScriptRules from "./ScriptRules.ts"
import * as TransactionRefused from "./TransactionRefused.ts"

/**
 * How far a check has come: there is more to do, or it is over, with what is wrong if anything is.
 *
 * @category models
 * @since 0.1.0
 */
export type Progress =
  | { readonly _tag: "Unfinished" }
  | { readonly _tag: "Finished"; readonly fault: TransactionRefused.TransactionRefused | undefined }

/**
 * A check of which nobody has done more than was asked for.
 *
 * @category models
 * @since 0.1.0
 */
export interface ScriptCheck {
  /**
   * Does the next piece: {@link signaturesAtOnce} checks of signatures at most, or as many as hash {@link bytesAtOnce}, or
   * {@link operationsAtOnce} operations of the script. What is finished stays so.
   */
  readonly next: () => Progress
}

/**
 * After so many checks of signatures a piece ends: a millisecond or two.
 *
 * @category constants
 * @since 0.1.0
 */
export const signaturesAtOnce = 8

/**
 * After so many bytes that signatures cover a piece ends: some 5 ms. Each check packs and hashes the inputs and outputs of
 * the transaction anew.
 *
 * @category constants
 * @since 0.1.0
 */
export const bytesAtOnce = 200_000

/**
 * After so many operations of a script a piece ends.
 *
 * @category constants
 * @since 0.1.0
 */
export const operationsAtOnce = 1000

type Machine = Auth.AuthenticationVirtualMachineBCH
type State = Auth.AuthenticationProgramStateBCH

/** The machine changes lists in place, but never what is in them. Its own way of copying copies the transaction too. */
const copy = (state: State): State => ({
  ...state,
  stack: [...state.stack],
  alternateStack: [...state.alternateStack],
  controlStack: [...state.controlStack],
  signedMessages: [...state.signedMessages]
})

const unfinished: Progress = { _tag: "Unfinished" }

/** Thrown out of the machine where a piece ends. */
const pause = Symbol("pause")

/** The signatures of one operation: those that were checked before a pause are not checked again. */
class Signatures {
  /** How many may be checked in a piece. */
  readonly #atOnce: number
  readonly #known: Array<boolean> = []
  #asked = 0
  #left = 0

  constructor(coveredBytes: number) {
    this.#atOnce = Math.max(1, Math.min(signaturesAtOnce, Math.floor(bytesAtOnce / coveredBytes)))
  }

  get isSpent(): boolean {
    return this.#left === 0
  }
  /** Whether the next answer is known, whatever the question. */
  get isKnown(): boolean {
    return this.#asked < this.#known.length
  }
  /** Another piece begins. */
  refresh(): void {
    this.#left = this.#atOnce
  }
  /** The operation begins, perhaps not for the first time. Its checks come in the same order each time. */
  beginAgain(): void {
    this.#asked = 0
  }
  /** The operation is over. */
  forget(): void {
    this.#known.length = 0
  }
  check(verify: () => boolean): boolean {
    const index = this.#asked++
    const known = this.#known[index]
    if (known !== undefined) return known
    if (this.isSpent) throw pause
    this.#left -= 1
    return this.#known[index] = verify()
  }
}

/** About what is hashed for a signature. */
const coveredBytes = (
  { sourceOutputs, transaction: { inputs, outputs } }: ScriptRules.Spend,
  input: number
): number => {
  const { length } = sourceOutputs[input].lockingBytecode
  return outputs.reduce(
    (sum, { lockingBytecode }) => sum + 40 + lockingBytecode.length,
    200 + length + 40 * inputs.length
  )
}

/** What the machine sees. While it repeats checks whose answers are known, it need not pack and hash all of it. */
class Program implements Auth.AuthenticationProgramBCH {
  readonly #whole: Auth.AuthenticationProgramBCH
  readonly #excerpt: Auth.AuthenticationProgramBCH
  readonly #signatures: Signatures

  constructor({ sourceOutputs, transaction }: ScriptRules.Spend, inputIndex: number, signatures: Signatures) {
    this.#whole = { inputIndex, sourceOutputs, transaction }
    this.#excerpt = {
      inputIndex: 0,
      sourceOutputs: [sourceOutputs[inputIndex]],
      transaction: { ...transaction, inputs: [transaction.inputs[inputIndex]], outputs: [] }
    }
    this.#signatures = signatures
  }

  get #seen(): Auth.AuthenticationProgramBCH {
    return this.#signatures.isKnown ? this.#excerpt : this.#whole
  }
  get inputIndex(): number {
    return this.#seen.inputIndex
  }
  get sourceOutputs(): Array<Auth.Output> {
    return this.#seen.sourceOutputs
  }
  get transaction(): Auth.TransactionCommon {
    return this.#seen.transaction
  }
}

/** Whose signatures the machine checks now: it runs for one check at a time, and never beyond a call. */
let current: Signatures | undefined

const checked = (verify: () => boolean): boolean => current === undefined ? verify() : current.check(verify)

const makeMachine = () => {
  const { ripemd160, secp256k1, sha1, sha256 } = Auth
  const instructions = Auth.createInstructionSetBCH2023(false, {
    ripemd160,
    sha1,
    sha256,
    secp256k1: {
      verifySignatureSchnorr: (...args) => checked(() => secp256k1.verifySignatureSchnorr(...args)),
      verifySignatureDERLowS: (...args) => checked(() => secp256k1.verifySignatureDERLowS(...args))
    }
  })
  return { instructions, machine: Auth.createVirtualMachine(instructions) }
}

let made: ReturnType<typeof makeMachine> | undefined

/** Made when it is first needed, since that takes a while. */
const getMachine = () => made ??= makeMachine()

/** After the scripts of the input and of the output comes the one that the output has the hash of, if it has one. */
const hashed = 2

const isTrue = ({ error, stack }: State): boolean =>
  error === undefined && stack.length > 0 && Auth.stackItemIsTruthy(stack[stack.length - 1])

/**
 * A program is up to three scripts, one after the other. Which they are is the instruction set's affair: it is asked
 * anew each time, given the end of every script that has been run, and interrupted at the one that has not.
 */
class Check implements ScriptCheck {
  readonly #program: Program
  /** How the scripts ended that have been run. */
  readonly #ends: Array<State> = []
  readonly #signatures: Signatures
  /** The script that is being run. */
  #running: State | undefined = undefined
  #finished: Progress | undefined = undefined

  constructor(spend: ScriptRules.Spend, inputIndex: number) {
    this.#signatures = new Signatures(coveredBytes(spend, inputIndex))
    this.#program = new Program(spend, inputIndex, this.#signatures)
  }

  next(): Progress {
    if (this.#finished !== undefined) return this.#finished
    this.#signatures.refresh()
    current = this.#signatures
    try {
      const result = this.#evaluate()
      this.#finished = { _tag: "Finished", fault: result === true ? undefined : failed(result) }
      return this.#finished
    } catch (defect) {
      this.#signatures.beginAgain()
      if (defect === pause) return unfinished
      // The scripts are those of strangers: what they do to the machine is their fault, not ours.
      this.#finished = { _tag: "Finished", fault: failed(String(defect)) }
      return this.#finished
    } finally {
      current = undefined
    }
  }

  #evaluate(): string | true {
    const { instructions, machine } = getMachine()
    let operations = 0
    let script = 0
    const run = (start: State): State => {
      const index = script++
      const end = this.#ends[index]
      if (end !== undefined) return end
      // The set goes on to the script that a hash stands for, whether or not that is its hash.
      const before = this.#ends[hashed - 1]
      if (index === hashed && !isTrue(before)) return before
      let state = this.#running ?? copy(start)
      while (machine.stateContinue(state)) {
        this.#running = state
        if (operations++ >= operationsAtOnce || this.#signatures.isSpent) throw pause
        state = this.#step(machine, state)
      }
      this.#running = undefined
      this.#ends.push(state)
      return state
    }
    return machine.stateSuccess(instructions.evaluate(this.#program, run))
  }

  #step(machine: Machine, state: State): State {
    this.#signatures.beginAgain()
    // Operations that check many signatures may be interrupted halfway, and those change the state that they are given.
    const canPause = checksMany.has(state.instructions[state.ip].opcode)
    const after = machine.stateStepMutate(canPause ? copy(state) : state)
    this.#signatures.forget()
    return after
  }
}

const checksMany: ReadonlySet<number> = new Set([
  Auth.OpcodesBCH2023.OP_CHECKMULTISIG,
  Auth.OpcodesBCH2023.OP_CHECKMULTISIGVERIFY
])

/**
 * Begins to check whether the script of an input unlocks its output.
 *
 * **Example** (With a turn for others after each piece)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { ScriptCheck, type ScriptRules } from "effect-flowee"
 *
 * const check = (spend: ScriptRules.Spend, input: number) =>
 *   Effect.gen(function*() {
 *     const check = ScriptCheck.make(spend, input)
 *     for (let progress = check.next();; progress = check.next()) {
 *       if (progress._tag === "Finished") return progress.fault
 *       yield* Effect.yieldNow
 *     }
 *   })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (spend: ScriptRules.Spend, inputIndex: number): ScriptCheck => new Check(spend, inputIndex)

const { nonNullSignatureFailure, unsuccessfulEvaluation } = Auth.AuthenticationErrorCommon

const falseResult = "Script evaluated without error but finished with a false/empty top stack element"

/** A Hub tells nothing apart between a signature that does not match and a false result. */
const failed = (problem: string): TransactionRefused.TransactionRefused => {
  const isFalse = problem.startsWith(unsuccessfulEvaluation) || problem.startsWith(nonNullSignatureFailure)
  return TransactionRefused.invalid(`mandatory-script-verify-flag-failed (${isFalse ? falseResult : problem})`)
}
