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
