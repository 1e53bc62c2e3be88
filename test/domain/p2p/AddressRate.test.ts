import { assert, describe, it } from "@effect/vitest"
import * as AddressRate from "../../../src/domain/p2p/AddressRate.ts"

const granted = (rate: AddressRate.AddressRate, count: number, now: number) =>
  AddressRate.take(rate, count, now).granted

describe("AddressRate", () => {
  it("lets one address through at first, and then one in ten seconds", () => {
    const first = AddressRate.take(AddressRate.make(0), 1000, 0)
    assert.strictEqual(first.granted, 1)
    assert.strictEqual(granted(first.rate, 1000, 9999), 0)
    assert.strictEqual(granted(first.rate, 1000, 10_000), 1)
    assert.strictEqual(granted(first.rate, 1000, 100_000), 10)
    assert.strictEqual(granted(first.rate, 3, 100_000), 3)
  })

  it("loses no fraction however often it is asked", () => {
    let { rate } = AddressRate.take(AddressRate.make(0), 1, 0)
    let sum = 0
    for (let now = 1000; now <= 1_000_000; now += 1000) {
      const taken = AddressRate.take(rate, 1000, now)
      rate = taken.rate
      sum += taken.granted
    }
    assert.isAtLeast(sum, 99)
    assert.isAtMost(sum, 100)
  })

  it("saves no more than 1000", () => {
    assert.strictEqual(granted(AddressRate.make(0), 5000, 1e12), 1000)
  })

  it("gives 1000 more for an answer, and does not let them grow", () => {
    const asked = AddressRate.asked(AddressRate.make(0), 0)
    assert.strictEqual(granted(asked, 1000, 0), 1000)
    assert.strictEqual(granted(asked, 5000, 0), 1001)
    assert.strictEqual(granted(asked, 5000, 1e12), 1001)
    let often = asked
    for (let i = 0; i < 100; i++) often = AddressRate.asked(often, 0)
    assert.strictEqual(granted(often, 5000, 0), 2000)
  })

  it("gives nothing when the clock is turned back", () => {
    const { rate } = AddressRate.take(AddressRate.make(1_000_000), 1, 1_000_000)
    const back = AddressRate.take(rate, 1000, 0)
    assert.strictEqual(back.granted, 0)
    assert.strictEqual(granted(back.rate, 1000, 20_000), 2)
  })
})
