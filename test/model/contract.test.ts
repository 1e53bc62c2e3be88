/** The checks themselves: each breach of the contract is noticed. */
import { assert, describe, it } from "@effect/vitest"
import * as Message from "../../src/domain/Message.ts"
import { encode } from "../utils/native.ts"
import * as Contract from "./contract.ts"
import { lanes, Records, type Sent, services, type Status } from "./records.ts"
import type { Wire } from "./tap.ts"

const wire = (offered: ReadonlyArray<Uint8Array>, taken: number, read: ReadonlyArray<Uint8Array> = []): Wire => ({
  side: "dialled",
  local: "10.0.0.1:32768",
  remote: "10.0.0.9:1235",
  begun: 0,
  connection: 1,
  offered: [...offered],
  taken,
  read: [...read],
  ends: 1,
  isEnded: true
})

/** A lane of messages with these statuses, and how they are carried: what was written, and what of it was taken. */
const laneOf = (...statuses: ReadonlyArray<Status>) => {
  const records = new Records()
  const own = lanes("own")
  const sent = statuses.map((status): Sent => {
    const each = records.add(own, "normal", { serviceId: services.plain, bytes: 10 })
    each.status = status
    return each
  })
  const carried = (written: ReadonlyArray<number>, taken: number) => {
    const bytes = written.map((number) => encode(sent[number - 1]!.message))
    const size = bytes.slice(0, taken).reduce((sum, { length }) => sum + length, 0)
    return Contract.carried(records, wire(bytes, size))
  }
  return { records, sent, carried }
}

const left = (
  { carried, sent }: ReturnType<typeof laneOf>,
  ...wires: ReadonlyArray<readonly [written: ReadonlyArray<number>, taken: number]>
) => Contract.checkLane(sent, wires.map((each) => carried(...each)), "lane").map(({ number }) => number)

const four = () => laneOf("accepted", "accepted", "accepted", "accepted")

describe("the contract of a lane", () => {
  it("holds when all leave in order, and again what was not taken", () => {
    assert.deepStrictEqual(left(four(), [[1, 2, 3, 4], 4]), [])
    assert.deepStrictEqual(left(four(), [[1, 2, 3], 1], [[2, 3, 4], 3]), [])
    assert.deepStrictEqual(left(four(), [[1, 2], 2], [[], 0], [[3], 1]), [4])
  })

  it("is broken by what comes twice, late or not at all", () => {
    assert.throws(() => left(four(), [[1, 2], 2], [[2, 3, 4], 3]), "2 comes again")
    assert.throws(() => left(four(), [[1, 3, 2, 4], 4]), "2 is left out")
    assert.throws(() => left(four(), [[1, 2, 2], 3]), "2 comes again")
    assert.throws(() => left(four(), [[1, 2], 1], [[3, 4], 2]), "2 is left out")
  })

  it("lets those be missing that were refused or withdrawn, and no refused one leave", () => {
    assert.deepStrictEqual(left(laneOf("accepted", "refused", "withdrawn", "accepted"), [[1, 4], 2]), [])
    assert.deepStrictEqual(left(laneOf("accepted", "withdrawn", "accepted"), [[1, 2, 3], 3]), [])
    assert.throws(() => left(laneOf("accepted", "refused"), [[1, 2], 2]), "2 was refused")
  })
})

describe("the contract of bytes and takers", () => {
  it("knows each message by its body", () => {
    const { records } = laneOf("accepted")
    const other = Message.make({ serviceId: services.plain, messageId: 1, body: Uint8Array.of(1) })
    assert.throws(() => Contract.carried(records, wire([encode(other)], 0)), "nobody has sent")
  })

  it("compares what was read with what was written", () => {
    const written = wire([Uint8Array.of(1, 2), Uint8Array.of(3)], 3)
    Contract.checkBytes(wire([], 0, [Uint8Array.of(1), Uint8Array.of(2)]), written)
    assert.throws(() => Contract.checkBytes(wire([], 0, [Uint8Array.of(1, 3)]), written), "not those")
    assert.throws(() => Contract.checkBytes(wire([], 0, [Uint8Array.of(1, 2, 3, 4)]), written))
  })

  it("finds what a taker has had in one piece", () => {
    assert.deepStrictEqual(Contract.placeIn([1, 2, 1, 3, 4], [1, 3], "taker"), { from: 2, to: 4 })
    assert.deepStrictEqual(Contract.placeIn([1, 2], [], "taker"), { from: 2, to: 2 })
    for (const taken of [[1, 3], [2, 1], [4]]) assert.throws(() => Contract.placeIn([1, 2, 3], taken, "taker"), "took")
  })
})
