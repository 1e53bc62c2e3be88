/**
 * Measures effect-flowee against other libraries.
 *
 *     npm run bench                        all workloads, about eight minutes
 *     npm run bench -- --quick             less of everything, for a first look
 *     npm run bench -- --only flood        one workload; several are separated by commas
 *     npm run bench -- --json FILE         writes all samples to a file as well
 *
 * A run of all workloads writes results.md and results.svg beside this file.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Duration, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Chart from "./harness/chart.ts"
import * as Installation from "./harness/installation.ts"
import * as Json from "./harness/json.ts"
import * as Machine from "./harness/machine.ts"
import * as Markdown from "./harness/markdown.ts"
import { BenchError } from "./harness/processes.ts"
import * as Runner from "./harness/runner.ts"
import type { Workload } from "./harness/workload.ts"
import { workloads } from "./workloads/all.ts"

const names = workloads.map(({ name }) => name)

/** Installs the other libraries where they are not. Without them this library is measured alone. */
const install = Effect.gen(function*() {
  if (Installation.isInstalled()) return
  yield* Console.error("Installing the other libraries (npm ci in bench)")
  const problem = Installation.install()
  if (problem !== undefined) yield* Console.error(`THEY COULD NOT BE INSTALLED and are left out:\n${problem}`)
})

const choose = (only: Option.Option<string>): Effect.Effect<ReadonlyArray<Workload>, BenchError> => {
  if (Option.isNone(only)) return Effect.succeed(workloads)
  const wanted = only.value.split(",")
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    return Effect.fail(new BenchError({ problem: `there is no workload "${unknown}", only ${names.join(", ")}` }))
  }
  return Effect.succeed(workloads.filter(({ name }) => wanted.includes(name)))
}

const write = (file: string, text: string) =>
  Effect.andThen(Effect.sync(() => Fs.writeFileSync(file, text)), Console.error(`Wrote ${file}`))

const bench = Command.make("bench", {
  quick: Flag.Boolean("quick").pipe(
    Flag.withDescription("Less of everything, for a first look"),
    Flag.withDefault(false)
  ),
  only: Flag.String("only").pipe(Flag.withDescription(`Workloads, by commas: ${names.join(", ")}`), Flag.optional),
  json: Flag.String("json").pipe(Flag.withDescription("A file for all samples"), Flag.optional)
}, ({ json, only, quick }) =>
  Effect.gen(function*() {
    const chosen = yield* choose(only)
    yield* install
    const scale = quick ? "quick" : "full"
    const machine = Machine.describe()
    const results: Array<Runner.WorkloadResult> = []
    for (const workload of chosen) {
      const [time, result] = yield* Effect.timed(
        Runner.run(workload, scale, (line) => process.stderr.write(`${line}\n`))
      )
      results.push(result)
      yield* Console.log(`${Markdown.section(result)}\n`)
      yield* Console.error(`${workload.name} took ${Duration.format(time)}`)
    }
    if (Option.isSome(json)) yield* write(json.value, Json.encode(results, machine, scale))
    if (Option.isSome(only)) return
    yield* write(Path.join(import.meta.dirname, "results.md"), Markdown.page(results, machine, scale))
    yield* write(Path.join(import.meta.dirname, "results.svg"), Chart.draw(results))
  }))

Command.run(bench, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
