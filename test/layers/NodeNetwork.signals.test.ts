import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer } from "effect"
import type { Scope } from "effect"
import { NetAddress } from "effect/net"
import * as ChildProcess from "node:child_process"
import * as Net from "node:net"
import * as Path from "node:path"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"

const fixture = Path.join(import.meta.dirname, "fixtures/underLoad.ts")

/** Its `drainTimeout`, and what a busy machine may add to it, in milliseconds. */
const drainMillis = 1000
const slackMillis = 4000

/** What Effect programs on Node.js end with when they are interrupted. */
const endCode = 130

/** A process that was told to end, and what it said. */
interface End {
  readonly code: number | null
  readonly millis: number
  /** Messages that were taken in. */
  readonly taken: number
  /** Messages that had not left, as its log tells. */
  readonly left: number
}

interface Loaded {
  /** The first line that it says. */
  readonly line: Effect.Effect<string>
  /** Sends signals, one after another, and waits for the end. */
  readonly end: (...signals: ReadonlyArray<NodeJS.Signals>) => Effect.Effect<End>
}

const sum = (text: string, pattern: RegExp): number =>
  [...text.matchAll(pattern)].reduce((total, [_, count]) => total + Number(count), 0)

const start = (...args: ReadonlyArray<string>): Effect.Effect<Loaded, never, Scope.Scope> =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        ChildProcess.spawn(process.execPath, ["--conditions=effect-flowee-source", fixture, ...args], {
          stdio: ["ignore", "pipe", "inherit"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const line = yield* Deferred.make<string>()
    const ended = yield* Deferred.make<number | null>()
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
      if (output.includes("\n")) Deferred.doneUnsafe(line, Effect.succeed(output.slice(0, output.indexOf("\n"))))
    })
    child.on("close", (code) => Deferred.doneUnsafe(ended, Effect.succeed(code)))
    return {
      line: Deferred.await(line),
      end: (...signals) =>
        Effect.gen(function*() {
          for (const signal of signals) {
            child.kill(signal)
            yield* Effect.sleep("50 millis")
          }
          const [time, code] = yield* Effect.timed(Deferred.await(ended))
          return {
            code,
            millis: Duration.toMillis(time),
            taken: sum(output, /^taken (\d+)$/gm),
            left: sum(output, /Closed with (\d+) messages?/g)
          }
        })
    }
  })

/** The manager of this side, which counts what comes. */
const withCounter = <A, E>(
  use: (
    manager: NetworkManager.NetworkManager["Service"],
    received: () => number
  ) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    let received = 0
    yield* manager.register(5, () => Effect.succeed(() => void received++))
    return yield* use(manager, () => received)
  }).pipe(Effect.scoped, Effect.provide(Layer.fresh(NodeNetwork.layer({ drainTimeout: 0 }))))

const checkEnd = ({ code, millis }: End) => {
  assert.strictEqual(code, endCode)
  assert.isBelow(millis, drainMillis + slackMillis)
}

const until = (isSo: () => boolean) =>
  Effect.repeat(Effect.sleep("20 millis"), { until: () => Effect.sync(isSo), times: 250 })

const addressOf = (line: string): string => line.replace("listening ", "")

describe("a process under load that is told to end", () => {
  for (const signals of [["SIGTERM"], ["SIGINT"], ["SIGTERM", "SIGTERM"]] as const) {
    it.live(`a client, by ${signals.join(" and ")}: all that it has queued arrives`, () =>
      withCounter((manager, received) =>
        Effect.gen(function*() {
          const { address } = yield* manager.bind("127.0.0.1:0")
          const client = yield* start("client", NetAddress.formatSocketAddress(address))
          assert.strictEqual(yield* client.line, "connected")
          yield* Effect.sleep("300 millis")
          const end = yield* client.end(...signals)
          checkEnd(end)
          // What the system has taken may still be on its way to the handler.
          yield* until(() => received() >= end.taken)
          assert.isAbove(end.taken, 1000)
          assert.deepStrictEqual({ received: received(), left: end.left }, { received: end.taken, left: 0 })
        })
      ))

    it.live(`a server, by ${signals.join(" and ")}: what is queued arrives, or is told of`, () =>
      withCounter((manager, received) =>
        Effect.gen(function*() {
          const server = yield* start("server")
          const connection = yield* manager.connect(addressOf(yield* server.line))
          yield* connection.connected
          yield* Effect.sleep("300 millis")
          const end = yield* server.end(...signals)
          checkEnd(end)
          yield* until(() => received() + end.left >= end.taken)
          assert.isAbove(end.taken, 1000)
          assert.isAtMost(received(), end.taken)
          // A write that is under way at the end counts as not left, and may arrive.
          assert.isAtLeast(received() + end.left, end.taken)
        })
      ))
  }

  it.live("a server whose peers read nothing: in its time to drain, and with a count of what is lost", () =>
    Effect.gen(function*() {
      const server = yield* start("server")
      const port = Number(addressOf(yield* server.line).split(":")[1])
      for (let i = 0; i < 3; i++) {
        yield* Effect.acquireRelease(
          Effect.sync(() => Net.connect(port, "127.0.0.1").on("error", () => {}).pause()),
          (socket) => Effect.sync(() => socket.destroy())
        )
      }
      yield* Effect.sleep("500 millis")
      const end = yield* server.end("SIGTERM")
      checkEnd(end)
      assert.isAtLeast(end.millis, drainMillis - 100)
      assert.isAbove(end.left, 0)
      assert.isBelow(end.left, end.taken)
    }))

  it.live("a client whose server reads nothing: in its time to drain, and with a count of what is lost", () =>
    Effect.gen(function*() {
      const silent = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server: Net.Server = Net.createServer((socket) => void socket.on("error", () => {}).pause())
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const { port } = silent.address() as Net.AddressInfo
      const client = yield* start("client", `127.0.0.1:${port}`)
      assert.strictEqual(yield* client.line, "connected")
      yield* Effect.sleep("300 millis")
      const end = yield* client.end("SIGINT")
      checkEnd(end)
      assert.isAbove(end.left, 0)
      assert.isBelow(end.left, end.taken)
    }))
})
