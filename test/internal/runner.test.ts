import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as Runner from "../../src/internal/runner.ts"
import { settle } from "../utils/network.ts"

describe("Runner", () => {
  it.effect("interrupts what it has forked when its scope closes, and waits for the end of it", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const runner = yield* Scope.provide(Runner.make, scope)
      const ended: Array<string> = []
      runner.fork(
        Effect.never.pipe(
          Effect.onInterrupt(() => Effect.andThen(Effect.yieldNow, Effect.sync(() => ended.push("forked"))))
        )
      )
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(ended, ["forked"])
      const late = runner.fork(Effect.never)
      yield* Fiber.await(late)
    }))

  it.effect("has children that are closed by themselves", () =>
    Effect.gen(function*() {
      const runner = yield* Runner.make
      const child = runner.child()
      const ofParent = runner.fork(Effect.never)
      const ofChild = child.fork(Effect.never)
      assert.strictEqual(child.alarms, runner.alarms)
      yield* child.close
      assert.isDefined(ofChild.pollUnsafe())
      assert.isUndefined(ofParent.pollUnsafe())
    }))

  it.effect("can be closed by one of its own fibers", () =>
    Effect.gen(function*() {
      const child = (yield* Runner.make).child()
      const closing = child.fork(Effect.andThen(Effect.yieldNow, child.close))
      const other = child.fork(Effect.never)
      yield* settle
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(closing)))
      assert.isDefined(other.pollUnsafe())
    }))
})
