/**
 * Serves on several threads: each has an event loop of its own, accepts on the same port, and builds the same Layer.
 *
 * **Details**
 *
 * The program is a Layer that a module exports: it needs a `NetworkManager`, binds, and registers its services. The same
 * Layer runs without threads when it is provided with `NodeNetwork.layer()`. What must hold across threads does: bans and
 * points, the limits of connections in all and per address, the rate of new ones, and connection ids that are never the same
 * twice. It travels as messages, so there are no locks. A thread that dies is replaced; the peers that it served
 * connect again.
 *
 * **Gotchas**
 *
 * The operating system spreads new connections over the threads (`reusePort`, on Linux). State in the
 * memory of a thread is the thread's own. A closure cannot be sent to a thread: it is a module, or the caller's loop.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Os from "node:os"
import * as ServingThreads from "../internal/node/servingThreads.ts"
import * as Share from "../internal/serving/share.ts"
import * as BanList from "../services/BanList.ts"
import * as NetworkConfig from "../services/NetworkConfig.ts"

/**
 * The threads could not be started.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServingError extends Data.TaggedError("ServingError")<{
  /** Why the program of a thread failed, as text, or which option is wrong. */
  readonly problem: string
}> {
  override get message(): string {
    return `the serving threads could not be started: ${this.problem}`
  }
}

/**
 * Options of serving threads.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The module that exports the Layer, such as `new URL("./service.ts", import.meta.url)`. */
  readonly module: URL
  /** What the Layer is exported as. Default: "layer". */
  readonly exportName?: string | undefined
  /** How many threads serve, one or more. Default: one per core. */
  readonly threads?: number | undefined
  /**
   * The settings of the network manager in each thread. `maxBytesInFlight` is for all of them: each has an equal part, but
   * as much as one message of the largest size needs.
   */
  readonly network?: NetworkConfig.Options | undefined
  /** How long closing waits for threads to end, before they are ended by force. Default: `drainTimeout` and 2 seconds. */
  readonly shutdownTimeout?: Duration.Input | undefined
}

/**
 * Counts of all threads together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  /** Threads that serve now. */
  readonly threads: number
  /** Threads that died and were replaced. */
  readonly replaced: number
  readonly connections: number
  /** Messages of the connections that there are now. */
  readonly messagesSent: number
  readonly messagesReceived: number
}

/**
 * The threads that serve.
 *
 * @category services
 * @since 0.1.0
 */
export class NodeServing extends Context.Service<NodeServing, {
  /** What the threads listen on: each address once, as text. */
  readonly addresses: ReadonlyArray<string>
  readonly stats: Effect.Effect<Stats>
}>()("effect-flowee/NodeServing") {}

const plainSettings = (settings: NetworkConfig.Settings): { readonly [option: string]: number } =>
  Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name,
      Duration.isDuration(value) ? Duration.toMillis(value) : value
    ])
  )

/**
 * Starts the threads and waits until all of them serve. They end with the scope: nobody is accepted any more, queued
 * messages get `drainTimeout` to leave.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: Options
) => Effect.Effect<NodeServing["Service"], ServingError, Scope.Scope | BanList.BanList> = Effect.fnUntraced(
  function*(options: Options) {
    const count = options.threads ?? Os.availableParallelism()
    if (!Number.isInteger(count) || count < 1) {
      return yield* new ServingError({ problem: `option "threads": a positive integer is needed, not ${count}` })
    }
    const settings = yield* Effect.fromResult(Result.mapError(
      NetworkConfig.override(NetworkConfig.defaults, options.network ?? {}),
      (error) => new ServingError({ problem: error.message })
    ))
    const shutdown = options.shutdownTimeout === undefined
      ? Option.some(Duration.sum(settings.drainTimeout, Duration.seconds(2)))
      : Duration.fromInput(options.shutdownTimeout)
    if (Option.isNone(shutdown)) {
      return yield* new ServingError({ problem: `option "shutdownTimeout": a duration is needed` })
    }
    const ready = yield* Deferred.make<ReadonlyArray<string>, string>()
    const threads = yield* ServingThreads.make({
      count,
      banList: yield* BanList.BanList,
      clock: yield* Clock.Clock,
      data: {
        module: options.module.href,
        exportName: options.exportName ?? "layer",
        config: plainSettings(Share.of(settings, count))
      },
      shutdownTimeout: shutdown.value,
      ready
    })
    const addresses = yield* Effect.mapError(Deferred.await(ready), (problem) => new ServingError({ problem }))
    return { addresses, stats: threads.stats }
  }
)

/**
 * Serves on threads for as long as the Layer is in use, with the `BanList` that is given.
 *
 * **Example** (One thread per core)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { NodeBanList, NodeServing } from "effect-flowee"
 *
 * const server = NodeServing.layer({ module: new URL("./service.ts", import.meta.url) }).pipe(
 *   Layer.provide(NodeBanList.layerFile({ path: "/var/lib/hub/bans" }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<NodeServing, ServingError, BanList.BanList> =>
  Layer.effect(NodeServing, make(options))
