/**
 * What goes wrong during a soak, and how often compared with the rest.
 */
import { Duration, Effect, Random } from "effect"
import type { Scope } from "effect"
import type * as Children from "./children.ts"
import type { Place } from "./place.ts"
import * as Strangers from "./strangers.ts"

/** What a fault has found that may not be, in words. */
type Problems = ReadonlyArray<string>

export interface Fault {
  readonly name: string
  readonly weight: number
  readonly run: (place: Place) => Effect.Effect<Problems, Children.SoakError, Scope.Scope>
}

const none: Problems = []
const millis = (from: number, to: number) => Random.nextIntBetween(from, to)
const anyone = (place: Place) => Random.nextIntBetween(0, place.clientCount - 1)
const anyProxy = (place: Place) => Effect.map(Random.nextBoolean, (first) => place.proxies[first ? 0 : 1]!)
const anyPort = (place: Place) =>
  Effect.map(Random.nextBoolean, (first) => first ? place.serverPort : place.threadsPort)

/** How long a server may take to end after a signal, in milliseconds: its time to drain, 2 s more for threads, and slack. */
const longestEnd = 1000 + 2000 + 3000
/** What Node.js programs of Effect end with when they are told to end. */
const endCode = 130

/** Takes the process of the threaded server away, and starts another one. */
const replace = (place: Place, signal: "SIGKILL" | "SIGTERM"): ReturnType<Fault["run"]> =>
  place.threads.turn.withPermit(Effect.gen(function*() {
    const [time, { code, complaint }] = yield* Effect.timed(place.threads.child.kill(signal))
    yield* Effect.sleep(yield* millis(0, 500))
    place.threads.child = yield* place.startThreads
    if (signal === "SIGKILL") return none
    const took = Duration.toMillis(time)
    return [
      ...(code === endCode ? none : [`a server ended with ${code} at ${signal}: ${complaint}`]),
      ...(took <= longestEnd ? none : [`a server took ${took} ms to end at ${signal}`])
    ]
  }))

const fault = (
  name: string,
  weight: number,
  run: (place: Place) => Effect.Effect<unknown, Children.SoakError, Scope.Scope>
): Fault => ({ name, weight, run: (place) => Effect.as(run(place), none) })

export const faults: ReadonlyArray<Fault> = [
  fault("connection cut", 8, (place) =>
    Effect.gen(function*() {
      const proxy = yield* anyProxy(place)
      proxy.cut(yield* anyone(place))
    })),
  fault("network stalls", 4, (place) =>
    Effect.gen(function*() {
      const proxy = yield* anyProxy(place)
      yield* proxy.stall(yield* anyone(place), yield* millis(100, 2000))
    })),
  fault(
    "client disconnects",
    5,
    (place) => Effect.map(anyone(place), (client) => place.clients.order({ _tag: "Disconnect", client }))
  ),
  fault("slow reader", 5, (place) =>
    Effect.gen(function*() {
      place.clients.order({ _tag: "Slow", client: yield* anyone(place), millis: yield* millis(100, 3000) })
    })),
  fault("socket ends during a flood", 2, (place) =>
    Effect.gen(function*() {
      const client = yield* anyone(place)
      place.clients.order({ _tag: "Slow", client, millis: 2000 })
      yield* Effect.sleep("200 millis")
      place.clients.order({ _tag: "Flood", client, messages: 600 })
      yield* Effect.sleep(yield* millis(300, 1000))
      place.clients.order({ _tag: "Disconnect", client })
    })),
  fault("all banned for a while", 2, (place) =>
    Effect.gen(function*() {
      const server = (yield* Random.nextBoolean) ? place.server : place.threads.child
      server.order({ _tag: "Ban", millis: yield* millis(50, 500) })
    })),
  fault("server restarts", 2, (place) =>
    Effect.gen(function*() {
      place.server.order({ _tag: "Restart", downMillis: yield* millis(0, 500) })
      yield* place.server.ready
    })),
  fault(
    "serving thread dies",
    1,
    // A server of which a thread dies before all of them serve has not started.
    (place) => place.threads.turn.withPermit(Strangers.killer(place.threadsPort))
  ),
  { name: "server killed", weight: 0.5, run: (place) => replace(place, "SIGKILL") },
  { name: "server told to end", weight: 0.5, run: (place) => replace(place, "SIGTERM") },
  fault("malformed bytes", 2, (place) => Effect.flatMap(anyPort(place), Strangers.malformed)),
  fault(
    "half a packet",
    2,
    (place) =>
      Effect.flatMap(
        anyPort(place),
        (port) => Effect.flatMap(millis(100, 2000), (time) => Strangers.halfPacket(port, time))
      )
  ),
  fault(
    "stranger who does not read",
    2,
    (place) =>
      Effect.flatMap(anyPort(place), (port) => Effect.flatMap(millis(500, 3000), (time) => Strangers.deaf(port, time)))
  )
]

const total = faults.reduce((sum, { weight }) => sum + weight, 0)

/** Any fault, the likely ones more often. */
export const choose: Effect.Effect<Fault> = Effect.map(Random.next, (chance) => {
  let left = chance * total
  return faults.find(({ weight }) => (left -= weight) < 0) ?? faults[0]!
})
