import { assert, describe, it } from "@effect/vitest"
import * as SyncPlan from "../../../src/domain/p2p/SyncPlan.ts"
import * as Legacy from "../../utils/legacy.ts"

const give = (plan: SyncPlan.SyncPlan, idle: ReadonlyArray<string>, tip: number, version = 1) => {
  const proposal = SyncPlan.propose(plan, { idle, tip })
  assert.isDefined(proposal)
  return SyncPlan.assign(plan, proposal!, version)
}

const times = (count: number, plan: SyncPlan.SyncPlan, step: (plan: SyncPlan.SyncPlan) => SyncPlan.SyncPlan) => {
  let next = plan
  for (let i = 0; i < count; i++) next = step(next)
  return next
}

describe("SyncPlan", () => {
  it("has one peer scan a hundred blocks at a time, and another check them", () => {
    let plan = give(SyncPlan.make({ first: 10 }), ["a", "b"], 150)
    assert.deepStrictEqual([...plan.tasks], [["a", SyncPlan.Task.Scan({ from: 10, to: 109, version: 1 })]])
    assert.isUndefined(SyncPlan.propose(plan, { idle: ["b"], tip: 150 }), "there is nothing to check yet")
    plan = times(3, plan, (plan) => SyncPlan.scanned(plan, "a"))
    assert.deepStrictEqual([plan.scannedTo, SyncPlan.verifiedTo(plan)], [12, 9])
    plan = give(plan, ["b"], 150)
    assert.deepStrictEqual(plan.tasks.get("b"), SyncPlan.Task.Check({ from: 10, to: 12, version: 1 }))
    plan = times(2, plan, (plan) => SyncPlan.agreed(plan, "b"))
    assert.deepStrictEqual([plan.scannedTo, SyncPlan.verifiedTo(plan)], [12, 11])
    plan = times(97, plan, (plan) => SyncPlan.scanned(plan, "a"))
    assert.isFalse(plan.tasks.has("a"))
    assert.deepStrictEqual(SyncPlan.propose(plan, { idle: ["a"], tip: 150 }), {
      peer: "a",
      kind: "Scan",
      from: 110,
      to: 150
    })
    assert.isUndefined(SyncPlan.propose(plan, { idle: ["a"], tip: 150, mayScan: false }), "nobody checks himself")
  })

  it("lets several peers check different blocks", () => {
    let plan = SyncPlan.make({ first: 1, scannedTo: 250, unchecked: [{ from: 1, to: 250, by: "a", version: 1 }] })
    plan = give(plan, ["b"], 250)
    plan = give(plan, ["c"], 250)
    plan = give(plan, ["d"], 250)
    assert.deepStrictEqual([...plan.tasks].map(([peer, task]) => [peer, task]), [
      ["b", SyncPlan.Task.Check({ from: 1, to: 100, version: 1 })],
      ["c", SyncPlan.Task.Check({ from: 101, to: 200, version: 1 })],
      ["d", SyncPlan.Task.Check({ from: 201, to: 250, version: 1 })]
    ])
    assert.isUndefined(SyncPlan.propose(plan, { idle: ["e"], tip: 250 }))
    plan = times(50, plan, (plan) => SyncPlan.agreed(plan, "d"))
    assert.strictEqual(SyncPlan.verifiedTo(plan), 0)
    plan = times(100, plan, (plan) => SyncPlan.agreed(plan, "b"))
    assert.strictEqual(SyncPlan.verifiedTo(plan), 100)
    plan = SyncPlan.release(plan, "c")
    assert.deepStrictEqual(SyncPlan.propose(plan, { idle: ["e"], tip: 250 })?.from, 101)
  })

  it("gives a block that was outdone to a third peer, and those above it to be scanned again", () => {
    let plan = SyncPlan.make({ first: 1, scannedTo: 20, unchecked: [{ from: 1, to: 20, by: "a", version: 1 }] })
    plan = give(plan, ["b"], 20, 5)
    plan = times(4, plan, (plan) => SyncPlan.agreed(plan, "b"))
    plan = SyncPlan.outdone(plan, "b")
    assert.deepStrictEqual(plan.unchecked, [{ from: 5, to: 5, by: "b", version: 5 }])
    assert.strictEqual(plan.scannedTo, 5)
    assert.deepStrictEqual(plan.tasks.get("b"), SyncPlan.Task.Discard())
    plan = SyncPlan.release(plan, "b")
    plan = give(plan, ["b"], 20)
    assert.deepStrictEqual(plan.tasks.get("b"), SyncPlan.Task.Scan({ from: 6, to: 20, version: 1 }))
    assert.deepStrictEqual(SyncPlan.propose(plan, { idle: ["c"], tip: 20 }), {
      peer: "c",
      kind: "Check",
      from: 5,
      to: 5
    })
  })

  it("forgets what a liar has scanned", () => {
    const plan = SyncPlan.make({
      first: 1,
      scannedTo: 30,
      unchecked: [
        { from: 5, to: 9, by: "a", version: 1 },
        { from: 12, to: 19, by: "b", version: 1 },
        { from: 20, to: 30, by: "a", version: 1 }
      ]
    })
    assert.strictEqual(SyncPlan.disown(plan, "b").scannedTo, 11)
    assert.deepStrictEqual(SyncPlan.disown(plan, "b").unchecked, [{ from: 5, to: 9, by: "a", version: 1 }])
    assert.strictEqual(SyncPlan.disown(plan, "c"), plan)
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("keeps its parts in order, whatever happens (seed %i)", (seed) => {
    const random = Legacy.makeRandom(seed)
    const peers = ["a", "b", "c", "d"]
    let plan = SyncPlan.make({ first: 100 })
    for (let i = 0; i < 5000; i++) {
      const peer = peers[random.below(4)]!
      const busy = plan.tasks.has(peer)
      const action = random.below(busy ? 40 : 2)
      if (!busy) {
        const proposal = SyncPlan.propose(plan, { idle: [peer], tip: 700 })
        if (proposal !== undefined) plan = SyncPlan.assign(plan, proposal, i)
      } else if (action < 30) plan = SyncPlan.agreed(SyncPlan.scanned(plan, peer), peer)
      else if (action === 30) plan = SyncPlan.outdone(plan, peer)
      else if (action === 31) plan = SyncPlan.truncate(plan, 90 + random.below(600))
      else if (action === 32) plan = SyncPlan.disown(plan, peer)
      else if (action === 33) plan = SyncPlan.rescan(plan, 100 + random.below(600))
      else if (action > 36) plan = SyncPlan.release(plan, peer)

      const { first, scannedTo, tasks, unchecked } = plan
      assert.isAtLeast(scannedTo, first - 1)
      unchecked.forEach((span, at) => {
        assert.isAtMost(span.from, span.to)
        assert.isAtLeast(span.from, at === 0 ? first : unchecked[at - 1]!.to + 1)
      })
      assert.isAtMost(unchecked.at(-1)?.to ?? scannedTo, scannedTo)
      assert.isAtMost(SyncPlan.verifiedTo(plan), scannedTo)
      const working = [...tasks.entries()]
      assert.isAtMost(working.filter(([, { _tag }]) => _tag === "Scan").length, 1)
      for (const [by, task] of working) {
        if (task._tag === "Scan") assert.strictEqual(task.from, scannedTo + 1)
        if (task._tag !== "Check") continue
        for (let height = task.from; height <= task.to; height++) {
          const span = SyncPlan.spanAt(plan, height)
          assert.isDefined(span, `block ${height} is checked that was not scanned`)
          assert.notStrictEqual(span?.by, by, "nobody checks himself")
        }
        for (const [other, { _tag, ...range }] of working) {
          if (other === by || _tag !== "Check" || !("from" in range)) continue
          assert.isTrue(range.to < task.from || range.from > task.to, "no block is checked by two at once")
        }
      }
    }
  })
})
