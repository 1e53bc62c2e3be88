import { assert, describe, it } from "@effect/vitest"
import * as HeaderError from "../../../src/domain/p2p/HeaderError.ts"
import * as HeadersRefused from "../../../src/domain/p2p/HeadersRefused.ts"

const { HeadersRefused: Refused } = HeadersRefused

const badHeader = new HeaderError.HeaderError({
  index: 3,
  height: 17,
  reason: new HeaderError.IncompleteHeader({ length: 5 })
})

describe("HeadersRefused", () => {
  it("says why", () => {
    assert.strictEqual(
      new Refused({ reason: new HeadersRefused.TooManyHeaders({ count: 2001, maximum: 2000 }) }).message,
      "the headers are refused: there are 2001, and a message has at most 2000"
    )
    assert.strictEqual(
      new Refused({ reason: badHeader }).message,
      "the header for height 17 is refused: it has 5 bytes in place of 80"
    )
  })

  it("costs a peer that may be honest nothing, and any other one its place", () => {
    const cases: ReadonlyArray<readonly [HeadersRefused.Reason, number]> = [
      [new HeadersRefused.TooManyHeaders({ count: 2001, maximum: 2000 }), 1001],
      [new HeadersRefused.UnknownParent({ parent: "00" }), 0],
      [new HeadersRefused.ForkBelowCheckpoint({ forkHeight: 1, checkpoint: 2 }), 1001],
      [new HeadersRefused.ChainTooLong({ height: 2, maximum: 1 }), 0],
      [badHeader, 1001]
    ]
    for (const [reason, points] of cases) {
      assert.strictEqual(HeadersRefused.points(new Refused({ reason })), points, reason._tag)
    }
  })
})
