/**
 * Fuzzes all that takes foreign bytes.
 *
 *     npm run fuzz                         1,000,000 inputs in all, with a seed of its own
 *     npm run fuzz -- --seed 5             the inputs of that seed; the environment variable SEED does the same
 *     npm run fuzz -- --only wire,native   some of the targets
 *     npm run fuzz -- --inputs 10000       another number of inputs in all
 *     npm run fuzz -- --only wire --seed 5 --from 100 --inputs 1    one of them again
 *     npm run fuzz -- --only wire --hex 0400ff    that input
 *     npm run fuzz -- --list               the names of the targets
 *
 * It ends with 1 at the first input for which something is so that must not be: made small, with the command that runs
 * it again. The inputs of test/fuzz/corpus are run first.
 */
import { parseArgs } from "node:util"
import { fromHex } from "../utils/native.ts"
import * as Corpus from "./harness/corpus.ts"
import * as Plan from "./harness/plan.ts"
import { Failure, fuzz, replay, type Report } from "./harness/runner.ts"
import * as Table from "./harness/table.ts"
import type { Target } from "./harness/target.ts"
import * as Watchdog from "./harness/watchdog.ts"
import { servers } from "./servers/all.ts"
import { decoders } from "./targets/all.ts"

const targets: ReadonlyArray<Target> = [...decoders, ...servers]

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    only: { type: "string" },
    inputs: { type: "string", default: "1000000" },
    from: { type: "string", default: "0" },
    hex: { type: "string" },
    list: { type: "boolean", default: false }
  }
})

const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

const stop = (problem: string): never => {
  process.stderr.write(`${problem}\n`)
  process.exit(1)
}

const count = (text: string, what: string): number => {
  const value = Number(text)
  return Number.isSafeInteger(value) && value >= 0 ? value : stop(`${what} is a number from 0 on, not "${text}"`)
}

const choose = (only: string | undefined): ReadonlyArray<Target> =>
  only === undefined ? targets : only.split(",").map((name) =>
    targets.find((target) => target.name === name) ??
      stop(`there is no target "${name}", only ${targets.map((target) => target.name).join(", ")}`)
  )

/** The target that runs now. */
let current = "nothing"

const runCorpus = async (target: Target): Promise<void> => {
  for (const input of Corpus.read(target.name)) {
    try {
      await replay(target, input)
    } catch (cause) {
      const hex = Buffer.from(input).toString("hex")
      throw new Failure(`${target.name} fails with an input of its corpus: ${hex}\n${String(cause)}`, { cause })
    }
  }
}

const fuzzAll = async (chosen: ReadonlyArray<Target>, seed: number): Promise<void> => {
  say(`seed ${seed}`)
  const { onInput, stop } = Watchdog.start(seed)
  const reports: Array<Report> = []
  const from = count(values.from, "--from")
  for (const { inputs, target } of Plan.divide(chosen, count(values.inputs, "--inputs"))) {
    current = target.name
    await runCorpus(target)
    const report = await fuzz(target, { seed, inputs, from, onInput })
    reports.push(report)
    say(`${target.name}: ${inputs} inputs in ${report.seconds.toFixed(1)} s`)
  }
  await stop()
  say(`\n${Table.format(reports)}`)
}

const main = async (): Promise<void> => {
  if (values.list) return say(targets.map(({ name }) => name).join("\n"))
  const chosen = choose(values.only)
  if (values.hex !== undefined) {
    const [target] = chosen
    if (target === undefined || chosen.length > 1) return stop("--hex wants one target: --only NAME")
    return say(await replay(target, fromHex(values.hex)))
  }
  const seed = values.seed ?? process.env["SEED"] ?? String(Math.floor(Math.random() * 2 ** 31))
  await fuzzAll(chosen, count(seed, "--seed"))
}

// What a listener throws where nobody waits for it.
process.on("uncaughtException", (error) => stop(`uncaught, while ${current} ran: ${String(error.stack)}`))

await main().catch((error: unknown) => stop(error instanceof Failure ? error.message : String((error as Error).stack)))
process.exit(0)
