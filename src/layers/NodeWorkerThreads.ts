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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Os from "node:os"
import * as NodeThreads from "node:worker_threads"
import * as ThreadPool from "../internal/threadPool.ts"
import * as WorkerThreads from "../services/WorkerThreads.ts"

/**
 * Options of a pool.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Threads at most, one or more. Default: one less than the machine runs at the same time, from 1 to 4. */
  readonly size?: number | undefined
  /** Jobs that may wait for a thread; more are refused with `QueueFull`. Default: 1000. */
  readonly maxQueued?: number | undefined
  /** After so many deaths in a row of threads that ran the same job, it is refused with `GaveUp`. Default: 3. */
  readonly maxDeaths?: number | undefined
  /** How long it is refused before it is tried again. Default: 1 minute. */
  readonly giveUpFor?: Duration.Input | undefined
  /** A thread that runs one job for longer than this is ended, and the job fails. Default: 1 minute. */
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

/**
 * Makes a pool that lives as long as its scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  options: Options = {}
): Effect.Effect<WorkerThreads.WorkerThreads["Service"], never, Scope.Scope> =>
  ThreadPool.make({
    spawn: spawn(options.entry ?? defaultEntry(), options.resourceLimits),
    size: Math.max(1, options.size ?? defaultSize()),
    maxQueued: options.maxQueued ?? 1000,
    maxDeaths: options.maxDeaths ?? 3,
    giveUpFor: Duration.fromInputUnsafe(options.giveUpFor ?? "1 minute"),
    timeLimit: Duration.fromInputUnsafe(options.timeLimit ?? "1 minute")
  })

/**
 * Provides a pool.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<WorkerThreads.WorkerThreads> =>
  Layer.effect(WorkerThreads.WorkerThreads, make(options))
