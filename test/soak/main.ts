/**
 * Soaks effect-flowee: clients and servers over real sockets, and faults without end.
 *
 *     npm run soak                                 one minute
 *     npm run soak -- --minutes 20 --clients 100
 *     npm run soak -- --seed 7                     the faults of an earlier run, as far as time allows
 *     npm run soak --silent -- --json              one object and nothing else
 *     npm run soak -- --minutes 20 --docs          writes the results into docs
 *
 * It ends with exit code 1 when the contract was broken. Memory over time is drawn to .build/soak.svg, or to --svg FILE.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Data, Effect, Option, Random } from "effect"
import { Command, Flag } from "effect/cli"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Machine from "../../bench/harness/machine.ts"
import * as Chart from "./chart.ts"
import * as Docs from "./docs.ts"
import * as Soak from "./soak.ts"
import * as Table from "./table.ts"

class ContractBroken extends Data.TaggedError("ContractBroken")<{ readonly unexplained: number }> {
  override get message(): string {
    return `${this.unexplained} things happened that the contract does not allow`
  }
}

const defaultSvg = Path.join(import.meta.dirname, "..", "..", ".build", "soak.svg")

const positive = (value: number): boolean => value > 0

const command = Command.make("soak", {
  minutes: Flag.Finite("minutes").pipe(
    Flag.withDescription("How long"),
    Flag.filter(positive, () => "minutes, more than 0"),
    Flag.withDefault(1)
  ),
  seed: Flag.Int("seed").pipe(Flag.withDescription("Of the faults. Default: any"), Flag.optional),
  clients: Flag.Int("clients").pipe(
    Flag.withDescription("How many connections"),
    Flag.filter(positive, () => "1 or more"),
    Flag.withDefault(50)
  ),
  svg: Flag.String("svg").pipe(Flag.withDescription("Where memory over time is drawn"), Flag.optional),
  docs: Flag.Boolean("docs").pipe(
    Flag.withDescription("Write the results into docs/reliability.md and docs/soak.svg"),
    Flag.withDefault(false)
  ),
  json: Flag.Boolean("json").pipe(Flag.withDescription("Print one JSON object"), Flag.withDefault(false))
}, ({ clients, docs, json, minutes, ...options }) =>
  Effect.gen(function*() {
    const seed = Option.isSome(options.seed) ? options.seed.value : yield* Random.nextIntBetween(1, 999_999)
    if (!json) yield* Console.log(`Soaking for ${minutes} min with ${clients} clients, seed ${seed}`)
    // Later it is the soak itself that keeps the machine busy.
    const machine = Machine.describe()
    const { result, samples } = yield* Soak.soak({ minutes, seed, clients })
    const svg = Option.getOrElse(options.svg, () => docs ? Docs.svg : defaultSvg)
    Fs.mkdirSync(Path.dirname(svg), { recursive: true })
    Fs.writeFileSync(svg, Chart.draw(samples))
    if (docs) Docs.write(result, machine)
    yield* Console.log(json ? JSON.stringify(result) : `${Table.draw(result)}Memory over time: ${svg}\n`)
    if (result.unexplained > 0) return yield* new ContractBroken({ unexplained: result.unexplained })
  }))

Command.run(command, { version: "0.1.0" }).pipe(
  Effect.tapError((error) => Console.error(error.message)),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
