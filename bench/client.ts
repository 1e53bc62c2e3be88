/**
 * Measures a server of the benchmark protocol:
 * `npm run bench:client -- --port P --workload flood|echo|bulk [--count N] [--size BYTES] [--window W]`.
 *
 * It prints one line of JSON: `workload`, `count`, `size`, `seconds`, `perSecond` and `megabytesPerSecond` (bodies only,
 * megabytes of 10^6 bytes); for echo also `p50`, `p99` and `p999` in microseconds.
 */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { BenchError } from "./harness/processes.ts"
import { acknowledgeEvery } from "./harness/library.ts"
import { overConnection } from "./libraries/flowee/client.ts"
import * as Exchanges from "./libraries/flowee/exchanges.ts"

interface Preset {
  readonly exchange: Exchanges.Exchange
  readonly count: number
  readonly size: number
  readonly window: number
}

const presets = {
  flood: { exchange: Exchanges.flood, count: 2_000_000, size: 32, window: 8000 },
  echo: { exchange: Exchanges.echo, count: 20_000, size: 32, window: 1 },
  bulk: { exchange: Exchanges.bulk, count: 2000, size: 1_000_000, window: 4 }
} satisfies Record<string, Preset>

/** A window of less than what one acknowledgement stands for would never open again. */
const leastWindow = { flood: acknowledgeEvery, echo: 1, bulk: 1 }

const number = (name: string, description: string) =>
  Flag.Int(name).pipe(Flag.withDescription(description), Flag.optional)

const client = Command.make("bench:client", {
  port: Flag.Int("port"),
  workload: Flag.Literals("workload", ["flood", "echo", "bulk"]),
  count: number("count", "Messages. Default: 2,000,000 (flood), 20,000 (echo), 2000 (bulk)"),
  size: number("size", "Bytes of a body. Default: 32, bulk 1,000,000"),
  window: number("window", "Messages that may be outstanding. Default: 8000 (flood), 4 (bulk); echo has one"),
  warmUp: Flag.Int("warm-up").pipe(
    Flag.withDescription("Messages that go first and are not measured. Default: 0"),
    Flag.withDefault(0)
  )
}, (flags) =>
  Effect.gen(function*() {
    const { workload } = flags
    const preset = presets[workload]
    const count = Option.getOrElse(flags.count, () => preset.count)
    const size = Option.getOrElse(flags.size, () => preset.size)
    const window = Option.getOrElse(flags.window, () => preset.window)
    if (count < 1 || size < 0 || flags.warmUp < 0) {
      return yield* new BenchError({ problem: "--count must be at least 1, --size and --warm-up at least 0" })
    }
    if (window < leastWindow[workload]) {
      return yield* new BenchError({ problem: `--window must be at least ${leastWindow[workload]} for ${workload}` })
    }
    const options = { count, size, window, warmUp: flags.warmUp }
    const measured = yield* overConnection(preset.exchange, flags.port, options)
    yield* Console.log(JSON.stringify({ workload, ...measured }))
  }))

Command.run(client, { version: "0.1.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
