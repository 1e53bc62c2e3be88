import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Chart from "./chart.ts"
import * as Faults from "./faults.ts"
import * as Soak from "./soak.ts"
import * as Table from "./table.ts"

describe("soak", () => {
  it.live(
    "a short one finds nothing that the contract does not allow",
    () =>
      Effect.gen(function*() {
        const { result, samples } = yield* Soak.soak({ minutes: 6 / 60, seed: 20_260_101, clients: 8 })
        assert.deepStrictEqual(result.problems, [])
        assert.strictEqual(result.unexplained, 0)
        assert.isAbove(result.delivered, 100)
        assert.strictEqual(result.sent, result.delivered + result.lost)
        assert.isAbove(result.requests.answered, 8)
        assert.isAbove(Object.keys(result.faults).length, Faults.faults.length / 2)
        assert.match(Chart.draw(samples), /^<svg[^]*<\/svg>\n$/)
        assert.include(Table.draw(result), "unexplained: what the contract does not allow")
      }),
    120_000
  )
})
