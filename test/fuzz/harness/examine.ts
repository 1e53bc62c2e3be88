/**
 * Runs a decoder with an input, and checks what has to hold for all of them: it does not throw, it leaves the input as
 * it is, and it takes no more time and memory than the length of the input allows.
 */
import { digest } from "./inputs.ts"
import type { Decoder, Made } from "./target.ts"

export interface Examined {
  /** What came of it. */
  readonly outcome: string
  readonly milliseconds: number
}

/** Milliseconds and bytes that one byte of input may cost, besides what any input may. */
const patiencePerByte = 0.02
const allowancePerByte = 4000

const defaultPatience = 25
const defaultAllowance = 4_000_000

/** The machine may be busy elsewhere, and a function may be compiled: what counts is the best of so many times. */
const attempts = 4

const memory = (): number => {
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const time = async (run: () => unknown): Promise<number> => {
  const start = performance.now()
  await run()
  return performance.now() - start
}

const least = async (measure: () => Promise<number>, first: number): Promise<number> => {
  let found = first
  for (let i = 1; i < attempts; i++) found = Math.min(found, await measure())
  return found
}

const allocation = async (run: () => unknown): Promise<number> => {
  const before = memory()
  await run()
  return memory() - before
}

/** Runs and checks one input. Throws when something is so that must not be. */
export const examine = async (
  target: Decoder,
  input: Uint8Array,
  options: { readonly verify?: Made["verify"]; readonly weighs: boolean }
): Promise<Examined> => {
  const before = digest(input)
  const startMemory = options.weighs ? memory() : 0
  const start = performance.now()
  const ran = target.run(input)
  const outcome = typeof ran === "string" ? ran : await ran
  const milliseconds = performance.now() - start
  const run = () => target.run(input)

  if (options.weighs) {
    const most = (target.allowance ?? defaultAllowance) + input.length * allowancePerByte
    const taken = memory() - startMemory
    if (taken > most && await least(() => allocation(run), taken) > most) {
      throw new Error(`it allocates ${taken} bytes for ${input.length}, more than ${most}`)
    }
  }
  const longest = (target.patience ?? defaultPatience) + input.length * patiencePerByte
  if (milliseconds > longest) {
    const best = await least(() => time(run), milliseconds)
    if (best > longest) {
      throw new Error(`it takes ${best.toFixed(1)} ms for ${input.length} bytes, longer than ${longest.toFixed(1)}`)
    }
  }
  if (digest(input) !== before) throw new Error("it changes its input")
  options.verify?.()
  return { outcome, milliseconds }
}
