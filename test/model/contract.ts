/**
 * The contract of README, "What is promised", held against what went over the wires.
 */
import { assert } from "@effect/vitest"
import { decode } from "../utils/dialling.ts"
import type { Lanes, Records, Sent } from "./records.ts"
import type { Wire } from "./tap.ts"

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(Buffer.concat(parts))

/** The numbers of the messages in some bytes. All of them must have been sent, as they are. */
const numbersOf = (records: Records, bytes: Uint8Array): ReadonlyArray<number> =>
  decode(bytes).map((message) => {
    const sent = records.find(message)
    assert.isDefined(sent, `nobody has sent ${message.serviceId}/${message.messageId} with this body`)
    return sent!.number
  })

/** What a wire carried. */
export interface Carried {
  readonly wire: Wire
  readonly written: ReadonlyArray<number>
  readonly taken: ReadonlySet<number>
  readonly read: ReadonlyArray<number>
}

export const carried = (records: Records, wire: Wire): Carried => {
  const offered = join(wire.offered)
  return {
    wire,
    written: numbersOf(records, offered),
    taken: new Set(numbersOf(records, offered.subarray(0, wire.taken))),
    read: numbersOf(records, join(wire.read))
  }
}

/** Whether a message need not leave. */
const mayMiss = (sent: Sent): boolean => sent.status !== "accepted"

const show = (numbers: Iterable<number>): string => `[${Array.from(numbers).join(" ")}]`

/**
 * The messages of a lane leave in order over the wires of a connection. Each wire begins with what the one before it had
 * not taken, whole. None is left out but those that were refused or withdrawn.
 *
 * Returns what has not left at last.
 */
export const checkLane = (
  lane: ReadonlyArray<Sent>,
  wires: ReadonlyArray<Carried>,
  what: string
): ReadonlyArray<Sent> => {
  const places = new Map(lane.map(({ number }, place) => [number, place]))
  let begin = 0
  for (const { taken, written } of wires) {
    const numbers = written.filter((number) => places.has(number))
    const story = `${what}: ${show(numbers)} of ${show(lane.map((sent) => sent.number))} from ${begin}, taken ${
      show(taken)
    }`
    let next = begin
    for (const number of numbers) {
      const place = places.get(number)!
      assert.isAtLeast(place, next, `${number} comes again, or late; ${story}`)
      for (const missed of lane.slice(next, place)) {
        assert.isTrue(mayMiss(missed), `${missed.number} is left out; ${story}`)
      }
      assert.notStrictEqual(lane[place]!.status, "refused", `${number} was refused; ${story}`)
      next = place + 1
      if (taken.has(number)) begin = next
    }
  }
  return lane.slice(begin).filter((sent) => !mayMiss(sent))
}

/** What one side read is what the other side wrote, from the first byte on. */
export const checkBytes = (wire: Wire, other: Wire): void => {
  const read = join(wire.read)
  const written = join(other.offered)
  assert.isAtMost(read.length, written.length)
  assert.isTrue(Buffer.from(read).equals(written.subarray(0, read.length)), "bytes are not those that were written")
}

/** What handlers of all messages are to see of what was read. */
export const forHandlers = (records: Records, name: string, read: ReadonlyArray<number>): ReadonlyArray<number> =>
  read.filter((number) => !records.isAnswerTo(name, records.all[number - 1]!))

/** Where in `all` the messages lie that a taker has had: they must be next to each other, in order. */
export const placeIn = (
  all: ReadonlyArray<number>,
  taken: ReadonlyArray<number>,
  what: string
): { readonly from: number; readonly to: number } => {
  if (taken.length === 0) return { from: all.length, to: all.length }
  const story = `${what}: took ${show(taken)} of ${show(all)}`
  for (let from = all.indexOf(taken[0]!); from !== -1; from = all.indexOf(taken[0]!, from + 1)) {
    if (taken.every((number, i) => all[from + i] === number)) return { from, to: from + taken.length }
  }
  return assert.fail(story)
}

/** The lanes of one side, checked on all wires of its connection. Returns what has not left. */
export const checkLanes = (lanes: Lanes, wires: ReadonlyArray<Carried>): ReadonlyArray<Sent> => [
  ...checkLane(lanes.high, wires, `${lanes.name}, high lane`),
  ...checkLane(lanes.normal, wires, `${lanes.name}, normal lane`)
]
