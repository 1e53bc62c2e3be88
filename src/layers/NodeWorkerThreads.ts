/**
 * A pool of threads of Node.js.
 *
 * **Details**
 *
 * Threads are started when there is work for them and kept. They keep the process alive only while they run a job that
 * somebody waits for. When the scope of the layer is closed they are ended at once, and it waits for their end.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Os from "node:os"
import * as NodeThreads from "node:worker_threads"
import * as OptionRules from "../domain/internal/optionRules.ts"
import * as ThreadPool from "../internal/threadPool.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import * as WorkerThreads from "../services/WorkerThreads.ts"

/**
 * Options of a pool.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Threads at most: 1 to 1024. Default: one less than the machine runs at the same time, from 1 to 4. */
  readonly size?: number | undefined
  /** Jobs that may wait for a thread, 0 to 10,000,000; more are refused with `QueueFull`. Default: 1000. */
  readonly maxQueued?: number | undefined
  /** After so many deaths in a row (1 or more) of threads that ran the same job, it is refused with `GaveUp`. Default: 3. */
  readonly maxDeaths?: number | undefined
  /** How long it is refused before it is tried again, 0 or more. Default: 1 minute. */
  readonly giveUpFor?: Duration.Input | undefined
  /** A thread that runs one job for longer than this, at least 1 ms, is ended, and the job fails. Default: 1 minute. */
  readonly timeLimit?: Duration.Input | undefined
  /**
   * The file that the threads run; it calls `NodeWorkerEntry.serve`. To be given for jobs of one's own, and by programs
   * that are bundled into one file. Default: an entry with the jobs of this library.
   */
  readonly entry?: URL | undefined
  /** Memory limits of each thread. A thread that goes over them dies. Default: those of Node.js. */
  readonly resourceLimits?: NodeThreads.ResourceLimits | undefined
}

/** The entry lies beside this module as source or as build output, and is of the same kind. */
const defaultEntry = (): URL => {
  const extension = new URL(import.meta.url).pathname.endsWith(".ts") ? "ts" : "js"
  return new URL(`../internal/node/workerThreads.worker.${extension}`, import.meta.url)
}

const defaultSize = (): number => Math.min(4, Math.max(1, Os.availableParallelism() - 1))

/** What is sent, and the memory that goes along with it. Cloning a view would clone all of the memory behind it. */
const parcel = (request: ThreadPool.Request): { readonly input: unknown; readonly transfer: Array<ArrayBuffer> } => {
  const { giveBack, input } = request
  if (!(input instanceof Uint8Array) || !(input.buffer instanceof ArrayBuffer)) return { input, transfer: [] }
  if (giveBack) return { input, transfer: [input.buffer] }
  const copy = new Uint8Array(input)
  return { input: copy, transfer: [copy.buffer] }
}

const spawn =
  (entry: URL, resourceLimits: NodeThreads.ResourceLimits | undefined) =>
  (events: ThreadPool.ThreadEvents): ThreadPool.Thread => {
    const worker = new NodeThreads.Worker(entry, {
      name: "effect-flowee",
      ...(resourceLimits === undefined ? {} : { resourceLimits })
    })
    let cause: unknown
    worker.on("message", events.onReply)
    worker.on("messageerror", (error) => events.onReply({ _tag: "Failed", cause: error }))
    worker.on("error", (error) => {
      cause = error
    })
    worker.on("exit", (exitCode) => events.onDeath(exitCode, cause))
    return {
      post: (request) => {
        const { input, transfer } = parcel(request)
        worker.postMessage({ job: request.job, input, giveBack: request.giveBack }, transfer)
      },
      hold: (keepAlive) => keepAlive ? worker.ref() : worker.unref(),
      end: Effect.promise(() => worker.terminate())
    }
  }

/** The machine is asked when a pool is made, not when this module is loaded. */
const rules = () => ({
  size: OptionRules.count(defaultSize(), 1, 1024),
  maxQueued: OptionRules.count(1000, 0, 10_000_000),
  maxDeaths: OptionRules.count(3, 1, 1_000_000),
  giveUpFor: OptionRules.time("1 minute", 0),
  timeLimit: OptionRules.time("1 minute", 1)
})

/**
 * Makes a pool that lives as long as its scope. Without options it cannot fail.
 *
 * @category constructors
 * @since 0.1.0
 */
export function make(): Effect.Effect<WorkerThreads.WorkerThreads["Service"], never, Scope.Scope>
export function make(
  options: Options | undefined
): Effect.Effect<WorkerThreads.WorkerThreads["Service"], NetworkConfig.BadOption, Scope.Scope>
export function make(
  options?: Options
): Effect.Effect<WorkerThreads.WorkerThreads["Service"], NetworkConfig.BadOption, Scope.Scope> {
  return Effect.suspend(() => Effect.fromResult(OptionRules.resolve(rules(), options))).pipe(
    Effect.flatMap((settings) =>
      ThreadPool.make({
        ...settings,
        spawn: spawn(options?.entry ?? defaultEntry(), options?.resourceLimits)
      })
    )
  )
}

/**
 * Provides a pool. Without options it cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(): Layer.Layer<WorkerThreads.WorkerThreads>
export function layer(
  options: Options | undefined
): Layer.Layer<WorkerThreads.WorkerThreads, NetworkConfig.BadOption>
export function layer(options?: Options): Layer.Layer<WorkerThreads.WorkerThreads, NetworkConfig.BadOption> {
  return Layer.effect(WorkerThreads.WorkerThreads, make(options))
}
