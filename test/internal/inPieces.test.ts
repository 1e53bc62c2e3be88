import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as InPieces from "../../src/internal/inPieces.ts"
import * as Pieces from "../utils/pieces.ts"

const pausing = function*(pauses: number): Generator<void, string> {
  for (let i = 0; i < pauses; i++) yield
  return "done"
}

describe("InPieces", () => {
  it.effect("gives others their turn at each pause, and none without one", () =>
    Effect.gen(function*() {
      for (const pauses of [0, 1, 5]) {
        const { turns, value } = yield* Pieces.turnsDuring(InPieces.run(() => pausing(pauses)))
        assert.deepStrictEqual([turns, value], [pauses, "done"])
      }
    }))

  it.effect("begins anew each time that it is run", () =>
    Effect.gen(function*() {
      let begun = 0
      const run = InPieces.run(() => {
        begun += 1
        return pausing(2)
      })
      assert.strictEqual(begun, 0)
      yield* run
      yield* run
      assert.strictEqual(begun, 2)
    }))
})
