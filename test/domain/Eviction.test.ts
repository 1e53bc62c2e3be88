import { assert, describe, it } from "@effect/vitest"
import * as Eviction from "../../src/domain/Eviction.ts"
import { Random, seed } from "../utils/native.ts"

const candidate = (id: number, fields: Partial<Eviction.Candidate> = {}): Eviction.Candidate => ({
  id,
  group: `10.${id}.0.0/16`,
  since: id,
  latency: undefined,
  lastUseful: undefined,
  ...fields
})

const nobody = { fastest: 0, useful: 0, groups: 0 }

describe("who has to go", () => {
  it("is the youngest of those that nothing speaks for", () => {
    const chosen = Eviction.choose([candidate(1), candidate(3), candidate(2)], nobody)
    assert.strictEqual(chosen?.id, 3)
  })

  it("is one of the largest crowd", () => {
    const crowd = [4, 5, 6].map((id) => candidate(id, { group: "192.0.0.0/16" }))
    const alone = [7, 8].map((id) => candidate(id))
    const old = [1, 2, 3, 9, 10].map((id) => candidate(id, { since: 0 }))
    assert.strictEqual(Eviction.choose([...alone, ...crowd, ...old], nobody)?.id, 6)
  })

  it("is nobody where all are protected", () => {
    assert.strictEqual(Eviction.choose([]), undefined)
    assert.strictEqual(Eviction.choose([candidate(1), candidate(2)]), undefined)
  })

  it("is not one of the fastest", () => {
    const candidates = [candidate(1), candidate(2), candidate(3, { latency: 5 }), candidate(4, { latency: 3 })]
    assert.strictEqual(Eviction.choose(candidates, { ...nobody, fastest: 1 })?.id, 3)
    assert.strictEqual(Eviction.choose(candidates, { ...nobody, fastest: 2 })?.id, 2)
  })

  it("is not one that was of use lately", () => {
    const candidates = [candidate(1), candidate(2), candidate(3, { lastUseful: 5 }), candidate(4, { lastUseful: 9 })]
    assert.strictEqual(Eviction.choose(candidates, { ...nobody, useful: 1 })?.id, 3)
  })

  it("is not the oldest of a group that the secret order puts first", () => {
    const candidates = [candidate(1), candidate(2, { since: 9 })]
    const rank = (group: string) => group.startsWith("10.2.") ? 0 : 1
    assert.strictEqual(Eviction.choose(candidates, { ...nobody, groups: 1, rank })?.id, 1)
    assert.strictEqual(Eviction.choose(candidates, { ...nobody, groups: 1, rank: (group) => -rank(group) })?.id, 2)
  })

  it(`leaves many of those who were there before a flood of fast and useful newcomers (seed ${seed})`, () => {
    const random = new Random(seed)
    for (let run = 0; run < 20; run++) {
      let present: ReadonlyArray<Eviction.Candidate> = Array.from(
        { length: 40 },
        (_, id) => candidate(id, { latency: 100 })
      )
      for (let id = 1000; id < 1300; id++) {
        const evicted = Eviction.choose(present)
        const newcomer = candidate(id, {
          since: id,
          latency: random.below(50),
          lastUseful: random.below(100),
          group: `99.${random.below(4)}.0.0/16`
        })
        present = [...present.filter((other) => other.id !== evicted?.id), newcomer]
      }
      assert.strictEqual(present.length, 40)
      assert.isAtLeast(present.filter(({ id }) => id < 1000).length, 12)
    }
  })
})

const crowd = (group: string, size: number, from: number) =>
  Array.from({ length: size }, (_, i) => candidate(from + i, { group, address: `${group}-${i}` }))

const from = (group: string, address = "new", now = 1000): Eviction.Newcomer => ({ group, address, now })

describe("a newcomer", () => {
  it("gets the place of the youngest of a larger crowd", () => {
    assert.strictEqual(Eviction.makeRoom(crowd("a", 10, 1), from("b"), nobody)?.id, 10)
  })

  it("of the largest crowd gets none, unless one of its addresses has more", () => {
    const all = [...crowd("a", 10, 1), ...crowd("b", 4, 20)]
    assert.strictEqual(Eviction.makeRoom(all, from("a"), nobody), undefined)
    const busy = [5, 6, 7].map((id) => candidate(30 + id, { group: "a", address: "busy" }))
    assert.strictEqual(Eviction.makeRoom([...all, ...busy], from("a"), nobody)?.id, 37)
    assert.strictEqual(Eviction.makeRoom([...all, ...busy], from("a", "busy"), nobody), undefined)
  })

  it("does not swap places between crowds of one size, nor with one that is larger by one", () => {
    const all = [...crowd("b", 4, 1), ...crowd("a", 5, 10)]
    assert.strictEqual(Eviction.makeRoom(all, from("b"), nobody), undefined)
    assert.strictEqual(Eviction.makeRoom(all.slice(1), from("b"), nobody)?.group, "a")
  })

  it("gets the place of one that is alone only where that is idle", () => {
    const all = [1, 2, 3, 4].map((id) => candidate(id, { address: `${id}`, lastUseful: id === 3 ? 0 : 200_000 }))
    const at = (now: number) => Eviction.makeRoom(all, from("b", "new", now), nobody)?.id
    assert.strictEqual(at(Eviction.idleAfter - 1), undefined)
    assert.strictEqual(at(Eviction.idleAfter), 3)
    assert.strictEqual(Eviction.makeRoom(all, from(candidate(3).group, "3", 1e9), nobody), undefined)
  })

  it(`and others who come again whenever they have to go come to rest (seed ${seed})`, () => {
    const random = new Random(seed)
    for (let run = 0; run < 20; run++) {
      const all = Array.from(
        { length: 60 },
        (_, id) => candidate(id, { group: `g${random.below(5)}`, address: `a${random.below(12)}` })
      )
      const outside = all.slice(40)
      let present: ReadonlyArray<Eviction.Candidate> = all.slice(0, 40)
      let rounds = 0
      for (let moved = true; moved; rounds++) {
        moved = false
        for (const [at, { address, group, ...rest }] of [...outside].entries()) {
          const victim = Eviction.makeRoom(present, from(group, address))
          if (victim === undefined) continue
          moved = true
          const again = { ...rest, group, address, since: 100 + rounds }
          present = [...present.filter((other) => other !== victim), again]
          outside[at] = victim
        }
        assert.isBelow(rounds, 100)
      }
    }
  })

  it(`of a flood pushes out nobody from a small crowd, and one from elsewhere always gets in (seed ${seed})`, () => {
    const random = new Random(seed)
    for (let run = 0; run < 20; run++) {
      const honest = Array.from({ length: 20 }, (_, id) => candidate(id, { address: `h${id}`, lastUseful: 400_000 }))
      let present: ReadonlyArray<Eviction.Candidate> = honest
      for (let id = 100; id < 400; id++) {
        const newcomer = candidate(id, { group: `99.${random.below(3)}.0.0/16`, address: `b${random.below(200)}` })
        const isFull = present.length === 60
        const victim = isFull ? Eviction.makeRoom(present, from(newcomer.group, newcomer.address, 500_000)) : undefined
        if (isFull && victim === undefined) continue
        present = [...present.filter((other) => other !== victim), newcomer]
      }
      assert.strictEqual(present.filter(({ id }) => id < 100).length, honest.length)
      for (let id = 1000; id < 1010; id++) {
        const victim = Eviction.makeRoom(present, from(`50.${id}.0.0/16`, "new", 500_000))
        assert.isTrue(victim?.group.startsWith("99."))
        present = [...present.filter((other) => other !== victim), candidate(id)]
      }
    }
  })
})
