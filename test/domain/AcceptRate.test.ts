import { assert, describe, it } from "@effect/vitest"
import * as AcceptRate from "../../src/domain/AcceptRate.ts"

/** Whether an address that connected at these times, in seconds, may connect at second 1000. */
const mayConnect = (...seconds: ReadonlyArray<number>): boolean =>
  AcceptRate.allows(seconds.map((at) => at * 1000), 1_000_000)

/** Seconds before second 1000. */
const ago = (seconds: number) => 1000 - seconds

describe("AcceptRate", () => {
  it("lets a stranger in, and anybody who has been quiet for 10 s", () => {
    assert.isTrue(AcceptRate.allows(AcceptRate.empty, 0))
    assert.isTrue(mayConnect(ago(10)))
    assert.isTrue(mayConnect(ago(89), ago(60), ago(40), ago(35), ago(29), ago(20), ago(15), ago(10)))
  })

  it("lets somebody in again when there was just one connection in the last 10 s", () => {
    assert.isTrue(mayConnect(ago(0)))
    assert.isTrue(mayConnect(ago(9.999)))
    assert.isFalse(mayConnect(ago(9.999), ago(0)))
    assert.isFalse(mayConnect(ago(5), ago(5)))
    assert.isTrue(mayConnect(ago(10), ago(0)))
  })

  it("and at most one in the 20 s before", () => {
    assert.isTrue(mayConnect(ago(10), ago(0)))
    assert.isTrue(mayConnect(ago(29.999), ago(0)))
    assert.isFalse(mayConnect(ago(29.999), ago(10), ago(0)))
    assert.isTrue(mayConnect(ago(30), ago(10), ago(0)))
    assert.isFalse(mayConnect(ago(20), ago(20), ago(9.999)))
  })

  it("and at most two in the 60 s before that", () => {
    assert.isTrue(mayConnect(ago(89.999), ago(30), ago(0)))
    assert.isFalse(mayConnect(ago(89.999), ago(50), ago(30), ago(0)))
    assert.isTrue(mayConnect(ago(90), ago(50), ago(30), ago(0)))
    assert.isTrue(mayConnect(ago(90), ago(89.999), ago(30), ago(10), ago(0)))
  })

  it("what is older than 90 s does not count, and is forgotten", () => {
    assert.isTrue(mayConnect(...Array.from({ length: 100 }, () => ago(90)), ago(0)))
    assert.deepStrictEqual(AcceptRate.prune([0, 1, 89_999], 90_000), [1, 89_999])
    assert.deepStrictEqual(AcceptRate.prune([0], AcceptRate.memory), [])
  })

  it("notes a connection behind those that count", () => {
    assert.deepStrictEqual(AcceptRate.accepted(AcceptRate.empty, 7), [7])
    assert.deepStrictEqual(AcceptRate.accepted([0, 50_000], 100_000), [50_000, 100_000])
  })

  it("remembers little, however often somebody comes", () => {
    let history = AcceptRate.empty
    let longest = 0
    let accepted = 0
    for (let now = 0; now < 3_600_000; now += 100) {
      if (!AcceptRate.allows(history, now)) continue
      history = AcceptRate.accepted(history, now)
      accepted += 1
      longest = Math.max(longest, history.length)
    }
    assert.isAtMost(longest, 12)
    // One every 10 s is always let in, and hardly more than that.
    assert.isAtLeast(accepted, 360)
    assert.isAtMost(accepted, 400)
  })
})
