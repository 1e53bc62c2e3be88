/**
 * Fuzzes targets: makes inputs, runs them, counts what came of them, and makes the first one that fails small.
 */
import { toHex } from "../../utils/native.ts"
import * as Corpus from "./corpus.ts"
import { examine } from "./examine.ts"
import { type Input, makeInputs } from "./inputs.ts"
import { minimise } from "./minimise.ts"
import type { Decoder, Server, Target } from "./target.ts"

export interface Report {
  readonly name: string
  readonly inputs: number
  readonly seconds: number
  /** The longest time of one input, of a server that of all its peers together. */
  readonly worst: number
  /** How often what came of an input. */
  readonly outcomes: ReadonlyMap<string, number>
}

export interface Options {
  readonly seed: number
  readonly inputs: number
  /** The place of the first input. Default: 0. */
  readonly from?: number
  /** Told before each input, so that somebody can tell which one does not end. */
  readonly onInput?: (target: Target, index: number) => void
}

/** An input that fails, made small. */
export class Failure extends Error {
  override readonly name = "Failure"
}

/** Every so many inputs their memory is measured: the measuring takes longer than most of them. */
const weighedEach = 16

/** So many bytes of an input are shown in hex. */
const shown = 20_000

const describe = (cause: unknown): string =>
  cause instanceof Error ? cause.stack ?? `${cause.name}: ${cause.message}` : String(cause)

const failure = async (
  target: Target,
  { bytes, place, run, cause }: {
    readonly bytes: Uint8Array
    readonly place: string
    readonly run: (input: Uint8Array) => Promise<unknown>
    readonly cause: unknown
  }
): Promise<Failure> => {
  const fails = (input: Uint8Array) => run(input).then(() => false, () => true)
  const isRepeatable = await fails(bytes)
  const small = isRepeatable ? await minimise(bytes, fails) : bytes
  const why = isRepeatable ? await run(small).then(() => cause, (cause: unknown) => cause) : cause
  const hex = toHex(small.subarray(0, shown))
  return new Failure(
    [
      `${target.name} fails with ${bytes.length} bytes (${place})`,
      describe(why),
      isRepeatable ? `made small, ${small.length} bytes: ${hex}` : `it does not fail alone: ${hex}`,
      isRepeatable
        ? `again: npm run fuzz -- --only ${target.name} --hex ${hex}`
        : `again: npm run fuzz -- --only ${target.name} ${place}`,
      `keep it: add the digits as a line to test/fuzz/corpus/${target.name}.hex`
    ].join("\n"),
    { cause: why }
  )
}

/** Runs one input of a target. Throws when something is so that must not be. */
export const replay = async (target: Target, input: Uint8Array): Promise<string> =>
  target.kind === "server"
    ? (await target.run([input])).join()
    : (await examine(target, input, { weighs: true })).outcome

const count = (outcomes: Map<string, number>, outcome: string): void => {
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
}

const placeOf = ({ seed }: Options, index: number, inputs = 1): string =>
  `--seed ${seed} --from ${index} --inputs ${inputs}`

const fuzzDecoder = async (
  target: Decoder,
  inputAt: (index: number) => Input,
  options: Options,
  outcomes: Map<string, number>
): Promise<number> => {
  const from = options.from ?? 0
  let worst = 0
  for (let index = from; index < from + options.inputs; index++) {
    options.onInput?.(target, index)
    const { bytes, verify } = inputAt(index)
    try {
      const { milliseconds, outcome } = await examine(target, bytes, { verify, weighs: index % weighedEach === 0 })
      count(outcomes, outcome)
      if (milliseconds > worst) worst = milliseconds
    } catch (cause) {
      const run = (input: Uint8Array) => examine(target, input, { weighs: true })
      throw await failure(target, { bytes, place: placeOf(options, index), run, cause })
    }
  }
  return worst
}

const fuzzServer = async (
  target: Server,
  inputAt: (index: number) => Input,
  options: Options,
  outcomes: Map<string, number>
): Promise<number> => {
  const from = options.from ?? 0
  let worst = 0
  for (let index = from; index < from + options.inputs; index += target.peers) {
    options.onInput?.(target, index)
    const size = Math.min(target.peers, from + options.inputs - index)
    const inputs = Array.from({ length: size }, (_, i) => inputAt(index + i).bytes)
    const start = performance.now()
    try {
      for (const outcome of await target.run(inputs)) count(outcomes, outcome)
    } catch (cause) {
      const run = (input: Uint8Array) => target.run([input])
      // Which of them it was is told by letting each say its part alone.
      for (const bytes of inputs) {
        const failed = await run(bytes).then(() => false, () => true)
        if (failed) throw await failure(target, { bytes, place: placeOf(options, index, size), run, cause })
      }
      throw new Failure(
        `${target.name} fails with ${size} peers, with none of them alone (${placeOf(options, index, size)})\n` +
          `${describe(cause)}\nagain: npm run fuzz -- --only ${target.name} ${placeOf(options, index, size)}`,
        { cause }
      )
    }
    worst = Math.max(worst, performance.now() - start)
  }
  return worst
}

/** Fuzzes one target. Throws a `Failure` at the first input for which something is so that must not be. */
export const fuzz = async (target: Target, options: Options): Promise<Report> => {
  const inputAt = makeInputs(target, options.seed, Corpus.read(target.name))
  const outcomes = new Map<string, number>()
  const start = performance.now()
  const worst = target.kind === "server"
    ? await fuzzServer(target, inputAt, options, outcomes)
    : await fuzzDecoder(target, inputAt, options, outcomes)
  return { name: target.name, inputs: options.inputs, seconds: (performance.now() - start) / 1000, worst, outcomes }
}
