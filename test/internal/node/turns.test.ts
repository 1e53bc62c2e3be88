import { assert, describe, it } from "@effect/vitest"
import * as Turns from "../../../src/internal/node/turns.ts"

/** An event loop whose turns end when the test says so. */
class Loop {
  now = 0
  #ends: Array<() => void> = []
  readonly turns = new Turns.Turns({ now: () => this.now, atEnd: (f) => this.#ends.push(f) })

  endTurn(): void {
    const ends = this.#ends
    this.#ends = []
    for (const end of ends) end()
  }
}

/** A connection that reads for so many milliseconds of a turn, in reads of one, or until it must wait. */
class Reader implements Turns.Waiting {
  readonly share: Turns.Share
  reads = 0
  waits = false
  readonly #loop: Loop

  constructor(loop: Loop) {
    this.#loop = loop
    this.share = new Turns.Share(loop.turns)
  }

  read(bytes: number, millis: number): void {
    this.share.begin()
    this.#loop.now += millis
    this.reads += 1
    this.waits = this.share.isUsedUp(bytes)
    if (this.waits) this.#loop.turns.wait(this)
  }

  readAll(bytes: number, millis: number): number {
    this.reads = 0
    while (!this.waits) this.read(bytes, millis)
    return this.reads
  }

  goOn(): void {
    this.waits = false
  }
}

describe("turns", () => {
  it("makes the first read of many connections small, and that of few large", () => {
    const { turns } = new Loop()
    const firstRead = (links: number) => {
      for (let i = 0; i < links; i++) turns.add(1)
      const size = turns.firstRead
      for (let i = 0; i < links; i++) turns.add(-1)
      return size
    }
    assert.deepStrictEqual([0, 1, 2, 3, 10, 1000].map(firstRead), [262_144, 262_144, 131_072, 65_536, 16_384, 8192])
  })

  it("lets one connection go on for 10 ms, and then in the next turn", () => {
    const loop = new Loop()
    const reader = new Reader(loop)
    assert.strictEqual(reader.readAll(1000, 1), 10)
    loop.endTurn()
    assert.isFalse(reader.waits)
    assert.strictEqual(reader.readAll(1000, 1), 10)
  })

  it("gives those who waited equal shares", () => {
    const loop = new Loop()
    const readers = Array.from({ length: 5 }, () => new Reader(loop))
    // The first one takes the whole turn: a first read is left for each of the others.
    assert.deepStrictEqual(readers.map((reader) => reader.readAll(1000, 1)), [10, 1, 1, 1, 1])
    loop.endTurn()
    assert.deepStrictEqual(readers.map((reader) => reader.readAll(1000, 1)), [2, 2, 2, 2, 2])
    loop.endTurn()
    assert.deepStrictEqual(readers.slice(3).map((reader) => reader.readAll(1000, 1)), [2, 2])
    loop.endTurn()
    assert.strictEqual(readers[3]!.readAll(1000, 1), 5)
  })

  it("offers as much for the next read as can be handled in what is left, and little when nothing is known", () => {
    const loop = new Loop()
    for (let i = 0; i < 32; i++) loop.turns.add(1)
    const reader = new Reader(loop)
    assert.strictEqual(reader.share.room, 8192)
    reader.read(8000, 1)
    assert.strictEqual(reader.share.room, 72_000)
    reader.read(56_000, 7)
    assert.strictEqual(reader.share.room, 16_000)
    reader.read(1000, 1)
    assert.strictEqual(reader.share.room, 8192)
    reader.share.onDrained()
    assert.strictEqual(reader.share.room, 8192)
    reader.readAll(1000, 1)
    assert.strictEqual(reader.share.room, 8192)
  })

  it("lets so many go on in a turn as it has time for, each in its time", () => {
    const loop = new Loop()
    const readers = Array.from({ length: 300 }, () => new Reader(loop))
    const turn = () => {
      const before = loop.now
      const ready = readers.filter((reader) => !reader.waits)
      for (const reader of ready) reader.readAll(8192, 0.5)
      const took = loop.now - before
      loop.endTurn()
      return { ready: ready.length, took }
    }
    assert.strictEqual(turn().ready, 300)
    for (let i = 0; i < 5; i++) turn()
    const total = new Map(readers.map((reader) => [reader, 0]))
    for (let i = 0; i < 60; i++) {
      const ready = readers.filter((reader) => !reader.waits)
      const { took } = turn()
      assert.isAtMost(took, 30)
      assert.isAbove(took, 2)
      for (const reader of ready) total.set(reader, total.get(reader)! + 1)
    }
    const counts = [...total.values()]
    assert.isAbove(Math.min(...counts), 0)
    assert.isAtMost(Math.max(...counts) - Math.min(...counts), 1)
  })

  it("reads little from those that come when the time of a turn is over", () => {
    const loop = new Loop()
    const [greedy, late] = [new Reader(loop), new Reader(loop)]
    greedy.readAll(8192, 1)
    assert.strictEqual(greedy.reads, 10)
    assert.isFalse(late.waits)
    loop.now += 1
    assert.strictEqual(late.share.room, 256)
    loop.endTurn()
    assert.isAbove(late.share.room, 256)
  })

  it("begins anew when a turn was quiet", () => {
    const loop = new Loop()
    const reader = new Reader(loop)
    reader.read(1000, 9)
    loop.endTurn()
    loop.now += 1000
    assert.strictEqual(reader.readAll(1000, 5), 2)
  })
})
