import { assert, describe, it } from "@effect/vitest"
import * as AddressChoice from "../../../src/domain/p2p/AddressChoice.ts"
import type * as AddressEntry from "../../../src/domain/p2p/AddressEntry.ts"
import * as Books from "../../utils/addressBook.ts"

const now = 100 * Books.day

const entry = (text: string, change: Partial<AddressEntry.AddressEntry> = {}) =>
  Books.entry(text, { now, points: 0, pointsAt: now, ...change })

const choose = (drawn: ReadonlyArray<AddressEntry.AddressEntry>, wanted: AddressChoice.Wanted = {}) =>
  AddressChoice.choose(drawn, { wanted, now, defaultPort: 8333 })?.address.port

describe("AddressChoice", () => {
  it("takes the best, and the first among equals", () => {
    const bad = entry("1.1.1.1:1", { points: 500 })
    const good = entry("1.1.1.2:2")
    assert.strictEqual(choose([bad, good, entry("1.1.1.3:3")]), 2)
    assert.strictEqual(choose([good, bad]), 2)
    assert.strictEqual(choose([bad]), 1)
    assert.strictEqual(choose([]), undefined)
    assert.strictEqual(choose([good, entry("1.1.1.4:8333", { points: 499 })]), 8333)
    assert.strictEqual(choose([good, entry("1.1.1.4:8333", { points: 501 })]), 2)
  })

  it("compares ten that will do, and looks no further", () => {
    const poor = Array.from({ length: 20 }, (_, i) => entry(`1.1.1.${i}:1`, { points: 100 }))
    const barred = poor.map((entry) => ({ ...entry, points: 1000 }))
    const best = entry("1.1.2.1:2")
    assert.strictEqual(choose([...barred, ...poor.slice(0, 9), best]), 2)
    assert.strictEqual(choose([...poor.slice(0, 10), best]), 1)
    let drawn = 0
    const endless = function*() {
      for (;;) {
        drawn++
        yield best
      }
    }
    assert.isDefined(AddressChoice.choose(endless(), { wanted: {}, now, defaultPort: 8333 }))
    assert.strictEqual(drawn, 10)
  })

  it.each<[string, Partial<AddressEntry.AddressEntry>, AddressChoice.Wanted, boolean]>([
    ["free", {}, {}, true],
    ["being dialled", { use: "Dialling" }, {}, false],
    ["open", { use: "Open" }, {}, false],
    ["failed and held", { use: "Failed" }, {}, false],
    ["with the services", { services: 37n }, { services: 5n }, true],
    ["without one of the services", { services: 33n }, { services: 5n }, false],
    ["with 999 points", { points: 999 }, {}, true],
    ["with 1000 points", { points: 1000 }, {}, false],
    ["of no wallet", {}, { segment: 0 }, true],
    ["of this wallet", { segment: 0 }, { segment: 0 }, true],
    ["of another wallet", { segment: 1 }, { segment: 0 }, false],
    ["of some wallet when none is wanted", { segment: 1 }, {}, true],
    ["of another group", {}, { exceptGroups: new Set(["1.2.0.0/16"]) }, true],
    ["of a group that is there", {}, { exceptGroups: new Set(["1.1.0.0/16"]) }, false],
    ["that is refused", {}, { where: ({ address }) => address.port !== 1 }, false]
  ])("looks at one %s", (_, change, wanted, isFit) => {
    const one = entry("1.1.1.1:1", change)
    assert.strictEqual(AddressChoice.isFit(one, wanted, now), isFit)
    assert.strictEqual(choose([one], wanted), isFit ? 1 : undefined)
  })
})
