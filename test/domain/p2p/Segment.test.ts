import { assert, describe, it } from "@effect/vitest"
import { NetAddress } from "effect/net"
import * as Segment from "../../../src/domain/p2p/Segment.ts"
import * as Legacy from "../../utils/legacy.ts"

const segment = (id: string, priority: Segment.Priority = "normal", peers: ReadonlyArray<string> = []) => ({
  id,
  priority,
  peers
})

const free = (...keys: ReadonlyArray<string>) => keys.map((key) => ({ key, served: undefined }))

describe("Segment", () => {
  it("calls peers by their network, and those of this machine by their port", () => {
    const key = (text: string) => Segment.keyOf(NetAddress.inetAddressFromStringUnsafe(text))
    assert.strictEqual(key("192.0.2.1:8333"), key("192.0.2.1:8334"))
    assert.strictEqual(key("[2001:db8::1]:8333"), key("[2001:db8::2]:8333"))
    assert.notStrictEqual(key("[2001:db8::1]:8333"), key("[2001:db8:0:1::1]:8333"))
    assert.notStrictEqual(key("127.0.0.1:8333"), key("127.0.0.1:8334"))
    assert.notStrictEqual(key("[::1]:8333"), key("[::1]:8334"))
    assert.strictEqual(key("[::ffff:127.0.0.1]:8333"), key("127.0.0.1:8333"))
  })

  it("deals by priority, then by need", () => {
    const segments = [
      segment("late", "last"),
      segment("some", "normal", ["x"]),
      segment("none"),
      segment("urgent", "first")
    ]
    assert.deepStrictEqual(
      Segment.deal(segments, free("1", "2", "3", "4", "5", "6", "7", "8", "9")).map(({ segment }) => segment),
      ["urgent", "urgent", "urgent", "none", "some", "none", "some", "none", "late"]
    )
    assert.strictEqual(Segment.deal([segment("one")], free("1", "2", "3", "4")).length, 3)
  })

  it("gives peers that have served a segment to no other", () => {
    const candidates = [{ key: "1", served: "b" }, { key: "2", served: "gone" }, { key: "3", served: undefined }]
    assert.deepStrictEqual(Segment.deal([segment("a", "first"), segment("b")], candidates), [
      { key: "1", segment: "b" },
      { key: "3", segment: "a" }
    ])
  })

  it.each([1, 2, 3, 4, 5])("never shares a peer (seed %i)", (seed) => {
    const random = Legacy.makeRandom(seed)
    const owner = new Map<string, string>()
    let segments: ReadonlyArray<Segment.Segment> = []
    for (let i = 0; i < 500; i++) {
      if (random.next() < 0.05 && segments.length < 8) {
        segments = segments.concat(segment(`s${i}`, Segment.priorities[random.below(3)]))
      }
      if (random.next() < 0.02) segments = segments.filter((_, at) => at !== 0)
      if (random.next() < 0.3) segments = segments.map((one) => ({ ...one, peers: one.peers.slice(1) }))
      const used = new Set(segments.flatMap(({ peers }) => peers))
      const candidates = Array.from({ length: random.below(6) }, () => `10.0.0.${random.below(60)}/32`)
        .map((key) => ({ key, served: owner.get(key) }))
      for (const { key, segment: id } of Segment.deal(segments, candidates)) {
        assert.isFalse(used.has(key))
        used.add(key)
        assert.strictEqual(owner.get(key) ?? id, id)
        owner.set(key, id)
        segments = segments.map((one) => one.id === id ? { ...one, peers: [...one.peers, key] } : one)
      }
      for (const { peers } of segments) assert.isAtMost(peers.length, 3)
    }
    assert.isAbove(owner.size, 20)
  })
})
