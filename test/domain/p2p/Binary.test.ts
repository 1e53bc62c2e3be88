import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Binary from "../../../src/domain/p2p/Binary.ts"
import * as BinaryBytes from "../../../src/domain/p2p/BinaryBytes.ts"
import * as BinaryError from "../../../src/domain/p2p/BinaryError.ts"
import * as BinaryNumber from "../../../src/domain/p2p/BinaryNumber.ts"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as Legacy from "../../utils/legacy.ts"

const { fromHex, toHex } = Legacy

const encode = <A>(of: Binary.Binary<A>, value: A): string => toHex(Result.getOrThrow(Binary.encode(of, value)))

const decode = <A>(of: Binary.Binary<A>, hex: string): A => Result.getOrThrow(Binary.decode(of, fromHex(hex)))

/** Where and why some bytes are refused: `path@offset Reason`. */
const fault = <A>(of: Binary.Binary<A>, hex: string): string => {
  const result = Binary.decode(of, fromHex(hex))
  if (Result.isSuccess(result)) return "none"
  const { offset, path, reason } = result.failure
  return `${BinaryError.formatPath(path)}@${offset} ${reason._tag}`
}

const encodeFault = <A>(of: Binary.Binary<A>, value: A): string => {
  const result = Binary.encode(of, value)
  return Result.isSuccess(result)
    ? "none"
    : `${BinaryError.formatPath(result.failure.path)} ${result.failure.reason._tag}`
}

const point = Binary.struct({ x: BinaryNumber.uint8, y: BinaryNumber.uint16 })

const shape = Binary.struct({
  name: BinaryBytes.varString(5),
  points: Binary.array(point, 3),
  seal: BinaryBytes.bytes(2),
  note: Binary.optionalTail(BinaryNumber.flag)
})

describe("Binary", () => {
  it("reads and writes an object", () => {
    const value = { name: "ab", points: [{ x: 1, y: 2 }, { x: 3, y: 0x0405 }], seal: Uint8Array.of(8, 9), note: true }
    const hex = "02616202010200030504080901"
    assert.strictEqual(encode(shape, value), hex)
    assert.deepStrictEqual(decode(shape, hex), value)
    const { note: _, ...without } = value
    assert.strictEqual(encode(shape, without), hex.slice(0, -2))
    assert.deepStrictEqual(decode(shape, hex.slice(0, -2)), without)
    assert.isFalse(Object.hasOwn(decode(shape, hex.slice(0, -2)), "note"))
  })

  it("says where fields begin as long as that is fixed", () => {
    assert.deepStrictEqual(point.offsets, { x: 0, y: 1 })
    assert.deepStrictEqual(Object.entries(shape.offsets), [["name", 0]])
    assert.strictEqual(point.fields.y.readAt(Uint8Array.of(0, 0, 7, 1), 2), 0x0107)
    assert.strictEqual(point.minSize, 3)
    assert.strictEqual(shape.minSize, 4)
  })

  it("says what is wrong, in which part and at which byte", () => {
    assert.strictEqual(fault(shape, ""), "name@0 Truncated")
    assert.strictEqual(fault(shape, "06616161616161"), "name@0 TooLong")
    assert.strictEqual(fault(shape, "0361"), "name@1 Truncated")
    assert.strictEqual(fault(shape, "00040000"), "points@1 TooMany")
    assert.strictEqual(fault(shape, "0002010200"), "points@2 Truncated")
    assert.strictEqual(fault(shape, "00fd0100"), "points@1 NotCanonical")
    assert.strictEqual(fault(shape, "000008"), "seal@2 Truncated")
    assert.strictEqual(fault(shape, "0000080901ff"), "value@5 TrailingBytes")
    const nested = Binary.array(Binary.struct({ names: Binary.array(BinaryBytes.varString(2), 4) }), 4)
    assert.strictEqual(fault(nested, "0201016102016203"), "[1].names[1]@7 TooLong")
    const result = Binary.decode(shape, fromHex("00040000"))
    assert.strictEqual(
      Result.isFailure(result) && result.failure.message,
      "points at byte 1: there are 4 items; at most 3 are allowed"
    )
  })

  it("refuses values that do not fit", () => {
    const good = { name: "", points: [], seal: new Uint8Array(2) }
    assert.strictEqual(encodeFault(shape, good), "none")
    assert.strictEqual(encodeFault(shape, { ...good, name: "abcdef" }), "name TooLong")
    assert.strictEqual(encodeFault(shape, { ...good, name: "a\u0100" }), "name WideCharacter")
    assert.strictEqual(encodeFault(shape, { ...good, seal: new Uint8Array(3) }), "seal WrongLength")
    const points = [{ x: 1, y: 1 }, { x: 1, y: 70_000 }]
    assert.strictEqual(encodeFault(shape, { ...good, points }), "points[1].y OutOfRange")
    assert.strictEqual(encodeFault(shape, { ...good, points: [...points, ...points] }), "points TooMany")
    const result = Binary.encode(shape, { ...good, points })
    assert.strictEqual(
      Result.isFailure(result) && result.failure.message,
      "points[1].y cannot be written: 70000 is no whole number from 0 to 65535"
    )
    assert.throws(() => Binary.encodeUnsafe(shape, { ...good, points }))
  })

  it("ignores what follows when it is told to", () => {
    assert.strictEqual(
      Result.getOrThrow(Binary.decode(BinaryNumber.uint8, fromHex("05ffff"), { trailing: "ignore" })),
      5
    )
    assert.strictEqual(fault(BinaryNumber.uint8, "05ffff"), "value@1 TrailingBytes")
  })

  it("keeps every byte of a string", () => {
    const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i))
    const text = BinaryBytes.varString(256)
    const bytes = Result.getOrThrow(Binary.encode(text, all))
    assert.strictEqual(bytes.length, 259)
    assert.strictEqual(Result.getOrThrow(Binary.decode(text, bytes)), all)
  })

  it("reads the rest, up to a limit", () => {
    const tail = Binary.struct({ kind: BinaryNumber.uint8, data: BinaryBytes.rest(2) })
    assert.deepStrictEqual(decode(tail, "01"), { kind: 1, data: new Uint8Array(0) })
    assert.deepStrictEqual(decode(tail, "010203"), { kind: 1, data: Uint8Array.of(2, 3) })
    assert.strictEqual(fault(tail, "01020304"), "data@1 TooLong")
    assert.strictEqual(encodeFault(tail, { kind: 1, data: new Uint8Array(3) }), "data TooLong")
  })

  it("reads items up to the end", () => {
    const points = Binary.items(point, 2)
    assert.deepStrictEqual(decode(points, ""), [])
    assert.deepStrictEqual(decode(points, "010200030400"), [{ x: 1, y: 2 }, { x: 3, y: 4 }])
    assert.strictEqual(encode(points, [{ x: 1, y: 2 }, { x: 3, y: 4 }]), "010200030400")
    assert.strictEqual(fault(points, "0102000304"), "[1].y@4 Truncated")
    assert.strictEqual(fault(points, "010200030400050600"), "value@6 TooMany")
    assert.strictEqual(encodeFault(points, [1, 2, 3].map((x) => ({ x, y: x }))), "value TooMany")
  })

  it("expects constants", () => {
    const closed = Binary.array(Binary.followedBy(BinaryNumber.uint8, Uint8Array.of(0, 7)), 9)
    assert.deepStrictEqual(decode(closed, "02010007020007"), [1, 2])
    assert.strictEqual(encode(closed, [1, 2]), "02010007020007")
    assert.strictEqual(fault(closed, "02010007020008"), "[1]@6 OutOfRange")
    assert.strictEqual(fault(closed, "0201000702"), "value@1 Truncated")
  })

  it("packs items of one size, without what follows each of them", () => {
    const packed = BinaryBytes.packed({ size: 3, after: Uint8Array.of(0, 7), limit: 2 })
    assert.deepStrictEqual(decode(packed, "0201020300070405060007"), Uint8Array.of(1, 2, 3, 4, 5, 6))
    assert.strictEqual(encode(packed, Uint8Array.of(1, 2, 3, 4, 5, 6)), "0201020300070405060007")
    assert.deepStrictEqual(decode(packed, "00"), new Uint8Array(0))
    assert.strictEqual(encode(packed, new Uint8Array(0)), "00")
    assert.strictEqual(fault(packed, "0201020300070405060107"), "[1]@9 OutOfRange")
    assert.strictEqual(fault(packed, "0101020300"), "value@1 Truncated")
    assert.strictEqual(fault(packed, "03"), "value@0 TooMany")
    assert.strictEqual(fault(packed, "0101020300070000"), "value@6 TrailingBytes")
    assert.strictEqual(encodeFault(packed, new Uint8Array(4)), "value WrongLength")
    assert.strictEqual(encodeFault(packed, new Uint8Array(7)), "value TooMany")
  })

  it("packs as a list of objects reads and writes, whatever there is in it", () => {
    const seed = 4711
    const random = Legacy.makeRandom(seed)
    const after = Uint8Array.of(0)
    const packed = BinaryBytes.packed({ size: BlockHeader.size, after, limit: 300 })
    const list = Binary.array(Binary.followedBy(BlockHeader.binary, after), 300)
    for (let i = 0; i < 100; i++) {
      const items = random.bytes(random.below(301) * BlockHeader.size)
      const bytes = Result.getOrThrow(Binary.encode(packed, items))
      const headers = Result.getOrThrow(Binary.decode(list, bytes))
      assert.deepStrictEqual(BlockHeader.pack(headers), items, `seed ${seed}, ${i}`)
      assert.deepStrictEqual(Result.getOrThrow(Binary.encode(list, headers)), bytes, `seed ${seed}, ${i}`)
      assert.deepStrictEqual(Result.getOrThrow(Binary.decode(packed, bytes)), items, `seed ${seed}, ${i}`)
      bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
      const [one, other] = [Binary.decode(packed, bytes), Binary.decode(list, bytes)]
      assert.strictEqual(Result.isSuccess(one), Result.isSuccess(other), `seed ${seed}, ${i}`)
      if (Result.isFailure(one) && Result.isFailure(other)) {
        assert.strictEqual(one.failure.message, other.failure.message, `seed ${seed}, ${i}`)
      }
    }
  })

  it("takes no memory for lists that are announced and not there", () => {
    const big = Binary.array(BinaryBytes.hash, 2 ** 40)
    assert.strictEqual(fault(big, "ff00000000ff000000"), "value@9 Truncated")
    assert.strictEqual(fault(big, "ffffffffffffffffff"), "value@0 OutOfRange")
    const packed = BinaryBytes.packed({ size: 80, after: Uint8Array.of(0), limit: 2 ** 40 })
    assert.strictEqual(fault(packed, "ff00000000ff000000"), "value@9 Truncated")
    assert.strictEqual(fault(BinaryBytes.varBytes(2 ** 50), "ff0000000000ff0000"), "value@9 Truncated")
  })

  it("refuses descriptions that make no sense", () => {
    assert.throws(() => Binary.struct({ a: BinaryBytes.rest(9), b: BinaryNumber.uint8 }), /middle of an object/)
    assert.throws(() => Binary.array(Binary.struct({ a: BinaryBytes.rest(9) }), 9), /in a list/)
    assert.throws(() => Binary.followedBy(BinaryBytes.rest(9), Uint8Array.of(1)), /in front of/)
    assert.throws(() => Binary.items(Binary.struct({}), 9), /no end/)
  })

  it("hands out large bytes as they are when nothing else is written, and copies them otherwise", () => {
    const large = new Uint8Array(5000).fill(3)
    const alone = Result.getOrThrow(Binary.encode(BinaryBytes.rest(9000), large))
    assert.strictEqual(alone, large)
    const pair = Binary.struct({ a: BinaryBytes.bytes(5000), b: BinaryBytes.bytes(5000), c: BinaryNumber.uint8 })
    const together = Result.getOrThrow(Binary.encode(pair, { a: large, b: large, c: 1 }))
    assert.deepStrictEqual(together, Legacy.concat(large, large, Uint8Array.of(1)))
    const small = Uint8Array.of(1, 2)
    assert.notStrictEqual(Result.getOrThrow(Binary.encode(BinaryBytes.rest(9), small)), small)
  })

  it("has the types of its parts", () => {
    type Shape = Binary.Type<typeof shape>
    const least: Shape = { name: "", points: [{ x: 1, y: 2 }], seal: new Uint8Array(2) }
    // @ts-expect-error: only the tail is optional
    const without: Shape = { points: [], seal: new Uint8Array(2) }
    // @ts-expect-error: a number of 64 bits is a bigint
    const narrow: Binary.Type<typeof BinaryNumber.uint64> = 1
    assert.isUndefined(least.note)
    assert.strictEqual(encodeFault(shape, least), "none")
    assert.isDefined([without, narrow])
  })

  it("gives views of its input", () => {
    const input = fromHex("020102")
    const view = Result.getOrThrow(Binary.decode(BinaryBytes.varBytes(2), input))
    assert.strictEqual(view.buffer, input.buffer)
    assert.strictEqual(Result.getOrThrow(Binary.decode(BinaryBytes.bytes(3), input)).buffer, input.buffer)
  })
})
