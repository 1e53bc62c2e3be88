/**
 * Deals jobs out to threads: one job per thread at a time, the others wait in a bounded queue.
 *
 * What a thread is lies behind a port, so that all of this is platform free.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as Job from "../domain/Job.ts"
import * as WorkerThreads from "../services/WorkerThreads.ts"
import * as Runner from "./runner.ts"

/**
 * What a thread is asked to do.
 *
 * @internal
 */
export interface Request {
  readonly job: string
  readonly input: unknown
  /** Whether the memory of the input belongs to the caller, who wants it back. */
  readonly giveBack: boolean
}

/**
 * What a thread answers.
 *
 * @internal
 */
export type Reply =
  | { readonly _tag: "Done"; readonly output: unknown; readonly input: unknown }
  | { readonly _tag: "Failed"; readonly cause: unknown }
  | { readonly _tag: "UnknownJob" }

/**
 * One thread. It answers each request once, or it dies.
 *
 * @internal
 */
export interface Thread {
  /** Throws when the request cannot be cloned or its memory cannot be given away. */
  readonly post: (request: Request) => void
  /** Whether the thread is to keep the process alive. */
  readonly hold: (keepAlive: boolean) => void
  /** Ends the thread and completes when it has ended. To be called any number of times. */
  readonly end: Effect.Effect<void>
}

/** @internal */
export interface ThreadEvents {
  readonly onReply: (reply: Reply) => void
  readonly onDeath: (exitCode: number | undefined, cause: unknown) => void
}

/** @internal */
export interface Options {
  /** Starts a thread. What it throws counts as a death. */
  readonly spawn: (events: ThreadEvents) => Thread
  readonly size: number
  readonly maxQueued: number
  readonly maxDeaths: number
  readonly giveUpFor: Duration.Duration
  readonly timeLimit: Duration.Duration
}

/** What a job gave back, as the thread sent it. */
interface Done {
  readonly output: unknown
  readonly input: unknown
}

type Outcome = Exit.Exit<Done, WorkerThreads.WorkerThreadsError>

interface Task extends Request {
  readonly done: (outcome: Outcome) => void
  state: TaskState
}

type TaskState =
  | { readonly _tag: "Queued" }
  | { readonly _tag: "Running"; readonly slot: Slot }
  | { readonly _tag: "Settled" }

/** The place of a thread in the pool. */
interface Slot {
  readonly thread: Thread
  work: Work | undefined
}

interface Work {
  readonly task: Task
  readonly timer: Fiber.Fiber<void> | undefined
}

/** How often in a row a job has killed its thread. */
interface Deaths {
  readonly count: number
  /** Until when the job is not tried again, in milliseconds of the clock. */
  readonly until: number
}

class Pool {
  readonly #options: Options
  readonly #runner: Runner.Runner
  readonly #slots = new Set<Slot>()
  #idle: Array<Slot> = []
  /** In the order of their arrival; a set, since any of them may leave. */
  readonly #queue = new Set<Task>()
  readonly #deaths = new Map<string, Deaths>()
  /** Threads that were told to end and may not have. */
  readonly #ending = new Set<Thread>()
  #isClosed = false

  constructor(options: Options, runner: Runner.Runner) {
    this.#options = options
    this.#runner = runner
  }

  submit(task: Task): void {
    if (this.#isClosed) return settle(task, failure(new WorkerThreads.PoolClosed({ job: task.job })))
    const queued = this.#queue.size
    if (!this.#hasRoom() && queued >= this.#options.maxQueued) {
      return settle(task, failure(new WorkerThreads.QueueFull({ job: task.job, queued })))
    }
    this.#queue.add(task)
    this.#pump()
  }

  /** The caller has gone. */
  abandon(task: Task): void {
    if (task.state._tag === "Queued") this.#queue.delete(task)
    if (task.state._tag === "Running") task.state.slot.thread.hold(false)
    task.state = { _tag: "Settled" }
  }

  stats(): WorkerThreads.Stats {
    return { threads: this.#slots.size, busy: this.#slots.size - this.#idle.length, queued: this.#queue.size }
  }

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#isClosed = true
    const tasks = [...this.#queue]
    this.#queue.clear()
    for (const slot of this.#slots) {
      if (slot.work !== undefined) tasks.push(slot.work.task)
      this.#remove(slot)
      this.#ending.add(slot.thread)
    }
    for (const task of tasks) settle(task, failure(new WorkerThreads.PoolClosed({ job: task.job })))
    return Effect.forEach([...this.#ending], (thread) => thread.end, { concurrency: "unbounded", discard: true })
  })

  #hasRoom(): boolean {
    return this.#idle.length > 0 || this.#slots.size < this.#options.size
  }

  /** Starts what waits, as far as there are threads for it. Settling a task may call back into the pool. */
  #pump(): void {
    for (const task of this.#queue) {
      if (!this.#hasRoom()) return
      this.#queue.delete(task)
      this.#start(task)
    }
  }

  #start(task: Task): void {
    const { job } = task
    const deaths = this.#deaths.get(job)
    if (deaths !== undefined && this.#runner.now() < deaths.until) {
      return settle(task, failure(new WorkerThreads.GaveUp({ job, deaths: deaths.count })))
    }
    let slot: Slot
    try {
      slot = this.#idle.pop() ?? this.#spawn()
    } catch (cause) {
      this.#countDeath(job)
      return settle(task, died(job, undefined, cause))
    }
    try {
      slot.thread.post(task)
    } catch (cause) {
      this.#idle.push(slot)
      return settle(task, failure(new WorkerThreads.NotTransferable({ job, cause })))
    }
    slot.thread.hold(true)
    task.state = { _tag: "Running", slot }
    slot.work = { task, timer: this.#startTimer(slot, task) }
  }

  #spawn(): Slot {
    const thread = this.#options.spawn({
      onReply: (reply) => this.#onReply(slot, reply),
      onDeath: (exitCode, cause) => this.#onDeath(slot, exitCode, cause)
    })
    const slot: Slot = { thread, work: undefined }
    thread.hold(false)
    this.#slots.add(slot)
    return slot
  }

  #startTimer(slot: Slot, task: Task): Fiber.Fiber<void> | undefined {
    const { timeLimit } = this.#options
    if (!Duration.isFinite(timeLimit)) return undefined
    return this.#runner.fork(Effect.andThen(Effect.sleep(timeLimit), Effect.sync(() => this.#expire(slot, task))))
  }

  #onReply(slot: Slot, reply: Reply): void {
    const task = this.#free(slot)
    if (task === undefined) return
    this.#deaths.delete(task.job)
    slot.thread.hold(false)
    this.#idle.push(slot)
    this.#pump()
    settle(task, outcomeOf(task.job, reply))
  }

  #onDeath(slot: Slot, exitCode: number | undefined, cause: unknown): void {
    if (!this.#slots.has(slot)) return
    const task = this.#remove(slot)
    if (task !== undefined) this.#countDeath(task.job)
    this.#runner.fork(Effect.logDebug("A worker thread died", { job: task?.job, exitCode, cause }))
    this.#pump()
    if (task !== undefined) settle(task, died(task.job, exitCode, cause))
  }

  #expire(slot: Slot, task: Task): void {
    if (slot.work?.task !== task) return
    const { thread } = slot
    this.#remove(slot)
    this.#ending.add(thread)
    this.#runner.fork(Effect.andThen(thread.end, Effect.sync(() => this.#ending.delete(thread))))
    this.#pump()
    settle(task, failure(new WorkerThreads.JobTimedOut({ job: task.job, after: this.#options.timeLimit })))
  }

  /** Takes the work off a slot, and returns what it was. */
  #free(slot: Slot): Task | undefined {
    const { work } = slot
    slot.work = undefined
    work?.timer?.interruptUnsafe()
    return work?.task
  }

  #remove(slot: Slot): Task | undefined {
    this.#slots.delete(slot)
    this.#idle = this.#idle.filter((other) => other !== slot)
    return this.#free(slot)
  }

  #countDeath(job: string): void {
    const { giveUpFor, maxDeaths } = this.#options
    const count = (this.#deaths.get(job)?.count ?? 0) + 1
    const until = count < maxDeaths ? 0 : this.#runner.now() + Duration.toMillis(giveUpFor)
    this.#deaths.set(job, { count, until })
  }
}

const settle = (task: Task, outcome: Outcome): void => {
  if (task.state._tag === "Settled") return
  task.state = { _tag: "Settled" }
  task.done(outcome)
}

const failure = (reason: WorkerThreads.WorkerThreadsError["reason"]): Outcome =>
  Exit.fail(new WorkerThreads.WorkerThreadsError({ reason }))

const died = (job: string, exitCode: number | undefined, cause: unknown): Outcome =>
  failure(
    new WorkerThreads.WorkerDied({
      job,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(cause === undefined ? {} : { cause })
    })
  )

const outcomeOf = (job: string, reply: Reply): Outcome => {
  switch (reply._tag) {
    case "Done":
      return Exit.succeed(reply)
    case "Failed":
      return failure(new WorkerThreads.JobFailed({ job, cause: reply.cause }))
    case "UnknownJob":
      return failure(new WorkerThreads.UnknownJob({ job }))
  }
}

const submit = (
  pool: Pool,
  job: string,
  input: unknown,
  giveBack: boolean
): Effect.Effect<Done, WorkerThreads.WorkerThreadsError> =>
  Effect.callback((resume) => {
    const task: Task = { job, input, giveBack, done: resume, state: { _tag: "Queued" } }
    pool.submit(task)
    return Effect.sync(() => pool.abandon(task))
  })

/**
 * Makes a pool that ends its threads, and waits for their end, when the scope is closed.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<WorkerThreads.WorkerThreads["Service"], never, Scope.Scope> {
  const runner = yield* Runner.make
  const pool = new Pool(options, runner)
  yield* Effect.addFinalizer(() => pool.close)
  return {
    run: <In, Out>(job: Job.Job<In, Out>, input: In) =>
      Effect.map(submit(pool, job.name, input, false), ({ output }) => output as Out),
    runTransfer: <Out>(job: Job.Job<Uint8Array, Out>, bytes: Uint8Array) =>
      Effect.map(submit(pool, job.name, bytes, true), ({ input, output }) => ({
        output: output as Out,
        bytes: input as Uint8Array
      })),
    stats: Effect.sync(() => pool.stats())
  }
})
