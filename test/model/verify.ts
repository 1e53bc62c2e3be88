/**
 * Holds what a world has seen against the contract.
 */
import { assert } from "@effect/vitest"
import { Exit } from "effect"
import * as Contract from "./contract.ts"
import type { Asked, Party } from "./party.ts"
import type { Sent } from "./records.ts"
import type { World } from "./world.ts"

/** What each wire carried, by the connection that it belongs to. */
interface Carriers {
  readonly dialled: ReadonlyMap<string, ReadonlyArray<Contract.Carried>>
  readonly accepted: ReadonlyMap<string, Contract.Carried>
}

const carriers = (world: World): Carriers => {
  const dialled = new Map<string, Array<Contract.Carried>>()
  const owners = new Map<number, string>()
  for (const lanes of world.dialled.values()) {
    for (const { number } of [...lanes.high, ...lanes.normal]) owners.set(number, lanes.name)
  }
  for (const { party } of world.handles) for (const number of party.took) owners.set(-number, party.name)
  for (const { wires } of world.clients) {
    for (const wire of wires) {
      const carried = Contract.carried(world.records, wire)
      const written = new Set(carried.written.map((number) => owners.get(number)))
      assert.isAtMost(written.size, 1, "messages of two connections went over one socket")
      const read = carried.read.find((number) => owners.has(-number))
      const [owner = owners.get(-(read ?? 0))] = written
      if (owner === undefined) continue
      const others = dialled.get(owner)
      if (others === undefined) dialled.set(owner, [carried])
      else others.push(carried)
    }
  }
  const accepted = new Map<string, Contract.Carried>()
  for (const wire of world.serverWires) {
    const { remote } = wire
    assert.isFalse(accepted.has(remote), `${remote} was accepted twice`)
    accepted.set(remote, Contract.carried(world.records, wire))
  }
  return { dialled, accepted }
}

/** Bytes arrive as they were written. */
const checkWires = (world: World): void => {
  const dialled = new Map(world.clients.flatMap(({ wires }) => wires.map((wire) => [wire.local, wire])))
  for (const wire of world.serverWires) {
    const other = dialled.get(wire.remote)
    if (other === undefined) continue
    Contract.checkBytes(wire, other)
    Contract.checkBytes(other, wire)
  }
}

const numbers = (sent: ReadonlyArray<Sent>): string => sent.map(({ number }) => number).join(" ")

/** Each message leaves in its turn, and all have left from those that are still there. */
const checkSending = (world: World, { accepted, dialled }: Carriers): void => {
  for (const [name, lanes] of world.dialled) {
    const left = Contract.checkLanes(lanes, dialled.get(name) ?? [])
    const isOpen = world.handles.some(({ isClosed, party }) => !isClosed && party.name === name)
    if (isOpen) assert.strictEqual(numbers(left), "", `${name} is open, and these have not left`)
  }
  for (const party of world.accepted) {
    const wire = accepted.get(party.connection.endPoint)
    const left = Contract.checkLanes(party.lanes, wire === undefined ? [] : [wire])
    if (!party.hasStopped) assert.strictEqual(numbers(left), "", `${party.name} is open, and these have not left`)
  }
}

/** Each taker has had what was read from when it began on, in order; all of it, if it is still there. */
const checkTaking = (world: World, { accepted, dialled }: Carriers): void => {
  for (const party of world.accepted) {
    const wire = accepted.get(party.connection.endPoint)
    const expected = Contract.forHandlers(world.records, party.name, wire?.read ?? [])
    const { from, to } = Contract.placeIn(expected, party.took, party.name)
    if (party.took.length > 0) {
      assert.strictEqual(from, 0, `${party.name} missed the first: ${party.took} of ${expected}`)
    }
    if (!party.hasStopped) assert.strictEqual(to, expected.length, `${party.name}: ${party.took} of ${expected}`)
  }
  const seen = new Set<string>()
  for (const { isClosed, party } of world.handles) {
    const read = (dialled.get(party.name) ?? []).flatMap((wire) => wire.read)
    const expected = Contract.forHandlers(world.records, party.name, read)
    const { from, to } = Contract.placeIn(expected, party.took, party.name)
    const isFirst = !seen.has(party.name)
    seen.add(party.name)
    if (isFirst && party.took.length > 0) {
      assert.strictEqual(from, 0, `${party.name} missed the first: ${party.took} of ${expected}`)
    }
    if (!isClosed) assert.strictEqual(to, expected.length, `${party.name}: ${party.took} of ${expected}`)
  }
}

/** Milliseconds by which a deadline may be missed. */
const tolerance = 5

const checkRequest = (world: World, party: Party, asked: Asked, wires: ReadonlyArray<Contract.Carried>): void => {
  const { begun, ended, sent, timeout } = asked
  const what = `${party.name}: request ${sent.number} of ${timeout} ms`
  assert.isDefined(ended, `${what} has not ended`)
  const { at, exit } = ended!
  assert.isAtMost(at - begun, timeout + tolerance, what)
  for (const { wire, written } of wires) {
    if (wire.begun > at) assert.notInclude(written, sent.number, `${what} left when nobody waited for it any more`)
  }
  if (Exit.isSuccess(exit)) {
    const answer = world.records.find(exit.value)
    assert.strictEqual(answer?.answers, sent.number, `${what} got ${exit.value.messageId}`)
    return
  }
  const failure = exit.cause.reasons[0]!
  assert.notStrictEqual(failure._tag, "Die", what)
  if (failure._tag !== "Fail") return
  switch (failure.error.reason._tag) {
    case "RequestTimedOut":
      assert.isAtLeast(at - begun, timeout, what)
      return
    case "RequestInterrupted":
      assert.isTrue(wires.some(({ taken, wire }) => taken.has(sent.number) && wire.isEnded), `${what} had not left`)
      return
    case "ConnectionClosed":
    case "TooManyRequests":
      return
    default:
      assert.fail(`${what}: ${failure.error.message}`)
  }
}

const checkRequests = (world: World, { accepted, dialled }: Carriers): void => {
  for (const { party } of world.handles) {
    for (const asked of party.asked) checkRequest(world, party, asked, dialled.get(party.name) ?? [])
  }
  for (const party of world.accepted) {
    const wire = accepted.get(party.connection.endPoint)
    for (const asked of party.asked) checkRequest(world, party, asked, wire === undefined ? [] : [wire])
  }
}

/** To be called when all is calm, and nothing was closed for that. */
export const whenCalm = (world: World): void => {
  const all = carriers(world)
  checkWires(world)
  checkSending(world, all)
  checkTaking(world, all)
  checkRequests(world, all)
}

/** Connections come and go in turns, and each ends once. */
const checkStory = (party: Party): void => {
  const story = `${party.name}: ${party.states.join(", ")}; ${party.events.join(", ")}`
  assert.strictEqual(party.states.at(-1), "end", story)
  assert.strictEqual(party.states.at(-2), "Closed", story)
  assert.strictEqual(party.states.filter((state) => state === "Closed").length, 1, story)
  assert.strictEqual(party.events.at(-1), "end", story)
  let isConnected: boolean | undefined
  for (const event of party.events.slice(0, -1)) {
    const isEnd = event.startsWith("Disconnected")
    if (isConnected !== undefined) assert.strictEqual(isConnected, isEnd, story)
    isConnected = event === "Connected"
  }
  assert.isNotTrue(isConnected, story)
}

/** To be called when everything was closed, whatever happened before. */
export const whenClosed = (world: World): void => {
  for (const party of [...world.handles.map((handle) => handle.party), ...world.accepted]) {
    checkStory(party)
    assert.isTrue(party.hasStopped, `the handler of ${party.name} goes on`)
    assert.strictEqual(party.sending, 0, `senders of ${party.name} still wait`)
    for (const { ended, sent } of party.asked) assert.isDefined(ended, `request ${sent.number} has not ended`)
  }
  for (const wire of [...world.serverWires, ...world.clients.flatMap(({ wires }) => wires)]) {
    assert.isTrue(wire.isEnded, `a link from ${wire.local} to ${wire.remote} is open`)
    assert.isAtMost(wire.ends, 1)
  }
}
