import { assert, describe, it } from "@effect/vitest"
import { Duration, Result } from "effect"
import * as Punishment from "../../src/domain/Punishment.ts"

const hour = 3_600_000
const day = 24 * hour
const start = 1_700_000_000_000

const policyOf = (options?: Punishment.Options) => Result.getOrThrow(Punishment.makePolicy(options))

const smooth = policyOf()
const hourly = policyOf({ decay: "hourly" })

const punish = (
  standing: Punishment.Standing,
  points: number,
  now: number,
  policy: Punishment.Policy = smooth,
  reason = "test"
) => Punishment.punish(standing, { points, reason, now, policy })

const withPoints = (points: number, policy?: Punishment.Policy) =>
  punish(Punishment.clean(start), points, start, policy)

describe("Punishment", () => {
  it("has the reference's values as defaults", () => {
    assert.deepStrictEqual(smooth, { threshold: 1000, banMillis: day, forgivenPerHour: 100, decay: "smooth" })
  })

  it("forgives smoothly", () => {
    const standing = withPoints(500)
    assert.strictEqual(Punishment.score(standing, start, smooth), 500)
    assert.strictEqual(Punishment.score(standing, start + hour / 2, smooth), 450)
    assert.strictEqual(Punishment.score(standing, start + hour, smooth), 400)
    assert.strictEqual(Punishment.score(standing, start + 5 * hour - 36, smooth) > 0, true)
    assert.strictEqual(Punishment.score(standing, start + 5 * hour, smooth), 0)
    assert.strictEqual(Punishment.score(standing, start + 50 * hour, smooth), 0)
  })

  it("forgives hourly", () => {
    const standing = withPoints(250, hourly)
    assert.strictEqual(Punishment.score(standing, start + hour - 1, hourly), 250)
    assert.strictEqual(Punishment.score(standing, start + hour, hourly), 150)
    assert.strictEqual(Punishment.score(standing, start + 2 * hour - 1, hourly), 150)
    assert.strictEqual(Punishment.score(standing, start + 2 * hour, hourly), 50)
    assert.strictEqual(Punishment.score(standing, start + 3 * hour, hourly), 0)
  })

  it("keeps the hour that has begun when points come in between", () => {
    let standing = withPoints(250, hourly)
    // Every 50 minutes: if each punishment began a new hour, nothing would ever be forgiven.
    for (let i = 1; i <= 3; i++) standing = punish(standing, 10, start + i * 50 * 60_000, hourly)
    assert.strictEqual(Punishment.score(standing, start + 3 * hour - 1, hourly), 80)
    assert.strictEqual(Punishment.score(standing, start + 3 * hour, hourly), 0)
    standing = punish(withPoints(250, hourly), 10, start + 50 * 60_000, hourly)
    assert.strictEqual(Punishment.score(standing, start + hour, hourly), 160)
  })

  it("forgives the same whether it is looked at often or once", () => {
    let standing = withPoints(900)
    for (let i = 1; i <= 60; i++) standing = Punishment.settle(standing, start + i * 60_000, smooth)
    assert.closeTo(Punishment.score(standing, start + hour, smooth), 800, 1e-6)
    standing = withPoints(900, hourly)
    for (let i = 1; i <= 90; i++) standing = Punishment.settle(standing, start + i * 60_000, hourly)
    assert.strictEqual(Punishment.score(standing, start + 2 * hour, hourly), 700)
  })

  it("bans at 1000 points and not before", () => {
    const almost = withPoints(999)
    assert.isFalse(Punishment.isBanned(almost, start))
    const banned = punish(almost, 1, start, smooth, "one too many")
    assert.isTrue(Punishment.isBanned(banned, start))
    assert.deepStrictEqual(banned, {
      points: 0,
      updatedAt: start,
      bannedUntil: start + day,
      reason: "one too many"
    })
    let standing = Punishment.clean(start)
    for (let i = 0; i < 9; i++) standing = punish(standing, 100, start)
    assert.isFalse(Punishment.isBanned(standing, start))
    assert.isTrue(Punishment.isBanned(punish(standing, 100, start), start))
  })

  it("ends a ban at the very millisecond, with a clean record", () => {
    for (const policy of [smooth, hourly]) {
      const banned = withPoints(5000, policy)
      const end = start + day
      assert.isTrue(Punishment.isBanned(banned, end - 1))
      assert.isFalse(Punishment.isBanned(banned, end))
      assert.isTrue(Punishment.isClean(banned, end, policy))
      assert.deepStrictEqual(Punishment.settle(banned, end, policy), Punishment.clean(end))
    }
  })

  it("starts over after a ban", () => {
    const banned = withPoints(1000)
    const after = punish(banned, 999, start + day)
    assert.isFalse(Punishment.isBanned(after, start + day))
    assert.strictEqual(Punishment.score(after, start + day, smooth), 999)
    const again = punish(after, 1, start + day)
    assert.strictEqual(again.bannedUntil, start + 2 * day)
  })

  it("changes nothing by points during a ban", () => {
    const banned = withPoints(1000)
    assert.deepStrictEqual(punish(banned, 5000, start + hour), banned)
    assert.deepStrictEqual(punish(banned, -5000, start + hour), banned)
    assert.strictEqual(Punishment.score(banned, start + hour, smooth), 0)
    assert.isFalse(Punishment.isClean(banned, start + hour, smooth))
  })

  it("stays sane whatever numbers come in", () => {
    assert.strictEqual(withPoints(NaN).points, 0)
    assert.strictEqual(withPoints(-100).points, 0)
    assert.strictEqual(withPoints(-Infinity).points, 0)
    assert.isTrue(Punishment.isBanned(withPoints(Infinity), start))
    assert.isTrue(Punishment.isBanned(withPoints(Number.MAX_VALUE), start))
    assert.strictEqual(punish(withPoints(500), -200, start).points, 300)
    assert.strictEqual(punish(withPoints(500), -501, start).points, 0)
    assert.strictEqual(punish(withPoints(500), NaN, start).points, 500)
  })

  it("stays sane whatever a store holds", () => {
    const odd: ReadonlyArray<Partial<Punishment.Standing>> = [
      { points: NaN },
      { points: Infinity },
      { points: -5 },
      { updatedAt: NaN },
      { updatedAt: -Infinity },
      { bannedUntil: NaN },
      { bannedUntil: -1 },
      { points: 1e300 }
    ]
    for (const change of odd) {
      for (const policy of [smooth, hourly]) {
        const standing = { points: 10, updatedAt: start, bannedUntil: 0, reason: "", ...change }
        const after = punish(standing, 0, start, policy)
        assert.isFalse(Punishment.isBanned(after, start))
        assert.isTrue(after.points >= 0 && after.points <= 1000, JSON.stringify(standing))
      }
    }
    // A threshold that was lowered bans at the next points, not for being forgiven.
    const lowered = policyOf({ threshold: 100 })
    assert.isFalse(Punishment.isBanned(punish(withPoints(500), -1, start, lowered), start))
    assert.isTrue(Punishment.isBanned(punish(withPoints(500), 1, start, lowered), start))
  })

  it("survives a clock that is turned back", () => {
    const standing = withPoints(500)
    assert.strictEqual(Punishment.score(standing, start - day, smooth), 500)
    const touched = punish(standing, 0, start - day)
    assert.strictEqual(Punishment.score(touched, start - day + hour, smooth), 400)
  })

  it("follows its options", () => {
    const policy = policyOf({ threshold: 10, banDuration: "1 minute", forgivenPerHour: 0 })
    const standing = punish(Punishment.clean(start), 9, start, policy)
    assert.strictEqual(Punishment.score(standing, start + 1000 * day, policy), 9)
    assert.strictEqual(punish(standing, 1, start, policy).bannedUntil, start + 60_000)
    const endless = policyOf({ banDuration: Duration.infinity })
    assert.strictEqual(withPoints(1000, endless).bannedUntil, Punishment.forever)
  })

  it("refuses options that make no sense", () => {
    const wrong: ReadonlyArray<Punishment.Options> = [
      { threshold: 0 },
      { threshold: -1 },
      { threshold: NaN },
      { threshold: Infinity },
      { banDuration: 0 },
      { forgivenPerHour: -1 },
      { forgivenPerHour: NaN }
    ]
    for (const options of wrong) {
      const error = Result.getOrThrow(Result.flip(Punishment.makePolicy(options)))
      assert.strictEqual(error.option, Object.keys(options)[0])
    }
  })
})
