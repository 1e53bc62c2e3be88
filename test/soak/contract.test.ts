import { assert, describe, it } from "@effect/vitest"
import { LaneAccount } from "./contract.ts"
import type { Loss } from "./protocol.ts"

const loss = (taken: number): Loss => ({ client: 0, lane: "normal", taken, reason: "cut" })

/** Sockets in order, each with the ranges that came on it. */
const account = (sockets: ReadonlyArray<ReadonlyArray<readonly [number, number]>>, losses = [loss(10)]) => {
  const account = new LaneAccount()
  for (const one of losses) account.addLoss(one)
  sockets.forEach((ranges, index) => {
    for (const [first, last] of ranges) {
      account.addEntry({ session: String(index), client: 0, lane: "normal", first, last })
    }
  })
  return account
}

describe("the contract of a lane", () => {
  it("is kept by a socket that carries everything", () => {
    assert.deepStrictEqual(account([[[1, 4], [5, 10]]], []).outcome(10), {
      sent: 10,
      delivered: 10,
      duplicated: 0,
      lost: {},
      unexplained: []
    })
  })

  it("lets go what had been taken when a socket ended", () => {
    const { delivered, lost, unexplained } = account([[[1, 7]], [[11, 20]]]).outcome(20)
    assert.deepStrictEqual({ delivered, lost, unexplained }, { delivered: 17, lost: { cut: 3 }, unexplained: [] })
  })

  it("allows a write that failed to be sent again", () => {
    const { delivered, duplicated, unexplained } = account([[[1, 14]], [[11, 20]]]).outcome(20)
    assert.deepStrictEqual({ delivered, duplicated, unexplained }, { delivered: 20, duplicated: 4, unexplained: [] })
  })

  it("tells by which socket something was lost", () => {
    const losses = [loss(10), { ...loss(15), reason: "banned" }]
    const { lost, unexplained } = account([[[1, 8]], [[16, 20]]], losses).outcome(20)
    assert.deepStrictEqual({ lost, unexplained }, { lost: { cut: 2, banned: 5 }, unexplained: [] })
  })

  it("allows sockets on which nothing arrived", () => {
    const { lost, unexplained } = account([[[1, 5]], [[11, 20]]], [loss(5), loss(8), loss(10)]).outcome(20)
    assert.deepStrictEqual({ lost, unexplained }, { lost: { cut: 5 }, unexplained: [] })
    assert.deepStrictEqual(account([[[1, 20]], [[1, 20]]], [loss(0)]).outcome(20).unexplained, [])
  })

  it.each(
    [
      ["a hole", [[[1, 4], [6, 20]]], [], [
        "number 5 left out"
      ]],
      ["the same again", [[[1, 20], [15, 20]]], [], ["numbers 15 to 20 twice, or out of order"]],
      ["what was queued, lost", [[[1, 10]], [[13, 20]]], [loss(10)], [
        "a socket began with number 13",
        "numbers 11 to 12 lost without a socket's end"
      ]],
      ["what was taken, sent again", [[[1, 10]], [[9, 20]]], [loss(10)], ["a socket began with number 9"]],
      ["a second socket that begins as the one before it did", [[[1, 10]], [[11, 15]], [[11, 20]]], [
        loss(10),
        loss(15)
      ], [
        "a socket began with number 11"
      ]],
      ["everything, sent again", [[[1, 10]], [[1, 20]]], [loss(10)], ["a socket began with number 1"]],
      ["the last ones, lost", [[[1, 10]], [[11, 18]]], [loss(10)], ["numbers 19 to 20 lost without a socket's end"]],
      ["what nobody sent", [[[1, 22]]], [], ["numbers 21 to 22 never sent"]]
    ] as const
  )("is broken by %s", (_, sockets, losses, unexplained) => {
    assert.deepStrictEqual(account(sockets, [...losses]).outcome(20).unexplained, unexplained)
  })
})
