import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Job from "../../src/domain/Job.ts"
import * as WorkerThreads from "../../src/services/WorkerThreads.ts"
import * as Legacy from "../utils/legacy.ts"

const double = Job.make<number, number>()("double")
const fail = Job.make<string, never>()("fail")

const layer = WorkerThreads.layerInline([
  Job.handler(double, (n) => 2 * n),
  Job.handler(Job.hash256, Legacy.hash256),
  Job.handler(fail, (message) => {
    throw new Error(message)
  })
])

describe("WorkerThreads.layerInline", () => {
  it.layer(layer)("", (it) => {
    it.effect("runs jobs", () =>
      Effect.gen(function*() {
        const threads = yield* WorkerThreads.WorkerThreads
        assert.strictEqual(yield* threads.run(double, 21), 42)
        const bytes = Uint8Array.of(1, 2, 3)
        assert.deepStrictEqual(yield* threads.run(Job.hash256, bytes), Legacy.hash256(bytes))
        const { bytes: back, output } = yield* threads.runTransfer(Job.hash256, bytes)
        assert.deepStrictEqual(output, Legacy.hash256(bytes))
        assert.strictEqual(back, bytes)
        assert.deepStrictEqual(yield* threads.stats, { threads: 0, busy: 0, queued: 0 })
      }))

    it.effect("fails as threads do", () =>
      Effect.gen(function*() {
        const threads = yield* WorkerThreads.WorkerThreads
        const failed = yield* Effect.flip(threads.run(fail, "no luck"))
        assert.strictEqual(failed._tag, "WorkerThreadsError")
        assert.strictEqual(failed.message, "the job \"fail\" failed: no luck")
        const unknown = yield* Effect.flip(threads.run(Job.make<null, null>()("other"), null))
        assert.strictEqual(unknown.message, "no thread knows the job \"other\"")
        const caught = threads.run(fail, "no luck").pipe(
          Effect.catchReason("WorkerThreadsError", "JobFailed", ({ job }) => Effect.succeed(job))
        )
        assert.strictEqual(yield* caught, "fail")
      }))

    it.effect("does nothing before it is run, and once each time it is", () =>
      Effect.gen(function*() {
        let calls = 0
        const count = Job.make<null, number>()("count")
        const counted = WorkerThreads.layerInline([Job.handler(count, () => ++calls)])
        yield* Effect.gen(function*() {
          const threads = yield* WorkerThreads.WorkerThreads
          const effect = threads.run(count, null)
          assert.strictEqual(calls, 0)
          yield* effect
          yield* effect
          assert.strictEqual(calls, 2)
        }).pipe(Effect.provide(Layer.fresh(counted)))
      }))
  })
})
