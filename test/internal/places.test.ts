import { assert, describe, it } from "@effect/vitest"
import * as Admission from "../../src/internal/admission.ts"
import * as FairRate from "../../src/internal/fairRate.ts"
import * as Places from "../../src/internal/places.ts"
import { address } from "../utils/network.ts"

const limits: Places.Limits = {
  maxConnections: 16,
  maxConnectionsPerAddress: 1000,
  maxNewPerSecond: 1_000_000,
  limitRate: true,
  evict: true,
  salt: 7
}

/** Places, and who has lost theirs. */
const make = (options: Partial<Places.Limits> = {}) => {
  const places = new Places.Places({ ...limits, ...options })
  const evicted: Array<string> = []
  let now = 0
  /** Comes from a host, and stays if there is room. */
  const come = (host: string) => {
    now += 1
    const place = places.enter(address(`${host}:9`), now, () => evicted.push(host))
    if (typeof place === "string") return place
    if (places.settle(place, now)) return place
    places.leave(place)
    return "TooManyConnections"
  }
  const isIn = (place: Places.Place | string): boolean => typeof place !== "string"
  return { places, evicted, come, isIn, pass: (millis: number) => (now += millis) }
}

describe("places", () => {
  it("go from a crowd to those who come from elsewhere, until it is no crowd any more", () => {
    const { come, evicted, isIn } = make()
    for (let i = 0; i < 16; i++) assert.isTrue(isIn(come(`10.1.0.${i}`)))
    const others = Array.from({ length: 20 }, (_, i) => isIn(come(`10.${100 + i}.0.1`)))
    assert.isTrue(others[0])
    assert.strictEqual(others.filter((isIn) => isIn).length, evicted.length)
    assert.isTrue(evicted.every((host) => host.startsWith("10.1.")))
    // The youngest went first.
    assert.strictEqual(evicted[0], "10.1.0.15")
  })

  it("are not to be had by one more of the crowd", () => {
    const { come, evicted } = make()
    for (let i = 0; i < 100; i++) come(`10.1.0.${i}`)
    assert.strictEqual(come("10.1.0.200"), "TooManyConnections")
    assert.deepStrictEqual(evicted, [])
  })

  it("of one address are one crowd: all of an IPv6 /64, and IPv4 in either form", () => {
    const { come } = make({ maxConnectionsPerAddress: 2 })
    for (const host of ["[2001:db8::1]", "[2001:db8::2]", "10.1.1.1", "[::ffff:10.1.1.1]"]) come(host)
    assert.strictEqual(come("[2001:db8::ffff:3]"), "TooManyFromAddress")
    assert.strictEqual(come("[::ffff:10.1.1.1]"), "TooManyFromAddress")
    assert.notStrictEqual(come("[2001:db8:0:1::3]"), "TooManyFromAddress")
  })

  it("of many /64s of one IPv6 network are one crowd: it locks nobody out", () => {
    const { come, evicted, isIn } = make()
    for (let i = 0; i < 50; i++) come(`[2001:db8:${i.toString(16)}::1]`)
    assert.deepStrictEqual(evicted, [])
    assert.isTrue(isIn(come("[2001:dead::1]")))
    assert.isTrue(isIn(come("10.1.0.1")))
    assert.strictEqual(evicted.length, 2)
  })

  it("of those who have logged in, and of this machine, are never another's", () => {
    const { come, evicted, places } = make({ maxConnections: 4 })
    for (let i = 0; i < 2; i++) {
      const place = come(`10.1.0.${i}`)
      if (typeof place !== "string") places.keep(place)
    }
    come("127.0.0.1")
    come("[::1]")
    for (let i = 0; i < 10; i++) assert.strictEqual(come(`10.${i}.0.1`), "TooManyConnections")
    assert.deepStrictEqual(evicted, [])
  })

  it("that are idle are free for others, and those in use are not", () => {
    const { come, evicted, isIn, pass } = make({ maxConnections: 32 })
    const all = Array.from({ length: 32 }, (_, i) => come(`10.${i}.0.1`))
    pass(300_000)
    for (const place of all.slice(0, 22)) if (typeof place !== "string") place.lastUseful = 300_000
    assert.isTrue(isIn(come("10.200.0.1")))
    assert.deepStrictEqual(evicted, ["10.31.0.1"])
    for (let i = 0; i < 20; i++) come(`10.${201 + i}.0.1`)
    // Some of the idle ones are worth keeping all the same.
    assert.isTrue(evicted.every((host) => Number(host.split(".")[1]) >= 22), evicted.join(" "))
    assert.isFalse(isIn(come("10.250.0.1")))
  })

  it("of those who have been evicted and have not gone are few", () => {
    const { come, evicted, isIn, places } = make({ maxConnections: 64 })
    const crowd = Array.from({ length: 64 }, (_, i) => come(`10.1.0.${i}`))
    const others = Array.from({ length: 20 }, (_, i) => isIn(come(`10.${50 + i}.0.1`)))
    assert.strictEqual(others.filter((isIn) => isIn).length, 8)
    assert.strictEqual(evicted.length, 8)
    for (const place of crowd) if (typeof place !== "string" && place.state === "Evicted") places.leave(place)
    assert.isTrue(isIn(come("10.99.0.1")))
  })

  it("are all free again when all have left, whatever became of them", () => {
    const { come, places } = make({ maxConnections: 8, maxConnectionsPerAddress: 8 })
    const all = Array.from({ length: 40 }, (_, i) => come(`10.${i % 5}.0.1`))
    for (let twice = 0; twice < 2; twice++) {
      for (const place of all) if (typeof place !== "string") places.leave(place)
    }
    for (let i = 0; i < 8; i++) assert.isString(typeof come("10.1.0.1"), "full")
    assert.strictEqual(come("10.1.0.1"), "TooManyConnections")
  })

  it("of a large server are compared in samples, and a crowd is found all the same", () => {
    const { come, evicted, isIn, pass } = make({ maxConnections: 20_000 })
    for (let i = 0; i < 20_000; i++) come(i % 3 === 0 ? `10.1.${i >> 8}.${i & 255}` : `11.${i & 255}.${i >> 8}.1`)
    for (let i = 0; i < 300; i++) {
      pass(5)
      assert.isTrue(isIn(come(`12.${i & 255}.${i >> 8}.1`)))
    }
    assert.isAtLeast(evicted.filter((host) => host.startsWith("10.1.")).length, 290)
  })
})

describe("the rate of newcomers", () => {
  it("is bounded in all, and half of it is all that one network has", () => {
    const rate = new FairRate.FairRate(100)
    const flood = (group: string) => {
      let count = 0
      while (rate.take(group, 0)) count += 1
      return count
    }
    assert.deepStrictEqual([flood("a"), flood("b"), flood("c")], [50, 25, 13])
    assert.isTrue(rate.take("honest", 0))
    assert.isFalse(rate.take("a", 999))
    assert.isTrue(rate.take("a", 1000))
    // A clock that was turned back locks nobody out.
    assert.isTrue(rate.take("b", 10))
  })

  it("never exceeds its limit, however many networks there are", () => {
    const rate = new FairRate.FairRate(100)
    let count = 0
    for (let i = 0; i < 1000; i++) if (rate.take(`g${i}`, 0)) count += 1
    assert.strictEqual(count, 100)
  })

  it("does not concern this machine, nor listeners without a rate", () => {
    const counts = (options: Partial<Places.Limits>) =>
      new Admission.Counts({ ...limits, ...options, maxNewPerSecond: 1 })
    const enter = (counts: Admission.Counts, host: string) => typeof counts.enter(address(`${host}:9`), 0, () => {})
    const limited = counts({})
    assert.deepStrictEqual(
      ["127.0.0.1", "127.0.0.1", "[::1]", "10.1.0.1", "10.2.0.1"].map((host) => enter(limited, host)),
      ["object", "object", "object", "object", "string"]
    )
    const free = counts({ limitRate: false })
    assert.deepStrictEqual(["10.1.0.1", "10.2.0.1"].map((host) => enter(free, host)), ["object", "object"])
  })
})

describe("those who came of late", () => {
  const visit = (counts: Admission.Counts, i: number, now: number) =>
    counts.mayComeNow(address(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:9`), now)

  it("are forgotten after 90 s", () => {
    const counts = new Admission.Counts(limits)
    for (let i = 0; i < 1000; i++) visit(counts, i, 0)
    assert.strictEqual(counts.remembered, 1000)
    for (let i = 0; i < 1000; i++) visit(counts, 2000 + i, 90_000)
    assert.strictEqual(counts.remembered, 1000)
  })

  it("are 100,000 at most", () => {
    const counts = new Admission.Counts(limits)
    for (let i = 0; i < 101_000; i++) visit(counts, i, 0)
    assert.strictEqual(counts.remembered, 100_000)
    // The last ones are known.
    assert.isTrue(visit(counts, 100_999, 1))
    assert.isFalse(visit(counts, 100_999, 2))
  })
})
