import { assert, describe, it } from "@effect/vitest"
import { Equal, Hash } from "effect"
import * as Header from "../../src/domain/Header.ts"

describe("Header", () => {
  it("orders values by tag, the tags beyond array indices too", () => {
    const header = Header.make({ 4294967295: 3, 11: 1, 70000: 2, 10: 0 })
    assert.deepStrictEqual(header.pairs, [10, 0, 11, 1, 70000, 2, 4294967295, 3])
    assert.deepStrictEqual(Header.entries(header), [[10, 0], [11, 1], [70000, 2], [4294967295, 3]])
    assert.strictEqual(Header.size(header), 4)
  })

  it("is the empty header without values", () => {
    assert.strictEqual(Header.make({}), Header.empty)
    assert.strictEqual(Header.fromPairsUnsafe([]), Header.empty)
    assert.strictEqual(Header.size(Header.empty), 0)
    assert.deepStrictEqual(Header.entries(Header.empty), [])
  })

  it("finds the value of a tag", () => {
    const header = Header.make({ 10: 5, 11: -7, 200: 0 })
    assert.strictEqual(Header.get(header, 10), 5)
    assert.strictEqual(Header.get(header, Header.requestId), -7)
    assert.strictEqual(Header.get(header, 200), 0)
    assert.strictEqual(Header.get(header, 12), undefined)
    // 5 is a value here, and no tag.
    assert.strictEqual(Header.get(header, 5), undefined)
  })

  it("sets a value in a copy and keeps the order", () => {
    const header = Header.make({ 11: 1, 20: 2 })
    assert.deepStrictEqual(Header.set(header, 10, 9).pairs, [10, 9, 11, 1, 20, 2])
    assert.deepStrictEqual(Header.set(header, 11, 9).pairs, [11, 9, 20, 2])
    assert.deepStrictEqual(Header.set(header, 15, 9).pairs, [11, 1, 15, 9, 20, 2])
    assert.deepStrictEqual(Header.set(header, 20, 9).pairs, [11, 1, 20, 9])
    assert.deepStrictEqual(Header.set(header, 21, 9).pairs, [11, 1, 20, 2, 21, 9])
    assert.deepStrictEqual(Header.set(Header.empty, 11, 9).pairs, [11, 9])
    assert.deepStrictEqual(header.pairs, [11, 1, 20, 2])
  })

  it("echoes the values with tags over 10", () => {
    assert.deepStrictEqual(Header.echo(Header.make({ 10: 1, 11: 2, 12: 3, 5000: 4 })).pairs, [11, 2, 12, 3, 5000, 4])
    assert.strictEqual(Header.echo(Header.make({ 10: 1 })), Header.empty)
    assert.strictEqual(Header.echo(Header.empty), Header.empty)
  })

  it("echoes a header whose tags are all over 10 as it is", () => {
    const header = Header.make({ 11: 2, 12: 3 })
    assert.strictEqual(Header.echo(header), header)
  })

  it("is equal to a header with the same values", () => {
    const header = Header.make({ 11: 2, 12: 3 })
    const same = Header.fromPairsUnsafe([11, 2, 12, 3])
    assert.isTrue(Equal.equals(header, same))
    assert.strictEqual(Hash.hash(header), Hash.hash(same))
    assert.isFalse(Equal.equals(header, Header.make({ 11: 2, 12: 4 })))
    assert.isFalse(Equal.equals(header, Header.make({ 11: 2 })))
    assert.isFalse(Equal.equals(header, Header.empty))
  })

  it("shows its values by tag", () => {
    assert.deepStrictEqual(JSON.parse(JSON.stringify(Header.make({ 11: 2, 300: -1 }))), { 11: 2, 300: -1 })
  })
})
