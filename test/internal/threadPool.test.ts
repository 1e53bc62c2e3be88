import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Job from "../../src/domain/Job.ts"
import * as ThreadPool from "../../src/internal/threadPool.ts"
import type * as WorkerThreads from "../../src/services/WorkerThreads.ts"

/** Threads that do what the test says, when it says so. */
class FakeThreads {
  readonly all: Array<FakeThread> = []
  refuse: Error | undefined = undefined
  readonly spawn = (events: ThreadPool.ThreadEvents): ThreadPool.Thread => {
    if (this.refuse !== undefined) throw this.refuse
    const thread = new FakeThread(events)
    this.all.push(thread)
    return thread
  }
  get started(): number {
    return this.all.length
  }
}

class FakeThread implements ThreadPool.Thread {
  readonly events: ThreadPool.ThreadEvents
  readonly requests: Array<ThreadPool.Request> = []
  isHeld = true
  isEnded = false
  refuse: Error | undefined = undefined
  constructor(events: ThreadPool.ThreadEvents) {
    this.events = events
  }
  post(request: ThreadPool.Request): void {
    if (request.input === "uncloneable") throw new Error("could not be cloned")
    this.requests.push(request)
  }
  hold(keepAlive: boolean): void {
    this.isHeld = keepAlive
  }
  readonly end = Effect.sync(() => {
    this.isEnded = true
    this.events.onDeath(1, undefined)
  })
  get last(): unknown {
    return this.requests.at(-1)?.input
  }
  answer(): void {
    this.events.onReply({ _tag: "Done", output: `did ${String(this.last)}`, input: undefined })
  }
  fail(): void {
    this.events.onReply({ _tag: "Failed", cause: new Error("failed") })
  }
  die(): void {
    this.events.onDeath(7, new Error("died"))
  }
}

const job = Job.make<string, string>()("job")
const other = Job.make<string, string>()("other")

const make = (options: Partial<ThreadPool.Options> = {}) =>
  Effect.gen(function*() {
    const fake = new FakeThreads()
    const pool = yield* ThreadPool.make({
      spawn: fake.spawn,
      size: 2,
      maxQueued: 3,
      maxDeaths: 2,
      giveUpFor: Duration.minutes(1),
      timeLimit: Duration.seconds(10),
      ...options
    })
    return { fake, pool }
  })

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

const reason = (effect: Effect.Effect<unknown, WorkerThreads.WorkerThreadsError>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)

describe("ThreadPool", () => {
  it.effect("starts threads when there is work, up to its size, and keeps them", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make()
      assert.strictEqual(fake.started, 0)
      const a = yield* start(pool.run(job, "a"))
      assert.strictEqual(fake.started, 1)
      assert.isTrue(fake.all[0]!.isHeld)
      fake.all[0]!.answer()
      assert.strictEqual(yield* Fiber.join(a), "did a")
      assert.isFalse(fake.all[0]!.isHeld)
      const b = yield* start(pool.run(job, "b"))
      assert.strictEqual(fake.started, 1)
      const c = yield* start(pool.run(job, "c"))
      const d = yield* start(pool.run(job, "d"))
      assert.strictEqual(fake.started, 2)
      assert.deepStrictEqual(yield* pool.stats, { threads: 2, busy: 2, queued: 1 })
      fake.all[1]!.answer()
      assert.strictEqual(yield* Fiber.join(c), "did c")
      assert.strictEqual(fake.all[1]!.last, "d")
      fake.all[1]!.answer()
      fake.all[0]!.answer()
      assert.strictEqual(yield* Fiber.join(b), "did b")
      assert.strictEqual(yield* Fiber.join(d), "did d")
      assert.deepStrictEqual(yield* pool.stats, { threads: 2, busy: 0, queued: 0 })
    }))

  it.effect("refuses what exceeds the queue", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make({ size: 1, maxQueued: 2 })
      const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => start(pool.run(job, name)))
      const refused = yield* Effect.flip(pool.run(job, "d"))
      assert.deepInclude(refused.reason, { _tag: "QueueFull", job: "job", queued: 2 })
      for (let i = 0; i < 3; i++) fake.all[0]!.answer()
      assert.deepStrictEqual(yield* Fiber.joinAll(fibers), ["did a", "did b", "did c"])
      assert.deepStrictEqual(fake.all[0]!.requests.map(({ input }) => input), ["a", "b", "c"])
    }))

  it.effect("takes an interrupted job out of the queue, and drops the result of a running one", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make({ size: 1, maxQueued: 2 })
      const a = yield* start(pool.run(job, "a"))
      const b = yield* start(pool.run(job, "b"))
      const c = yield* start(pool.run(job, "c"))
      yield* Fiber.interrupt(b)
      assert.deepStrictEqual(yield* pool.stats, { threads: 1, busy: 1, queued: 1 })
      yield* Fiber.interrupt(a)
      assert.deepStrictEqual(yield* pool.stats, { threads: 1, busy: 1, queued: 1 })
      assert.isFalse(fake.all[0]!.isHeld)
      fake.all[0]!.answer()
      assert.strictEqual(fake.all[0]!.last, "c")
      assert.isTrue(fake.all[0]!.isHeld)
      fake.all[0]!.answer()
      assert.strictEqual(yield* Fiber.join(c), "did c")
    }))

  it.effect("fails the job of a thread that dies, and replaces the thread for those that wait", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make({ size: 1 })
      const a = yield* start(pool.run(job, "a"))
      const b = yield* start(pool.run(other, "b"))
      fake.all[0]!.die()
      const died = yield* Effect.flip(Fiber.join(a))
      assert.deepInclude(died.reason, { _tag: "WorkerDied", job: "job", exitCode: 7 })
      assert.strictEqual(died.message, "the thread that ran the job \"job\" died (exit code 7): died")
      assert.strictEqual(fake.started, 2)
      fake.all[1]!.answer()
      assert.strictEqual(yield* Fiber.join(b), "did b")
    }))

  it.effect("forgets a thread that dies without work, and starts another when there is some", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make()
      const a = yield* start(pool.run(job, "a"))
      fake.all[0]!.answer()
      yield* Fiber.join(a)
      fake.all[0]!.die()
      assert.deepStrictEqual(yield* pool.stats, { threads: 0, busy: 0, queued: 0 })
      const b = yield* start(pool.run(job, "b"))
      assert.strictEqual(fake.started, 2)
      fake.all[1]!.answer()
      assert.strictEqual(yield* Fiber.join(b), "did b")
    }))

  it.effect("gives a job up that kills one thread after the other, and tries it again later", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make({ size: 1 })
      const kill = Effect.gen(function*() {
        const fiber = yield* start(pool.run(job, "x"))
        fake.all.at(-1)!.die()
        return yield* reason(Fiber.join(fiber))
      })
      assert.strictEqual(yield* kill, "WorkerDied")
      assert.strictEqual(yield* kill, "WorkerDied")
      const refused = yield* Effect.flip(pool.run(job, "x"))
      assert.deepInclude(refused.reason, { _tag: "GaveUp", job: "job", deaths: 2 })
      assert.strictEqual(fake.started, 2)

      const b = yield* start(pool.run(other, "b"))
      fake.all.at(-1)!.answer()
      assert.strictEqual(yield* Fiber.join(b), "did b", "other jobs are not affected")

      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* reason(pool.run(job, "x")), "GaveUp")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* kill, "WorkerDied")
      assert.strictEqual(yield* reason(pool.run(job, "x")), "GaveUp", "one more death is enough")
      yield* TestClock.adjust("1 minute")
      const a = yield* start(pool.run(job, "a"))
      fake.all.at(-1)!.answer()
      assert.strictEqual(yield* Fiber.join(a), "did a")
      assert.strictEqual(yield* kill, "WorkerDied")
      assert.strictEqual(yield* kill, "WorkerDied", "a success has started the count anew")
      assert.strictEqual(yield* reason(pool.run(job, "x")), "GaveUp")
    }))

  it.effect("gives a job up for those that wait as well, without starting a thread for each", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make({ size: 1, maxQueued: 100 })
      const fibers = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, i) => `${i}`),
        (name) => start(reason(pool.run(job, name)))
      )
      fake.all[0]!.die()
      fake.all[1]!.die()
      const reasons = yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(reasons.slice(0, 2), ["WorkerDied", "WorkerDied"])
      assert.isTrue(reasons.slice(2).every((tag) => tag === "GaveUp"))
      assert.strictEqual(fake.started, 2)
    }))

  it.effect("counts a thread that cannot be started as a death", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make()
      fake.refuse = new Error("no such file")
      assert.strictEqual(yield* reason(pool.run(job, "a")), "WorkerDied")
      assert.strictEqual(yield* reason(pool.run(job, "a")), "WorkerDied")
      assert.strictEqual(yield* reason(pool.run(job, "a")), "GaveUp")
      assert.deepStrictEqual(yield* pool.stats, { threads: 0, busy: 0, queued: 0 })
    }))

  it.effect("keeps the thread of a job that fails, or that cannot be posted", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make({ size: 1 })
      assert.strictEqual(yield* reason(pool.run(job, "uncloneable")), "NotTransferable")
      const a = yield* start(pool.run(job, "a"))
      const queued = yield* start(reason(pool.run(job, "uncloneable")))
      const b = yield* start(pool.run(job, "b"))
      fake.all[0]!.fail()
      assert.strictEqual(yield* reason(Fiber.join(a)), "JobFailed")
      assert.strictEqual(yield* Fiber.join(queued), "NotTransferable")
      fake.all[0]!.events.onReply({ _tag: "UnknownJob" })
      assert.strictEqual(yield* reason(Fiber.join(b)), "UnknownJob")
      assert.strictEqual(fake.started, 1)
      assert.deepStrictEqual(yield* pool.stats, { threads: 1, busy: 0, queued: 0 })
    }))

  it.effect("ends a thread that takes too long, whether its caller waits or has gone", () =>
    Effect.gen(function*() {
      const { fake, pool } = yield* make({ size: 1 })
      const a = yield* start(pool.run(job, "a"))
      const b = yield* start(pool.run(job, "b"))
      yield* TestClock.adjust("10 seconds")
      const timedOut = yield* Effect.flip(Fiber.join(a))
      assert.strictEqual(timedOut.message, "the job \"job\" was ended after 10s")
      assert.isTrue(fake.all[0]!.isEnded)
      assert.strictEqual(fake.all[1]!.last, "b")
      yield* Fiber.interrupt(b)
      const c = yield* start(pool.run(job, "c"))
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(fake.all[1]!.isEnded)
      fake.all[0]!.answer()
      fake.all[1]!.answer()
      fake.all[2]!.answer()
      assert.strictEqual(yield* Fiber.join(c), "did c")
      yield* TestClock.adjust("1 hour")
      assert.isFalse(fake.all[2]!.isEnded)
      assert.deepStrictEqual(yield* pool.stats, { threads: 1, busy: 0, queued: 0 })
    }))

  it.effect("ends its threads with its scope, and fails what runs, what waits and what comes", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { fake, pool } = yield* Scope.provide(make({ size: 1 }), scope)
      const a = yield* start(reason(pool.run(job, "a")))
      const b = yield* start(reason(pool.run(job, "b")))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(fake.all.every((thread) => thread.isEnded))
      assert.strictEqual(fake.started, 1)
      assert.strictEqual(yield* Fiber.join(a), "PoolClosed")
      assert.strictEqual(yield* Fiber.join(b), "PoolClosed")
      assert.strictEqual(yield* reason(pool.run(job, "c")), "PoolClosed")
      assert.deepStrictEqual(yield* pool.stats, { threads: 0, busy: 0, queued: 0 })
    }))
})
