import { assert, describe, it } from "@effect/vitest"
import * as AddressEntry from "../../../src/domain/p2p/AddressEntry.ts"
import * as AddressSource from "../../../src/domain/p2p/AddressSource.ts"
import * as AddressTable from "../../../src/domain/p2p/AddressTable.ts"
import { hash256 } from "../../../src/layers/NodeHash256.ts"
import * as Books from "../../utils/addressBook.ts"
import * as Legacy from "../../utils/legacy.ts"

const now = 100 * Books.day

const seed = 20_000

const makeTable = (random: Legacy.Random, capacity = 20_000) =>
  AddressTable.make({ capacity, key: random.bytes(32), hash256 })

const told = (n: number, source: AddressSource.AddressSource) =>
  AddressEntry.make({ address: Books.publicAddress(n), services: 5n, source, now })

const peer = (text: string) => AddressSource.peer(Books.address(`${text}:8333`))

const count = (table: AddressTable.AddressTable, f: (entry: AddressEntry.AddressEntry) => boolean) =>
  [...table.entries()].filter(f).length

/** Eight honest peers tell of 1000 addresses between them. */
const addHonest = (table: AddressTable.AddressTable, random: Legacy.Random): ReadonlySet<string> => {
  const honest = new Set<string>()
  while (honest.size < 1000) {
    const entry = told(random.below(1 << 24), peer(`${20 + random.below(8)}.1.1.1`))
    if (table.get(entry.address) === undefined && table.add(entry, now)) honest.add(Books.format(entry))
  }
  return honest
}

describe("AddressTable", () => {
  it("finds, changes and removes what was put in", () => {
    const table = makeTable(Legacy.makeRandom(seed))
    const entry = told(1, peer("9.9.9.9"))
    assert.strictEqual(table.get(entry.address), undefined)
    assert.isFalse(table.update(entry.address, (entry) => entry))
    assert.isTrue(table.add(entry, now))
    assert.strictEqual(table.get(entry.address), entry)
    assert.isTrue(table.update(entry.address, (entry) => ({ ...entry, points: 7 })))
    assert.deepStrictEqual([...table.entries()], [{ ...entry, points: 7 }])
    assert.strictEqual(table.size, 1)
    assert.isTrue(table.remove(entry.address))
    assert.isFalse(table.remove(entry.address))
    assert.strictEqual(table.size, 0)
    assert.deepStrictEqual([...table.draw(() => 0)], [])
  })

  it("never holds more than it may", () => {
    const random = Legacy.makeRandom(seed)
    const table = makeTable(random, 1000)
    assert.strictEqual(table.capacity, 784)
    for (let i = 0; i < 20_000; i++) {
      table.add(told(i * 257, peer(`${1 + random.below(200)}.${random.below(200)}.1.1`)), now)
    }
    assert.strictEqual(table.size, 784)
    assert.strictEqual(makeTable(random).capacity, 19_600)
  })

  it("gives a liar of one group at most a sixteenth, whatever it tells", () => {
    const random = Legacy.makeRandom(seed)
    const table = makeTable(random)
    let taken = 0
    for (let i = 0; i < 100_000; i++) {
      const source = peer(`9.9.${random.below(250)}.${random.below(250)}`)
      const entry = told(random.below(1 << 24), source)
      if (table.get(entry.address) === undefined) taken += table.add(entry, now) ? 1 : 0
    }
    assert.strictEqual(table.size, taken)
    // It fills its share, so the limit is one.
    assert.isAtMost(table.size, table.capacity / 16)
    assert.isAtLeast(table.size, table.capacity / 36)
  })

  it("gives the addresses of one group at most a sixteenth, whoever tells of them", () => {
    const random = Legacy.makeRandom(seed + 1)
    const table = makeTable(random)
    for (let i = 0; i < 60_000; i++) {
      const entry = told(i, peer(`${1 + random.below(220)}.${random.below(250)}.1.1`))
      if (table.get(entry.address) === undefined) table.add(entry, now)
    }
    assert.isAtMost(table.size, table.capacity / 16)
    assert.isAtLeast(table.size, table.capacity / 36)
  })

  it("keeps a thousand honest addresses through 200,000 lies", () => {
    const random = Legacy.makeRandom(seed + 2)
    const table = makeTable(random)
    const honest = addHonest(table, random)
    for (let i = 0; i < 200_000; i++) {
      const entry = told(random.below(1 << 24), peer(`9.${i % 5}.9.9`))
      if (table.get(entry.address) === undefined) table.add(entry, now)
    }
    assert.strictEqual(count(table, (entry) => honest.has(Books.format(entry))), 1000)
    assert.isAtMost(table.size, 1000 + 5 * table.capacity / 16)
    // And the lies keep few out that come later.
    let late = 0
    for (let i = 0; i < 1000; i++) {
      if (table.add(told((1 << 24) + i * 4099, peer(`${30 + i % 20}.1.1.1`)), now)) late++
    }
    assert.isAtLeast(late, 700, `seed ${seed + 2}`)
  }, 60_000)

  it("draws from cells, so that a liar is drawn no more often than its share", () => {
    const random = Legacy.makeRandom(seed + 3)
    const table = makeTable(random)
    const honest = addHonest(table, random)
    for (let i = 0; i < 20_000; i++) {
      const entry = told(random.below(1 << 24), peer("9.9.9.9"))
      if (table.get(entry.address) === undefined) table.add(entry, now)
    }
    let lies = 0
    for (let i = 0; i < 2000; i++) {
      const [first] = table.draw(Books.chance(random))
      if (!honest.has(Books.format(first!))) lies++
    }
    // Half of all addresses are lies. They lie in 70 of the cells, of which some 400 have an address.
    assert.isAtLeast(table.size, 1800)
    assert.isAtMost(lies / 2000, 0.2, `seed ${seed + 3}`)
  })

  it("draws each address once, in another order each time", () => {
    const random = Legacy.makeRandom(seed + 4)
    const table = makeTable(random)
    addHonest(table, random)
    const draw = () => [...table.draw(Books.chance(random))].map(Books.format)
    const [first, second] = [draw(), draw()]
    assert.strictEqual(new Set(first).size, 1000)
    assert.deepStrictEqual([...first].sort(), [...second].sort())
    assert.notDeepEqual(first, second)
    const seen = new Set(Array.from({ length: 3000 }, () => draw()[0]))
    assert.isAtLeast(seen.size, 500)
  }, 30_000)

  it("puts the same address into the same cell with the same key, and elsewhere with another", () => {
    const full = (key: Uint8Array) => {
      const table = AddressTable.make({ capacity: 4096, key, hash256 })
      for (let i = 0; i < 5000; i++) table.add(told(i * 4099, peer("9.9.9.9")), now)
      return [...table.entries()].map(Books.format)
    }
    const key = new Uint8Array(32).fill(7)
    assert.deepStrictEqual(full(key), full(key))
    assert.notDeepEqual(full(key), full(new Uint8Array(32).fill(8)))
  })

  describe("a cell that is full", () => {
    /** With room for 16 there is one cell only. */
    const filled = (change: (i: number) => Partial<AddressEntry.AddressEntry>) => {
      const table = AddressTable.make({ capacity: 16, key: new Uint8Array(32), hash256 })
      for (let i = 0; i < 16; i++) table.add({ ...told(i, peer("9.9.9.9")), ...change(i) }, now)
      return table
    }
    const newcomer = told(100, peer("8.8.8.8"))
    const isThere = (table: AddressTable.AddressTable, n: number) => table.get(Books.publicAddress(n)) !== undefined

    it("takes no newcomer in place of others that are heard of", () => {
      const table = filled(() => ({ points: 900 }))
      assert.isFalse(table.add(newcomer, now))
      assert.strictEqual(table.size, 16)
    })

    it("drops a barred one first", () => {
      const table = filled((i) => i === 5 ? { points: 1000 } : { contact: { _tag: "Heard", at: 0 } })
      assert.isTrue(table.add(newcomer, now))
      assert.isFalse(isThere(table, 5))
      assert.strictEqual(table.size, 16)
    })

    it("drops the one that was heard of longest ago, when that is a month", () => {
      const at = (i: number) => now - AddressTable.staleAfter - 1 + (i === 6 ? -5 : 0)
      const table = filled((i) => ({ contact: { _tag: "Heard", at: at(i) } }))
      assert.isTrue(table.add(newcomer, now))
      assert.isFalse(isThere(table, 6))
      const fresh = filled(() => ({ contact: { _tag: "Heard", at: now - AddressTable.staleAfter } }))
      assert.isFalse(fresh.add(newcomer, now))
    })

    it("keeps what we were connected to, what serves a wallet, what is in use and what the user added", () => {
      const kept: ReadonlyArray<Partial<AddressEntry.AddressEntry>> = [
        { contact: { _tag: "Connected", at: 0 } },
        { use: "Open", points: 2000 },
        { use: "Dialling", points: 2000 },
        { source: AddressSource.user, points: 2000 },
        { segment: 0, points: 2000 }
      ]
      for (const change of kept) assert.isFalse(filled(() => change).add(newcomer, now))
    })

    it("makes room for the user, but not for more than there is", () => {
      const table = filled((i) => i < 8 ? { contact: { _tag: "Connected", at: 0 } } : {})
      for (let i = 100; i < 116; i++) assert.isTrue(table.add(told(i, AddressSource.user), now))
      assert.isFalse(table.add(told(200, AddressSource.user), now))
      assert.strictEqual(count(table, ({ source }) => source._tag === "User"), 16)
    })
  })
})
