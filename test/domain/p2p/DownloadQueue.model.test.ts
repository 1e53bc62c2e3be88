import { assert, describe, it } from "@effect/vitest"
import * as DownloadQueue from "../../../src/domain/p2p/DownloadQueue.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import type * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import { Random, seed } from "../../utils/native.ts"

interface Named extends DownloadQueue.Want {
  readonly name: number
}

const item = (n: number): P2PMessage.Inventory => ({
  type: InventoryType.transaction,
  hash: Uint8Array.from({ length: 32 }, (_, i) => i === 0 ? n : 9)
})

const numberOf = ({ hash }: P2PMessage.Inventory) => hash[0]!

const universe = Array.from({ length: 40 }, (_, n) => n)

const maxKnown = 5

/**
 * What must be so, kept in the plainest way: who offers what, who was asked for what when, and how each offer ended.
 * The bounds are wide enough that no offer is dropped.
 */
class Model {
  readonly queue = DownloadQueue.make<Named>({
    atOnce: 4,
    maxItems: 100,
    maxPerPeer: 100,
    maxKnown,
    timeout: 1000
  })
  readonly #random: Random
  now = 0
  #names = 0
  readonly peers = new Set<number>()
  /** For each item the peers that offer it and have not failed since. */
  readonly offers = new Map<number, Set<number>>()
  readonly asked = new Map<number, { readonly peer: number; readonly deadline: number }>()
  readonly known = new Set<number>()
  readonly wants = new Map<Named, { readonly item: number; readonly accepts: ReadonlySet<number> | undefined }>()
  /** What a peer was asked for and may still send. */
  readonly late = new Map<number, Set<number>>()
  /** The peers that have failed an item since it is in the queue. They are not asked again. */
  readonly failed = new Map<number, Set<number>>()
  delivered = 0

  constructor(random: Random) {
    this.#random = random
  }

  step(): void {
    const what = this.#random.below(100)
    if (what < 6) this.join()
    else if (what < 9) this.leave()
    else if (what < 35) this.offer()
    else if (what < 42) this.want()
    else if (what < 45) this.release()
    else if (what < 70) this.answer()
    else if (what < 78) this.refuse()
    else if (what < 84) this.intrude()
    else this.pass(this.#random.below(600))
    this.assign()
    this.check()
  }

  join(): void {
    const peer = ++this.#names
    if (this.peers.size === 8) return
    this.peers.add(peer)
    this.late.set(peer, new Set())
    this.queue.join(peer)
  }

  #anyPeer(): number | undefined {
    return this.peers.size === 0 ? undefined : this.#random.pick([...this.peers])
  }

  leave(): void {
    const peer = this.#anyPeer()
    if (peer === undefined) return
    this.peers.delete(peer)
    this.late.delete(peer)
    for (const [n, offering] of this.offers) if (offering.delete(peer) && offering.size === 0) this.offers.delete(n)
    for (const [n, asked] of this.asked) if (asked.peer === peer) this.asked.delete(n)
    this.#end(this.queue.leave(peer))
  }

  offer(): void {
    const peer = this.#anyPeer()
    if (peer === undefined) return
    const numbers = Array.from({ length: 1 + this.#random.below(12) }, () => this.#random.pick(universe))
    const before = this.queue.counts
    this.queue.offer(peer, numbers.map(item))
    let taken = 0
    for (const n of new Set(numbers)) {
      // One that is known is passed over. The queue tells how many are.
      if (this.queue.stateOf(item(n)) === undefined || this.failed.get(n)?.has(peer) === true) continue
      const offering = this.offers.get(n) ?? new Set()
      if (this.known.has(n)) continue
      if (!offering.has(peer)) taken += 1
      offering.add(peer)
      this.offers.set(n, offering)
    }
    const known = numbers.filter((n) => this.known.has(n)).length
    assert.strictEqual(this.queue.counts.known - before.known, known)
    assert.strictEqual(this.queue.counts.offered - before.offered, taken)
  }

  want(): void {
    const n = this.#random.pick(universe)
    const accepted = this.#random.chance(50)
      ? undefined
      : new Set([...this.peers].filter(() => this.#random.chance(60)))
    const want: Named = { name: ++this.#names, accepts: (peer) => accepted === undefined || accepted.has(peer) }
    this.wants.set(want, { item: n, accepts: accepted })
    this.#end(this.queue.want(item(n), want))
  }

  release(): void {
    if (this.wants.size === 0) return
    const [want, { item: n }] = this.#random.pick([...this.wants])
    this.wants.delete(want)
    this.queue.release(item(n), want)
    this.#noteGivenBack()
  }

  /** A peer sends something that it was asked for, in time or late. */
  answer(): void {
    const due = [
      ...Array.from(this.asked, ([n, { peer }]) => ({ n, peer })),
      ...[...this.late].flatMap(([peer, late]) => Array.from(late, (n) => ({ n, peer })))
    ]
    if (due.length === 0) return
    const { n, peer } = this.#random.pick(due)
    const wasThere = this.queue.stateOf(item(n)) !== undefined
    const delivery = this.queue.deliver(peer, item(n))
    assert.strictEqual(delivery._tag, wasThere ? "Delivered" : "Late")
    const asked = this.asked.get(n)
    this.late.get(peer)!.delete(n)
    if (delivery._tag !== "Delivered") return
    if (asked !== undefined && asked.peer !== peer) this.late.get(asked.peer)!.add(n)
    this.#take(n, delivery.isOffered)
    assert.deepStrictEqual(
      delivery.wants.map(({ name }) => name).sort(),
      [...this.wants].filter(([, { item }]) => item === n).map(([{ name }]) => name).sort()
    )
    for (const want of delivery.wants) this.wants.delete(want)
    this.delivered += 1
  }

  #take(n: number, isOffered: boolean): void {
    assert.strictEqual(isOffered, this.offers.has(n))
    this.asked.delete(n)
    if (!this.offers.delete(n)) return
    this.known.add(n)
    if (this.known.size > maxKnown) this.known.delete([...this.known][0]!)
  }

  /** A peer sends what it was not asked for. */
  intrude(): void {
    const peer = this.#anyPeer()
    const n = this.#random.pick(universe)
    if (peer === undefined || this.asked.get(n)?.peer === peer || this.late.get(peer)!.has(n)) return
    assert.strictEqual(this.queue.deliver(peer, item(n))._tag, "Unasked")
  }

  refuse(): void {
    const peer = this.#anyPeer()
    if (peer === undefined) return
    const numbers = Array.from({ length: 6 }, () => this.#random.pick(universe))
    for (const n of numbers) {
      this.late.get(peer)!.delete(n)
      if (this.asked.get(n)?.peer === peer) this.#fail(n, peer)
    }
    this.#end(this.queue.refuse(peer, numbers.map(item), "NotFound"))
  }

  pass(time: number): void {
    this.now += time
    for (const [n, { deadline, peer }] of this.asked) {
      if (deadline > this.now) continue
      this.#fail(n, peer)
      this.late.get(peer)!.add(n)
    }
    this.#end(this.queue.expire(this.now))
  }

  #fail(n: number, peer: number): void {
    this.failed.set(n, (this.failed.get(n) ?? new Set()).add(peer))
    this.asked.delete(n)
    const offering = this.offers.get(n)
    if (offering?.delete(peer) === true && offering.size === 0) this.offers.delete(n)
  }

  #end(failures: ReadonlyArray<DownloadQueue.Failure<Named>>): void {
    for (const { asked, timedOut, want } of failures) {
      assert.isTrue(this.wants.delete(want))
      assert.isAbove(asked, 0)
      assert.isAtMost(timedOut, asked)
    }
    this.#noteGivenBack()
  }

  /** What nobody offers or wants any more is asked of nobody: it may come late. */
  #noteGivenBack(): void {
    for (const [n, { peer }] of this.asked) {
      if (this.offers.has(n) || [...this.wants.values()].some(({ item }) => item === n)) continue
      this.asked.delete(n)
      this.late.get(peer)!.add(n)
    }
  }

  assign(): void {
    for (const { items, peer } of this.queue.assign(this.now)) {
      assert.isNotEmpty(items)
      for (const asked of items) {
        const n = numberOf(asked)
        // Nobody is asked for it yet, and this one may be.
        assert.isFalse(this.asked.has(n), `${n} is asked of two peers`)
        const isWanted = [...this.wants.values()].some(({ accepts, item }) =>
          item === n && (accepts === undefined || accepts.has(peer))
        )
        assert.isTrue(this.offers.get(n)?.has(peer) === true || isWanted, `${peer} is asked for ${n} for no reason`)
        this.asked.set(n, { peer, deadline: this.now + 1000 })
      }
    }
  }

  check(): void {
    const { asked, waiting } = this.queue.counts
    let inQueue = 0
    for (const n of universe) {
      const state = this.queue.stateOf(item(n))
      if (state === undefined) this.failed.delete(n)
      else inQueue += 1
      const expected = this.asked.get(n)
      assert.deepStrictEqual(
        state?._tag === "Asked" ? { peer: state.peer, deadline: state.deadline } : undefined,
        expected
      )
      const isNeeded = this.offers.has(n) || [...this.wants.values()].some(({ item }) => item === n)
      assert.strictEqual(state !== undefined, isNeeded, `item ${n}`)
    }
    assert.strictEqual(inQueue, asked + waiting)
    const load = new Map<number, number>()
    for (const { peer } of this.asked.values()) load.set(peer, (load.get(peer) ?? 0) + 1)
    for (const count of load.values()) assert.isAtMost(count, 4)
    const deadlines = [...this.asked.values()].map(({ deadline }) => deadline)
    assert.strictEqual(this.queue.deadline, deadlines.length === 0 ? undefined : Math.min(...deadlines))
  }

  /** From now on everybody delivers, or says that it does not have it: then nothing can be left. */
  finish(random: Random): void {
    this.join()
    for (let rounds = 0; this.asked.size > 0; rounds++) {
      assert.isBelow(rounds, 2000)
      for (const [n, { peer }] of this.asked) {
        if (random.chance(50)) {
          this.#fail(n, peer)
          this.#end(this.queue.refuse(peer, [item(n)], "NotFound"))
        } else {
          const delivery = this.queue.deliver(peer, item(n))
          assert.strictEqual(delivery._tag, "Delivered")
          if (delivery._tag !== "Delivered") return
          this.#take(n, delivery.isOffered)
          for (const want of delivery.wants) this.wants.delete(want)
        }
        this.check()
        break
      }
      this.assign()
    }
    // Only wants that accept none of the peers, or of which nobody was asked, are left.
    assert.strictEqual(this.offers.size, 0)
    for (const { accepts } of this.wants.values()) {
      assert.isFalse([...this.peers].some((peer) => accepts === undefined || accepts.has(peer)))
    }
  }
}

describe("the queue of downloads", () => {
  it.each(Array.from({ length: 25 }, (_, i) => seed + i))(
    "has each item in one state, asks one peer at a time, and ends each offer and want (seed %s)",
    (seed) => {
      const random = new Random(seed)
      const model = new Model(random)
      for (let steps = 0; steps < 500; steps++) model.step()
      assert.isAbove(model.delivered, 10)
      model.finish(random)
    }
  )
})
