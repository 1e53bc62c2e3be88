import { assert, describe, it } from "@effect/vitest"
import * as DownloadQueue from "../../../src/domain/p2p/DownloadQueue.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import type * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"

const limits: DownloadQueue.Limits = { atOnce: 10, maxItems: 100, maxPerPeer: 50, maxKnown: 20, timeout: 1000 }

const item = (n: number, type: number = InventoryType.transaction): P2PMessage.Inventory => ({
  type,
  hash: Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? n & 255 : i === 1 ? n >> 8 : 7))
})

const items = (count: number, from = 0) => Array.from({ length: count }, (_, i) => item(from + i))

const numberOf = ({ hash }: P2PMessage.Inventory) => hash[0]! + hash[1]! * 256

const make = (peers: number, more: Partial<DownloadQueue.Limits> = {}) => {
  const queue = DownloadQueue.make({ ...limits, ...more })
  for (let peer = 1; peer <= peers; peer++) queue.join(peer)
  return queue
}

const show = (requests: ReadonlyArray<DownloadQueue.Request>) =>
  requests.map(({ items, peer }) => `${peer}: ${items.map(numberOf).join(" ")}`).sort()

const anyone: DownloadQueue.Want = { accepts: () => true }

const only = (...peers: ReadonlyArray<number>): DownloadQueue.Want => ({ accepts: (peer) => peers.includes(peer) })

describe("DownloadQueue with offers", () => {
  it("asks a peer for ten items at a time, and for more when half are there", () => {
    const queue = make(1)
    queue.offer(1, items(25))
    assert.deepStrictEqual(show(queue.assign(0)), ["1: 0 1 2 3 4 5 6 7 8 9"])
    for (let n = 0; n < 4; n++) queue.deliver(1, item(n))
    assert.deepStrictEqual(show(queue.assign(0)), [])
    queue.deliver(1, item(4))
    assert.deepStrictEqual(show(queue.assign(0)), ["1: 10 11 12 13 14"])
  })

  it("shares items among the peers that offer them", () => {
    const queue = make(3)
    for (let peer = 1; peer <= 3; peer++) queue.offer(peer, items(6))
    const requests = queue.assign(0)
    assert.deepStrictEqual(requests.map(({ items }) => items.length), [2, 2, 2])
    assert.strictEqual(new Set(requests.flatMap(({ items }) => items.map(numberOf))).size, 6)
  })

  it("asks another peer when the first one does not deliver in time, says so, or ends", () => {
    for (const how of ["TimedOut", "NotFound", "Left"] as const) {
      const queue = make(2)
      queue.offer(1, [item(1)])
      queue.offer(2, [item(1)])
      const [{ peer }] = queue.assign(0)
      assert.deepStrictEqual(queue.stateOf(item(1)), DownloadQueue.ItemState.Asked({ peer: peer!, deadline: 1000 }))
      assert.strictEqual(queue.deadline, 1000)
      assert.deepStrictEqual(queue.expire(999), [])
      assert.deepStrictEqual(show(queue.assign(999)), [])
      if (how === "TimedOut") queue.expire(1000)
      if (how === "NotFound") queue.refuse(peer!, [item(1)], "NotFound")
      if (how === "Left") queue.leave(peer!)
      assert.deepStrictEqual(queue.stateOf(item(1)), DownloadQueue.ItemState.Waiting())
      assert.deepStrictEqual(show(queue.assign(1000)), [`${3 - peer!}: 1`])
      assert.strictEqual(queue.deliver(3 - peer!, item(1))._tag, "Delivered")
      assert.isUndefined(queue.stateOf(item(1)))
      assert.isUndefined(queue.deadline)
    }
  })

  it("forgets an item when all who offered it have failed, and takes it again from the next", () => {
    const queue = make(2)
    queue.offer(1, [item(1)])
    queue.assign(0)
    queue.refuse(1, [item(1)], "NotFound")
    assert.isUndefined(queue.stateOf(item(1)))
    assert.strictEqual(queue.counts.failed, 1)
    queue.offer(2, [item(1)])
    assert.deepStrictEqual(show(queue.assign(0)), ["2: 1"])
  })

  it("does not ask again for what was delivered, as long as it remembers it", () => {
    const queue = make(1)
    queue.offer(1, [item(1)])
    queue.assign(0)
    assert.deepStrictEqual(queue.deliver(1, item(1)), { _tag: "Delivered", wants: [], isOffered: true })
    queue.offer(1, [item(1)])
    assert.deepStrictEqual(show(queue.assign(0)), [])
    assert.strictEqual(queue.counts.known, 1)
    for (let n = 2; n < 2 + limits.maxKnown; n++) {
      queue.offer(1, [item(n)])
      queue.assign(0)
      queue.deliver(1, item(n))
    }
    queue.offer(1, [item(1)])
    assert.deepStrictEqual(show(queue.assign(0)), ["1: 1"])
  })

  it("tells what comes late from what nobody asked for", () => {
    const queue = make(2)
    assert.strictEqual(queue.deliver(1, item(1))._tag, "Unasked")
    queue.offer(1, [item(1)])
    queue.offer(2, [item(1)])
    const [{ peer: first }] = queue.assign(0)
    const second = 3 - first!
    assert.strictEqual(queue.deliver(second, item(1))._tag, "Unasked")
    queue.expire(1000)
    queue.assign(1000)
    // The first one delivers after all: what the second one is sending by now is late.
    assert.isTrue(queue.isAwaited(first!, item(1)))
    assert.strictEqual(queue.deliver(first!, item(1))._tag, "Delivered")
    assert.isFalse(queue.isAwaited(second, item(1)))
    assert.strictEqual(queue.deliver(second, item(1))._tag, "Late")
    assert.strictEqual(queue.deliver(second, item(1))._tag, "Unasked")
    assert.strictEqual(queue.deliver(first!, item(1))._tag, "Unasked")
    assert.strictEqual(queue.deliver(9, item(1))._tag, "Unasked")
  })

  it("asks a slow peer only for what no other has, until it delivers", () => {
    const queue = make(2)
    queue.offer(1, items(20))
    assert.strictEqual(show(queue.assign(0)).length, 1)
    queue.expire(1000)
    // Ten are lost with their only peer. One at a time is asked of it now.
    assert.strictEqual(queue.counts.timedOut, 10)
    assert.deepStrictEqual(show(queue.assign(1000)), ["1: 10"])
    queue.offer(2, items(9, 11))
    assert.deepStrictEqual(show(queue.assign(1000)), ["2: 11 12 13 14 15 16 17 18 19"])
    queue.refuse(1, [item(10)], "NotFound")
    queue.refuse(2, items(9, 11), "NotFound")
    // Now nobody else has them. What came late makes it prompt again.
    assert.deepStrictEqual(show(queue.assign(1000)), ["1: 11"])
    assert.strictEqual(queue.deliver(1, item(0))._tag, "Late")
    assert.deepStrictEqual(show(queue.assign(1000)), ["1: 12 13 14 15 16 17 18 19"])
  })

  it("forgets the offers of one type, and what was asked comes late", () => {
    const queue = make(1)
    const proof = item(5, InventoryType.doubleSpendProof)
    queue.offer(1, [item(1), proof])
    queue.assign(0)
    queue.forgetOffers(InventoryType.transaction)
    assert.isUndefined(queue.stateOf(item(1)))
    assert.strictEqual(queue.stateOf(proof)?._tag, "Asked")
    assert.strictEqual(queue.deliver(1, item(1))._tag, "Late")
    assert.strictEqual(queue.deliver(1, proof)._tag, "Delivered")
  })
})

describe("DownloadQueue under a flood", () => {
  it("takes so many offers of a peer and drops the others", () => {
    const queue = make(1)
    queue.offer(1, items(5000))
    assert.strictEqual(queue.counts.waiting, 50)
    assert.strictEqual(queue.counts.dropped, 4950)
  })

  it("takes room from the peers that have the most, and none from the others", () => {
    const queue = make(4, { atOnce: 1 })
    queue.offer(3, items(5, 1000))
    queue.offer(1, items(50))
    queue.offer(2, items(50, 100))
    assert.strictEqual(queue.counts.waiting, 100)
    queue.offer(4, items(20, 2000))
    assert.strictEqual(queue.counts.waiting, 100)
    for (const kept of [...items(5, 1000), ...items(20, 2000)]) {
      assert.strictEqual(queue.stateOf(kept)?._tag, "Waiting")
    }
    // The flood itself has no claim.
    const before = queue.counts.dropped
    queue.offer(1, items(3, 3000))
    assert.isAbove(queue.counts.dropped, before)
  })

  it("leaves an item to others when a flooder that offers it too has to make room", () => {
    const queue = make(3, { maxItems: 50 })
    queue.offer(1, items(50))
    queue.offer(2, items(10))
    queue.offer(3, items(5, 100))
    for (const kept of [...items(10), ...items(5, 100)]) assert.strictEqual(queue.stateOf(kept)?._tag, "Waiting")
    assert.strictEqual(queue.counts.waiting, 50)
  })

  it("passes over a storm of answers to nothing", () => {
    const queue = make(1)
    queue.offer(1, items(3))
    queue.assign(0)
    assert.deepStrictEqual(queue.refuse(1, items(1000, 500), "NotFound"), [])
    assert.strictEqual(queue.counts.asked, 3)
    assert.strictEqual(queue.counts.refused, 0)
  })
})

describe("DownloadQueue with wants", () => {
  it("asks one peer after the other, those that join as well", () => {
    const queue = make(0)
    assert.deepStrictEqual(queue.want(item(1), anyone), [])
    assert.deepStrictEqual(show(queue.assign(0)), [])
    queue.join(1)
    assert.deepStrictEqual(show(queue.assign(0)), ["1: 1"])
    queue.join(2)
    assert.deepStrictEqual(queue.refuse(1, [item(1)], "NotFound"), [])
    assert.deepStrictEqual(show(queue.assign(0)), ["2: 1"])
    assert.deepStrictEqual(queue.expire(1000), [{ item: item(1), want: anyone, asked: 2, timedOut: 1 }])
    assert.isUndefined(queue.stateOf(item(1)))
  })

  it("asks only peers that a want accepts", () => {
    const queue = make(3)
    const want = only(2)
    queue.want(item(1), want)
    assert.deepStrictEqual(show(queue.assign(0)), ["2: 1"])
    assert.deepStrictEqual(queue.refuse(2, [item(1)], "NotFound"), [{ item: item(1), want, asked: 1, timedOut: 0 }])
  })

  it("ends a want whose peers have failed while another one goes on", () => {
    const queue = make(2)
    const narrow = only(1)
    queue.want(item(1), narrow)
    assert.deepStrictEqual(show(queue.assign(0)), ["1: 1"])
    queue.want(item(1), anyone)
    assert.deepStrictEqual(queue.refuse(1, [item(1)], "NotFound").map(({ want }) => want), [narrow])
    assert.deepStrictEqual(show(queue.assign(0)), ["2: 1"])
    // It is known by then that this peer does not have it.
    assert.deepStrictEqual(queue.want(item(1), narrow), [])
    assert.deepStrictEqual(queue.deliver(2, item(1)), { _tag: "Delivered", wants: [anyone, narrow], isOffered: false })
  })

  it("waits for others when the only peer has left, and ends when all others have failed", () => {
    const queue = make(1)
    queue.want(item(1), anyone)
    queue.assign(0)
    assert.deepStrictEqual(queue.leave(1), [])
    queue.join(2)
    queue.join(3)
    const [{ peer }] = queue.assign(0)
    queue.refuse(peer!, [item(1)], "NotFound")
    assert.deepStrictEqual(queue.leave(5 - peer!).map(({ asked }) => asked), [1])
  })

  it("gives the job back when nobody wants the item any more", () => {
    const queue = make(1)
    queue.want(item(1), anyone)
    queue.assign(0)
    queue.release(item(1), anyone)
    assert.strictEqual(queue.counts.asked, 0)
    assert.isUndefined(queue.stateOf(item(1)))
    assert.strictEqual(queue.deliver(1, item(1))._tag, "Late")
    queue.release(item(1), anyone)
  })

  it("keeps an item that is offered when nobody wants it any more, and puts wants first", () => {
    const queue = make(1, { atOnce: 1 })
    queue.offer(1, items(3))
    queue.want(item(2), anyone)
    assert.deepStrictEqual(show(queue.assign(0)), ["1: 2"])
    queue.release(item(2), anyone)
    assert.strictEqual(queue.stateOf(item(2))?._tag, "Asked")
    assert.deepStrictEqual(queue.deliver(1, item(2)), { _tag: "Delivered", wants: [], isOffered: true })
  })

  it("fetches what is wanted though it is known", () => {
    const queue = make(1)
    queue.offer(1, [item(1)])
    queue.assign(0)
    queue.deliver(1, item(1))
    queue.want(item(1), anyone)
    assert.deepStrictEqual(show(queue.assign(0)), ["1: 1"])
  })
})
