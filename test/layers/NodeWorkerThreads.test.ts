import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as ChildProcess from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Job from "../../src/domain/Job.ts"
import * as NodeHash256 from "../../src/layers/NodeHash256.ts"
import * as NodeWorkerThreads from "../../src/layers/NodeWorkerThreads.ts"
import type * as WorkerThreads from "../../src/services/WorkerThreads.ts"
import * as Legacy from "../utils/legacy.ts"
import * as Jobs from "./fixtures/jobs.ts"

const entry = new URL("./fixtures/jobs.worker.ts", import.meta.url)

const make = (options: NodeWorkerThreads.Options = {}) => NodeWorkerThreads.make({ size: 1, entry, ...options })

const reason = (effect: Effect.Effect<unknown, WorkerThreads.WorkerThreadsError>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

const makeCounter = () => new Int32Array(new SharedArrayBuffer(4))

const waitUntilMoving = (counter: Int32Array) =>
  Effect.gen(function*() {
    while (Atomics.load(counter, 0) === 0) yield* Effect.sleep(1)
  })

const assertStopped = (counter: Int32Array) =>
  Effect.gen(function*() {
    const count = Atomics.load(counter, 0)
    yield* Effect.sleep(20)
    assert.strictEqual(Atomics.load(counter, 0), count, "the thread has stopped")
  })

/** What Node.js counts as keeping the process alive. */
const threadHandles = () =>
  process.getActiveResourcesInfo().filter((kind) => kind === "MessagePort" || kind === "Worker")

describe("NodeWorkerThreads", () => {
  it.live("hashes on a thread with the entry of the library", () =>
    Effect.gen(function*() {
      const threads = yield* NodeWorkerThreads.make()
      for (const length of [0, 1, 80, 100_000, 5_000_000]) {
        const bytes = new Uint8Array(length).fill(length & 0xff)
        const hash = yield* threads.run(Job.hash256, bytes)
        assert.strictEqual(Legacy.toHex(hash), Legacy.toHex(Legacy.hash256(bytes)), `${length} bytes`)
        assert.strictEqual(bytes.length, length, "the input stays the caller's")
      }
    }))

  it.live("runs many jobs on several threads", () =>
    Effect.gen(function*() {
      const threads = yield* make({ size: 3 })
      const ids = yield* Effect.forEach(
        Array.from({ length: 60 }, (_, i) => i),
        (i) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* threads.run(Jobs.sum, [i, 1]), i + 1)
            yield* threads.run(Jobs.spin, 2)
            return yield* threads.run(Jobs.threadId, null)
          }),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(new Set(ids).size, 3)
      assert.isFalse(ids.includes(0), "none on the thread of the caller")
      assert.deepStrictEqual(yield* threads.stats, { threads: 3, busy: 0, queued: 0 })
    }))

  it.live("gives memory there and back without a copy", () =>
    Effect.gen(function*() {
      const threads = yield* make()
      const memory = new Uint8Array(1_000_000).fill(5)
      const view = memory.subarray(10, 900_000)
      const hash = Legacy.toHex(Legacy.hash256(view))
      const { bytes, output } = yield* threads.runTransfer(Job.hash256, view)
      assert.strictEqual(Legacy.toHex(output), hash)
      assert.strictEqual(memory.length, 0, "the old views have lost it")
      assert.deepStrictEqual([bytes.byteOffset, bytes.length, bytes.buffer.byteLength], [10, 899_990, 1_000_000])
      const again = yield* threads.runTransfer(Jobs.same, bytes)
      assert.strictEqual(again.bytes.buffer, again.output.buffer)
      assert.strictEqual(again.bytes.length, 899_990)
    }))

  it.live("copies only what a view shows, there and back", () =>
    Effect.gen(function*() {
      const threads = yield* make()
      const memory = Uint8Array.from({ length: 100_000 }, (_, i) => i)
      const reversed = yield* threads.run(Jobs.reverse, memory.subarray(1, 4))
      assert.deepStrictEqual(reversed, Uint8Array.of(3, 2, 1))
      const middle = yield* threads.run(Jobs.middle, memory.subarray(1, 6))
      assert.deepStrictEqual(middle, Uint8Array.of(2, 3, 4))
      assert.strictEqual(middle.buffer.byteLength, 3)
      assert.deepStrictEqual(
        yield* threads.run(Jobs.reverse, Buffer.from("pool")),
        Uint8Array.from(Buffer.from("loop"))
      )
    }))

  it.live("shares memory that is shared", () =>
    Effect.gen(function*() {
      const threads = yield* make()
      const shared = new Uint8Array(new SharedArrayBuffer(1000)).fill(3)
      const hash = Legacy.toHex(Legacy.hash256(new Uint8Array(1000).fill(3)))
      assert.strictEqual(Legacy.toHex(yield* threads.run(Job.hash256, shared)), hash)
      assert.strictEqual(Legacy.toHex((yield* threads.runTransfer(Job.hash256, shared)).output), hash)
      assert.strictEqual(shared.length, 1000)
    }))

  it.live("fails with the error of a job, and goes on", () =>
    Effect.gen(function*() {
      const threads = yield* make()
      const id = yield* threads.run(Jobs.threadId, null)
      const thrown = yield* reason(threads.run(Jobs.throwError, "out of luck"))
      assert.strictEqual(thrown._tag, "JobFailed")
      assert.strictEqual(thrown.message, "the job \"throwError\" failed: out of luck")
      assert.instanceOf(thrown._tag === "JobFailed" ? thrown.cause : undefined, RangeError)
      const uncloneable = yield* reason(threads.run(Jobs.throwUncloneable, "with a function"))
      assert.strictEqual(uncloneable._tag, "JobFailed")
      assert.include(uncloneable.message, "with a function")
      assert.strictEqual((yield* reason(threads.run(Jobs.returnUncloneable, null)))._tag, "JobFailed")
      assert.strictEqual((yield* reason(threads.run(Jobs.unserved, null)))._tag, "UnknownJob")
      assert.strictEqual(yield* threads.run(Jobs.threadId, null), id)
    }))

  it.live("refuses input that cannot be given away", () =>
    Effect.gen(function*() {
      const threads = yield* make()
      const pooled = Buffer.from("a small buffer")
      assert.strictEqual((yield* reason(threads.runTransfer(Job.hash256, pooled)))._tag, "NotTransferable")
      assert.strictEqual(pooled.toString(), "a small buffer")
      const functions = Job.make<() => void, null>()("sum")
      assert.strictEqual((yield* reason(threads.run(functions, () => {})))._tag, "NotTransferable")
      assert.strictEqual(yield* threads.run(Jobs.sum, [1]), 1)
    }))

  it.live("survives the death of its threads, and gives up on what kills them", () =>
    Effect.gen(function*() {
      const threads = yield* make()
      const first = yield* threads.run(Jobs.threadId, null)
      const waiting = yield* Effect.forkChild(
        Effect.andThen(Effect.yieldNow, threads.run(Jobs.threadId, null)),
        { startImmediately: true }
      )
      const died = yield* reason(threads.run(Jobs.exit, 42))
      assert.deepInclude(died, { _tag: "WorkerDied", job: "exit", exitCode: 42 })
      assert.notStrictEqual(yield* Fiber.join(waiting), first)
      assert.strictEqual((yield* reason(threads.run(Jobs.exit, 1)))._tag, "WorkerDied")
      assert.strictEqual((yield* reason(threads.run(Jobs.exit, 1)))._tag, "WorkerDied")
      assert.strictEqual((yield* reason(threads.run(Jobs.exit, 1)))._tag, "GaveUp")
      assert.strictEqual(yield* threads.run(Jobs.sum, [1, 2]), 3)
    }))

  it.live("survives a thread that dies between jobs, and one that runs out of memory", () =>
    Effect.gen(function*() {
      const threads = yield* make({ resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } })
      assert.strictEqual(yield* threads.run(Jobs.crashLater, null), "done")
      while ((yield* threads.stats).threads > 0) yield* Effect.sleep(5)
      assert.strictEqual(yield* threads.run(Jobs.sum, [1, 2]), 3)
      const died = yield* reason(threads.run(Jobs.eatMemory, null))
      assert.strictEqual(died._tag, "WorkerDied")
      assert.include(died.message, "memory")
      assert.strictEqual(yield* threads.run(Jobs.sum, [1, 2]), 3)
    }))

  it.live("fails where the entry is missing, and does not try for ever", () =>
    Effect.gen(function*() {
      const threads = yield* make({ entry: new URL("./fixtures/missing.worker.ts", import.meta.url) })
      for (const expected of ["WorkerDied", "WorkerDied", "WorkerDied", "GaveUp", "GaveUp"]) {
        assert.strictEqual((yield* reason(threads.run(Job.hash256, new Uint8Array(1))))._tag, expected)
      }
    }))

  it.live("ends a job that hangs", () =>
    Effect.gen(function*() {
      const threads = yield* make({ timeLimit: "300 millis" })
      const counter = makeCounter()
      assert.strictEqual((yield* reason(threads.run(Jobs.hang, counter)))._tag, "JobTimedOut")
      assert.strictEqual(yield* threads.run(Jobs.sum, [1, 2]), 3)
      yield* assertStopped(counter)
    }))

  it.live("frees the thread of an interrupted job when the job is through", () =>
    Effect.gen(function*() {
      const threads = yield* make()
      const id = yield* threads.run(Jobs.threadId, null)
      const fiber = yield* Effect.forkChild(threads.run(Jobs.spin, 50), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* threads.stats).busy, 1)
      assert.strictEqual(yield* threads.run(Jobs.threadId, null), id)
    }))

  it.live("ends its threads with its scope, and leaves nothing behind", () =>
    Effect.gen(function*() {
      const before = threadHandles().length
      const scope = yield* Scope.make()
      const threads = yield* Scope.provide(make({ size: 2 }), scope)
      const counter = makeCounter()
      const hanging = yield* Effect.forkChild(reason(threads.run(Jobs.hang, counter)), { startImmediately: true })
      yield* waitUntilMoving(counter)
      assert.strictEqual(yield* threads.run(Jobs.sum, [1]), 1)
      assert.isAbove(threadHandles().length, before)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(hanging))._tag, "PoolClosed")
      assert.strictEqual((yield* reason(threads.run(Jobs.sum, [1])))._tag, "PoolClosed")
      assert.deepStrictEqual(yield* threads.stats, { threads: 0, busy: 0, queued: 0 })
      yield* assertStopped(counter)
      assert.strictEqual(threadHandles().length, before)
    }))

  it.live("does not keep a process alive that has nothing else to do", () =>
    Effect.gen(function*() {
      const program = fileURLToPath(new URL("./fixtures/leaveOpen.ts", import.meta.url))
      const exit = yield* Effect.callback<readonly [code: number | null, output: string]>((resume) => {
        const child = ChildProcess.execFile(process.execPath, [program], { timeout: 20_000 }, (_, stdout) => {
          resume(Effect.succeed([child.exitCode, stdout.trim()]))
        })
      })
      assert.deepStrictEqual(exit, [0, Legacy.toHex(Legacy.hash256(new Uint8Array(1000)))])
    }))
})

describe("NodeWorkerThreads, the event loop", () => {
  /** Turns of the event loop during an effect, and the longest of them in milliseconds. */
  const watch = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend(() => {
      let turns = 0
      let longest = 0
      let last = performance.now()
      const look = () => {
        const now = performance.now()
        longest = Math.max(longest, now - last)
        last = now
      }
      let next = setImmediate(function turn() {
        look()
        turns += 1
        next = setImmediate(turn)
      })
      return Effect.map(effect, () => {
        look()
        clearImmediate(next)
        return { turns, longest }
      })
    })

  it.live("goes on while 32 MB are hashed on a thread", () =>
    Effect.gen(function*() {
      const threads = yield* NodeWorkerThreads.make({ size: 1 })
      yield* threads.run(Job.hash256, new Uint8Array(1))
      let bytes = new Uint8Array(32_000_000)
      let threaded = { turns: 0, longest: Infinity }
      let inline = Infinity
      // The best of some rounds: a busy machine can make a pause of any single one.
      for (let round = 0; round < 20 && threaded.longest >= inline / 2; round++) {
        const watched = yield* watch(Effect.map(threads.runTransfer(Job.hash256, bytes), (back) => {
          bytes = back.bytes as Uint8Array<ArrayBuffer>
        }))
        if (watched.longest < threaded.longest) threaded = watched
        inline = Math.min(inline, (yield* watch(Effect.sync(() => NodeHash256.hash256(bytes)))).longest)
      }
      assert.isAbove(threaded.turns, 20)
      assert.isBelow(threaded.longest, inline / 2)
    }))
})
