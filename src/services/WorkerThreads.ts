/**
 * Threads for work that would hold up the event loop, such as hashing a block of 32 MB.
 *
 * **Details**
 *
 * A job is described by a `Job`, runs on one thread of a pool at a time, and gives back a value. The pool starts its
 * threads when there is work, keeps them, replaces one that dies, and ends them all with the scope of its layer.
 * `NodeWorkerThreads` provides it; {@link layerInline} does without threads.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Job from "../domain/Job.ts"

/**
 * The threads do not know the job: it is missing in their entry file.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownJob extends Schema.TaggedError<UnknownJob>("effect-flowee/WorkerThreads/UnknownJob")("UnknownJob", {
  job: Schema.String
}) {
  override get message(): string {
    return `no thread knows the job "${this.job}"`
  }
}

/**
 * The job threw.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobFailed extends Schema.TaggedError<JobFailed>("effect-flowee/WorkerThreads/JobFailed")("JobFailed", {
  job: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the job "${this.job}" failed: ${this.cause instanceof Error ? this.cause.message : String(this.cause)}`
  }
}

/**
 * The input cannot be given to a thread: it is no plain data, or its memory cannot be given away.
 *
 * @category errors
 * @since 0.1.0
 */
export class NotTransferable
  extends Schema.TaggedError<NotTransferable>("effect-flowee/WorkerThreads/NotTransferable")("NotTransferable", {
    job: Schema.String,
    cause: Schema.Defect()
  })
{
  override get message(): string {
    return `the input of the job "${this.job}" cannot be given to a thread`
  }
}

/**
 * The thread ended before the job did. Another takes its place; whether the job had any effect is not known.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerDied extends Schema.TaggedError<WorkerDied>("effect-flowee/WorkerThreads/WorkerDied")("WorkerDied", {
  job: Schema.String,
  /** What the thread ended with, where it got so far. */
  exitCode: Schema.optionalKey(Schema.Int),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const cause = this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `the thread that ran the job "${this.job}" died (exit code ${this.exitCode ?? "unknown"})${cause}`
  }
}

/**
 * The job has killed too many threads in a row, and is not tried again for a while.
 *
 * @category errors
 * @since 0.1.0
 */
export class GaveUp extends Schema.TaggedError<GaveUp>("effect-flowee/WorkerThreads/GaveUp")("GaveUp", {
  job: Schema.String,
  deaths: Schema.Int
}) {
  override get message(): string {
    return `the job "${this.job}" killed ${this.deaths} threads in a row; it is not run for now`
  }
}

/**
 * The job ran for longer than the pool allows. Its thread was ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobTimedOut extends Schema.TaggedError<JobTimedOut>("effect-flowee/WorkerThreads/JobTimedOut")(
  "JobTimedOut",
  { job: Schema.String, after: Schema.Duration }
) {
  override get message(): string {
    return `the job "${this.job}" was ended after ${Duration.format(this.after)}`
  }
}

/**
 * As many jobs wait for a thread as may.
 *
 * @category errors
 * @since 0.1.0
 */
export class QueueFull extends Schema.TaggedError<QueueFull>("effect-flowee/WorkerThreads/QueueFull")("QueueFull", {
  job: Schema.String,
  queued: Schema.Int
}) {
  override get message(): string {
    return `the job "${this.job}" is refused: ${this.queued} others wait for a thread`
  }
}

/**
 * The scope of the pool was closed.
 *
 * @category errors
 * @since 0.1.0
 */
export class PoolClosed extends Schema.TaggedError<PoolClosed>("effect-flowee/WorkerThreads/PoolClosed")("PoolClosed", {
  job: Schema.String
}) {
  override get message(): string {
    return `the threads are closed; the job "${this.job}" is not done`
  }
}

/**
 * Why a job gave no result.
 *
 * @category errors
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  UnknownJob,
  JobFailed,
  NotTransferable,
  WorkerDied,
  GaveUp,
  JobTimedOut,
  QueueFull,
  PoolClosed
])

/**
 * A job gave no result.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkerThreadsError
  extends Schema.TaggedError<WorkerThreadsError>("effect-flowee/WorkerThreads/WorkerThreadsError")(
    "WorkerThreadsError",
    { reason: Reason }
  )
{
  override get message(): string {
    return this.reason.message
  }
}

/**
 * What a pool is doing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  /** Threads that were started and have not ended. */
  readonly threads: number
  /** Threads that run a job, those included whose caller has gone. */
  readonly busy: number
  /** Jobs that wait for a thread. */
  readonly queued: number
}

/**
 * What {@link WorkerThreads} gives back of a job that was given memory.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transferred<out Out> {
  readonly output: Out
  /** The bytes that the job was given, in the same memory, under a new view. */
  readonly bytes: Uint8Array
}

/**
 * A pool of threads.
 *
 * @category services
 * @since 0.1.0
 */
export class WorkerThreads extends Context.Service<WorkerThreads, {
  /**
   * Runs a job and gives its result.
   *
   * Bytes are copied once, when a thread takes the job, and must not change before; shared memory is not copied. An
   * interruption takes a waiting job out of the queue. A running one cannot be stopped: its result is dropped, and its
   * thread is free for others when it has finished.
   */
  readonly run: <In, Out>(job: Job.Job<In, Out>, input: In) => Effect.Effect<Out, WorkerThreadsError>
  /**
   * Like `run`, but gives the memory of the bytes away and gives it back with the result: nothing is copied.
   *
   * All views of the same memory lose their bytes when a thread takes the job, so it should hold nothing else. When the
   * job fails or is interrupted after that, the memory is gone. Memory that cannot be given away (a small `Buffer` of
   * Node.js) fails with `NotTransferable`.
   */
  readonly runTransfer: <Out>(
    job: Job.Job<Uint8Array, Out>,
    bytes: Uint8Array
  ) => Effect.Effect<Transferred<Out>, WorkerThreadsError>
  readonly stats: Effect.Effect<Stats>
}>()("effect-flowee/WorkerThreads") {}

const runInline =
  (handlers: ReadonlyMap<string, Job.Handler["handle"]>) =>
  <In, Out>(job: Job.Job<In, Out>, input: In): Effect.Effect<Out, WorkerThreadsError> =>
    Effect.suspend(() => {
      const handle = handlers.get(job.name)
      if (handle === undefined) {
        return Effect.fail(new WorkerThreadsError({ reason: new UnknownJob({ job: job.name }) }))
      }
      return Effect.try({
        try: () => handle(input) as Out,
        catch: (cause) => new WorkerThreadsError({ reason: new JobFailed({ job: job.name, cause }) })
      })
    })

/**
 * Makes a pool without threads: each job runs at once on the event loop of its caller, and holds it up.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeInline = (handlers: ReadonlyArray<Job.Handler>): WorkerThreads["Service"] => {
  const run = runInline(new Map(handlers.map(({ handle, name }) => [name, handle])))
  return {
    run,
    runTransfer: (job, bytes) => Effect.map(run(job, bytes), (output) => ({ output, bytes })),
    stats: Effect.succeed({ threads: 0, busy: 0, queued: 0 })
  }
}

/**
 * Provides a pool without threads, for tests and for small programs.
 *
 * **Example** (Hashing without threads)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Job, NodeHash256, WorkerThreads } from "effect-flowee"
 *
 * const program = Effect.gen(function*() {
 *   const threads = yield* WorkerThreads.WorkerThreads
 *   return yield* threads.run(Job.hash256, new Uint8Array(1000))
 * }).pipe(
 *   Effect.provide(WorkerThreads.layerInline([Job.handler(Job.hash256, NodeHash256.hash256)]))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerInline = (handlers: ReadonlyArray<Job.Handler>): Layer.Layer<WorkerThreads> =>
  Layer.succeed(WorkerThreads, makeInline(handlers))
