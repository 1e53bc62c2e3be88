import { assert, describe, it } from "@effect/vitest"
import * as AddressEntry from "../../../src/domain/p2p/AddressEntry.ts"
import * as AddressSource from "../../../src/domain/p2p/AddressSource.ts"
import * as Books from "../../utils/addressBook.ts"
import * as Legacy from "../../utils/legacy.ts"

const { entry, hour } = Books

const now = 5000 * hour

const scored = (change: Partial<AddressEntry.AddressEntry>, port = 8333) =>
  AddressEntry.score(entry(`8.8.8.8:${port}`, { points: 0, pointsAt: now, ...change }), { now, defaultPort: 8333 })

const connected = (hours: number): AddressEntry.Contact => ({ _tag: "Connected", at: now - hours * hour })

const heard = (hours: number): AddressEntry.Contact => ({ _tag: "Heard", at: now - hours * hour })

const withPoints = (points: number) => entry("8.8.8.8:8333", { points, pointsAt: now })

describe("AddressEntry", () => {
  it.each<[name: string, change: Partial<AddressEntry.AddressEntry>, port: number, expected: number]>([
    ["connected just now", { contact: connected(0) }, 8333, 2500],
    ["connected on another port", { contact: connected(0) }, 8334, 2000],
    ["connected 10 hours ago", { contact: connected(10) }, 8333, 2495],
    ["connected 2000 hours ago", { contact: connected(2000) }, 8333, 1500],
    ["connected long ago", { contact: connected(4000) }, 8333, 1500],
    ["heard of now: hearsay is a day old", { contact: heard(0) }, 8333, 2476],
    ["heard of a day ago", { contact: heard(24) }, 8333, 2476],
    ["heard of 100 hours ago", { contact: heard(100) }, 8333, 2400],
    ["heard of 1000 hours ago", { contact: heard(1000) }, 8333, 1500],
    ["heard of long ago", { contact: heard(4999) }, 8333, 1500],
    ["with points", { contact: connected(0), points: 999 }, 8333, 1501],
    ["with all points", { contact: heard(4999), points: 2000 }, 8334, -1000],
    ["with points that have faded", { contact: connected(0), points: 100, pointsAt: now - 5 * hour }, 8333, 2450],
    ["connected in the future", { contact: connected(-5) }, 8333, 2500]
  ])("scores one %s", (_, change, port, expected) => {
    assert.strictEqual(scored(change, port), expected)
  })

  it("starts with 10 points, or none for the user's, and never in the future", () => {
    const made = entry("8.8.8.8:8333", { now })
    assert.strictEqual(made.points, 10)
    assert.deepStrictEqual(made.contact, { _tag: "Heard", at: now })
    assert.strictEqual(made.use, "Free")
    const options = { address: made.address, services: 1n, now }
    const user = AddressEntry.make({ ...options, source: AddressSource.user, seenAt: now + 1 })
    assert.strictEqual(user.points, 0)
    assert.strictEqual(user.contact.at, now)
    assert.strictEqual(AddressEntry.make({ ...options, source: AddressSource.user, seenAt: 5 }).contact.at, 5)
  })

  it("pays 100 for an attempt, and gets them back when it succeeds", () => {
    const dialling = AddressEntry.dialling(withPoints(10), now)
    assert.strictEqual(dialling.points, 110)
    assert.strictEqual(dialling.use, "Dialling")
    const open = AddressEntry.connected(dialling, 37n, now + 1000)
    assert.strictEqual(open.points, 10)
    assert.strictEqual(open.use, "Open")
    assert.strictEqual(open.services, 37n)
    assert.deepStrictEqual(open.contact, { _tag: "Connected", at: now + 1000 })
    // A second hello on the same connection gives nothing back.
    assert.strictEqual(AddressEntry.connected(open, 37n, now).points, 10)
  })

  it.each([
    [400, 400],
    [500, 500],
    [501, 376],
    [600, 475],
    [899, 774]
  ])("takes 125 off a score over 500: %i becomes %i", (before, after) => {
    const open = AddressEntry.connected(AddressEntry.dialling(withPoints(before), now), 5n, now)
    assert.strictEqual(open.points, after)
  })

  it.each<[AddressEntry.Failure, number]>([
    ["Unreachable", 1010],
    ["UnknownHost", 560],
    ["Cut", 111],
    ["Other", 290]
  ])("counts a failed attempt: %s makes %i", (failure, points) => {
    const failed = AddressEntry.failed(AddressEntry.dialling(withPoints(10), now), failure, now)
    assert.strictEqual(failed.points, points)
    assert.strictEqual(failed.use, "Failed")
    assert.strictEqual(AddressEntry.isUsable(failed, now), points < 1000)
    const free = AddressEntry.released(failed, now)
    assert.strictEqual(free.points, points)
    assert.strictEqual(free.use, "Free")
    assert.strictEqual(free.contact._tag, "Heard")
  })

  it("costs nothing when it is let go of before anything was known", () => {
    const free = AddressEntry.released(AddressEntry.dialling(withPoints(10), now), now)
    assert.deepStrictEqual(free, withPoints(10))
    assert.deepStrictEqual(AddressEntry.released(free, now), free)
  })

  it("was there as long as the connection was", () => {
    const open = AddressEntry.connected(AddressEntry.dialling(withPoints(10), now), 5n, now)
    assert.strictEqual(AddressEntry.released(open, now + hour).contact.at, now + hour)
    const failed = AddressEntry.failed(open, "Cut", now + hour)
    assert.strictEqual(failed.contact.at, now + hour)
    assert.strictEqual(AddressEntry.released(failed, now + 2 * hour).contact.at, now + hour)
  })

  it("is not in use for what happens to one that nobody holds", () => {
    assert.strictEqual(AddressEntry.connected(withPoints(0), 5n, now).use, "Free")
    assert.strictEqual(AddressEntry.failed(withPoints(0), "Cut", now).use, "Free")
  })

  it("takes 200 off for headers", () => {
    const good = AddressEntry.goodHeaders(withPoints(450), now)
    assert.strictEqual(good.points, 250)
    assert.strictEqual(good.lastGoodHeaders, now)
    assert.strictEqual(AddressEntry.goodHeaders(withPoints(150), now).points, 0)
  })

  it("keeps points between 0 and 2000, and whole", () => {
    const seed = 11
    const random = Legacy.makeRandom(seed)
    const nasty = [NaN, Infinity, -Infinity, 1e300, -1e300, 0.4, 1001, -5]
    let self = withPoints(0)
    let time = now
    for (let i = 0; i < 5000; i++) {
      time += random.below(10) === 0 ? -random.below(hour) : random.below(hour)
      const added = random.below(3) === 0 ? nasty[random.below(nasty.length)]! : random.below(600) - 250
      self = AddressEntry.punish(self, added, time)
      assert.isTrue(Number.isInteger(self.points), `seed ${seed}`)
      assert.isAtLeast(self.points, 0, `seed ${seed}`)
      assert.isAtMost(self.points, 2000, `seed ${seed}`)
    }
  })

  it("lets 10 points fade in an hour, however often it is looked at", () => {
    let often = withPoints(1001)
    for (let minute = 1; minute <= 600; minute++) often = AddressEntry.punish(often, 0, now + minute * 60_000)
    assert.strictEqual(often.points, 901)
    assert.strictEqual(AddressEntry.points(withPoints(1001), now + 10 * hour), 901)
    assert.strictEqual(AddressEntry.points(withPoints(2000), now + 100 * hour), 1000)
    assert.isFalse(AddressEntry.isUsable(withPoints(1010), now + hour - 1))
    assert.isTrue(AddressEntry.isUsable(withPoints(1010), now + 2 * hour))
    // A clock that was turned back makes nothing fade twice.
    assert.strictEqual(AddressEntry.points(withPoints(100), now - hour), 100)
  })

  it("believes what others say only where it has not looked itself", () => {
    const told = { services: 32n, seenAt: now - hour, now }
    const heardAgain = AddressEntry.heard(entry("8.8.8.8:8333", { services: 1n, contact: heard(50) }), told)
    assert.strictEqual(heardAgain.services, 33n)
    assert.deepStrictEqual(heardAgain.contact, heard(1))
    assert.strictEqual(AddressEntry.heard(heardAgain, { ...told, seenAt: 0 }), heardAgain)
    assert.strictEqual(AddressEntry.heard(heardAgain, { ...told, seenAt: now + hour }).contact.at, now)
    const seen = entry("8.8.8.8:8333", { services: 1n, contact: connected(50) })
    assert.strictEqual(AddressEntry.heard(seen, told), seen)
  })

  it("names an address once, mapped or not", () => {
    const plain = AddressEntry.key(Books.address("8.8.8.8:8333"))
    assert.strictEqual(plain, "8.8.8.8:8333")
    assert.strictEqual(AddressEntry.key(Books.address("[::ffff:8.8.8.8]:8333")), plain)
    assert.notStrictEqual(AddressEntry.key(Books.address("8.8.8.8:8334")), plain)
  })
})
