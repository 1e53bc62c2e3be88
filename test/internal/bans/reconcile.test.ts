import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Punishment from "../../../src/domain/Punishment.ts"
import * as Reconcile from "../../../src/internal/bans/reconcile.ts"
import * as Replica from "../../../src/internal/bans/replica.ts"
import * as Table from "../../../src/internal/bans/table.ts"

const points = (points: number): Punishment.Standing => ({ ...Punishment.clean(0), points })
const ban = (bannedUntil: number): Punishment.Standing => ({ ...Punishment.clean(0), bannedUntil })

const AnyEntry = Schema.UndefinedOr(Schema.Struct({
  points: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
  updatedAt: Schema.Literal(0),
  bannedUntil: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
  reason: Schema.Literal("")
}))

/** What the others know, heard in one go. */
const hearAll = (replica: Replica.Replica, theirs: Table.Table): void => {
  replica.endHearing(replica.beginHearing(theirs, 0))
}

describe("a replica that hears all that the others know", () => {
  const theirsOf = (entries: Readonly<Record<string, Punishment.Standing>>): Table.Table => {
    const table = new Table.Table(100)
    for (const [key, standing] of Object.entries(entries)) table.set(key, standing, 0)
    return table
  }

  const pendingReplica = (count: number): Replica.Replica => {
    const replica = new Replica.Replica(100)
    for (let i = 0; i < count; i++) replica.change(`k${i}`, points(i + 1), 0)
    return replica
  }

  it("looks at some entries at a time, and changes nothing before its end", () => {
    const replica = pendingReplica(10)
    const hearing = replica.beginHearing(theirsOf({ k0: ban(9), other: points(3) }), 0)
    assert.isTrue(hearing.next(4))
    assert.isTrue(hearing.next(4))
    assert.isFalse(hearing.next(4))
    assert.deepStrictEqual(replica.table.get("k0"), points(1))
    assert.isUndefined(replica.pending.get("k0"))
    const before = replica.endHearing(hearing)
    assert.deepStrictEqual(before.get("k0"), points(1))
    assert.deepStrictEqual(replica.table.get("k0"), ban(9))
    assert.deepStrictEqual(replica.table.get("k9"), points(10))
    assert.deepStrictEqual(replica.table.get("other"), points(3))
    assert.deepStrictEqual(replica.pending.get("k0"), ban(9))
    assert.strictEqual(replica.pending.size, 10)
  })

  it("counts what changes meanwhile, whether it was looked at before or not", () => {
    const replica = pendingReplica(3)
    const hearing = replica.beginHearing(theirsOf({ k0: points(1), fresh: ban(5) }), 0)
    hearing.next(1)
    replica.change("k0", ban(7), 0)
    replica.change("k2", undefined, 0)
    replica.change("late", ban(8), 0)
    replica.change("fresh", points(2), 0)
    replica.endHearing(hearing)
    assert.deepStrictEqual(replica.table.get("k0"), ban(7))
    assert.isUndefined(replica.table.get("k2"))
    assert.deepStrictEqual(replica.table.get("late"), ban(8))
    // Nobody here knew of the ban when the points were given.
    assert.deepStrictEqual(replica.table.get("fresh"), ban(5))
    assert.deepStrictEqual([...replica.pending.keys()].sort(), ["fresh", "k0", "k1", "k2", "late"])
  })

  it("may give up halfway, and begin anew", () => {
    const replica = pendingReplica(5)
    replica.beginHearing(theirsOf({ k0: ban(9) }), 0).next(3)
    hearAll(replica, theirsOf({ k0: ban(9) }))
    assert.deepStrictEqual(replica.table.get("k0"), ban(9))
    assert.deepStrictEqual(replica.table.get("k4"), points(5))
    assert.strictEqual(replica.pending.size, 5)
  })
})

describe("reconcile", () => {
  const of = (base: Reconcile.Entry, mine: Reconcile.Entry, theirs: Reconcile.Entry) =>
    Reconcile.reconcile({ base, mine, theirs })

  it("takes this side's change when the other made none", () => {
    assert.deepStrictEqual(of(undefined, points(1), undefined), points(1))
    assert.deepStrictEqual(of(ban(9), undefined, ban(9)), undefined)
    assert.deepStrictEqual(of(ban(9), ban(5), ban(9)), ban(5))
  })

  it("lets a ban beat points, the longer ban the shorter, and more points fewer", () => {
    assert.deepStrictEqual(of(undefined, points(999), ban(5)), ban(5))
    assert.deepStrictEqual(of(undefined, ban(5), points(999)), ban(5))
    assert.deepStrictEqual(of(undefined, ban(5), ban(9)), ban(9))
    assert.deepStrictEqual(of(points(1), points(5), points(9)), points(9))
    assert.deepStrictEqual(of(points(1), points(9), points(5)), points(9))
  })

  it("keeps what the other changed when this side removed it, and the other way round", () => {
    assert.deepStrictEqual(of(ban(5), undefined, ban(9)), ban(9))
    assert.deepStrictEqual(of(ban(5), ban(9), undefined), ban(9))
    assert.isUndefined(of(ban(5), undefined, undefined))
  })

  it.prop("changes nothing more when it is told twice", [AnyEntry, AnyEntry, AnyEntry], ([base, mine, theirs]) => {
    const once = of(base, mine, theirs)
    assert.deepStrictEqual(of(theirs, once, once), once)
    assert.deepStrictEqual(of(base, mine, mine), mine)
  })
})

describe("Replica", () => {
  it("tells what it was not told itself, and takes it back when that fails", () => {
    const replica = new Replica.Replica(10)
    replica.change("a", points(1), 0)
    assert.isFalse(replica.isUrgent)
    replica.change("b", ban(9), 0)
    assert.isTrue(replica.isUrgent)
    assert.isUndefined(replica.hear("c", points(3), 0))
    assert.deepStrictEqual([...replica.pending.keys()], ["a", "b"])
    const taken = replica.take()
    assert.strictEqual(replica.pending.size, 0)
    replica.change("a", points(2), 0)
    replica.restore(taken)
    assert.deepStrictEqual([...replica.pending], [["a", undefined], ["b", undefined]])
    assert.isTrue(replica.isUrgent)
  })

  it("hears of a ban once", () => {
    const replica = new Replica.Replica(10)
    assert.deepStrictEqual(replica.hear("a", ban(9), 0), { key: "a", standing: ban(9) })
    assert.isUndefined(replica.hear("a", ban(9), 0))
    assert.isUndefined(replica.hear("over", ban(5), 5))
    assert.deepStrictEqual(replica.hear("a", ban(11), 0), { key: "a", standing: ban(11) })
  })

  it("does not let what was agreed on undo what changed meanwhile", () => {
    const replica = new Replica.Replica(10)
    replica.change("a", points(1), 0)
    const told = replica.table.get("a")
    replica.change("a", ban(9), 0)
    replica.agree("a", points(1), told, 0)
    assert.deepStrictEqual(replica.table.get("a"), ban(9))
    assert.deepStrictEqual([...replica.pending], [["a", points(1)]])
    replica.agree("a", ban(9), replica.table.get("a"), 0)
    assert.strictEqual(replica.pending.size, 0)
  })

  it("remembers no more than twice as many changes as entries", () => {
    const replica = new Replica.Replica(10)
    for (let n = 0; n < 1000; n++) {
      replica.change(`k${n}`, points(1), 0)
      replica.change(`k${n}`, undefined, 0)
    }
    assert.strictEqual(replica.pending.size, 20)
    assert.strictEqual(replica.table.size, 0)
  })
})

describe("Table", () => {
  it("lets the bans that end first go, a hundredth at once, also when many end together", () => {
    for (const endOf of [(n: number) => 1000 + n, (n: number) => 5000 - n, () => 1000]) {
      const table = new Table.Table(200)
      for (let n = 0; n < 200; n++) assert.deepStrictEqual(table.set(`k${n}`, ban(endOf(n)), 0), [])
      const ends = Array.from({ length: 200 }, (_, n) => endOf(n)).sort((a, b) => a - b)
      const gone = table.set("one more", ban(9999), 0)
      assert.deepStrictEqual(gone.map(({ standing }) => standing.bannedUntil).sort(), ends.slice(0, 2))
      assert.strictEqual(table.size, 199)
    }
  })

  it("is taken over by another one in an order that keeps what it would forget first", () => {
    const table = new Table.Table(3)
    for (const key of ["a", "b", "c", "a"]) table.set(key, points(1), 0)
    const other = new Table.Table(3)
    for (const { key, standing } of table.rows()) other.set(key, standing, 0)
    assert.deepStrictEqual(other.set("d", points(1), 0).map(({ key }) => key), ["b"])
  })
})
