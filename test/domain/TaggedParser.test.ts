import { assert, describe, it } from "@effect/vitest"
import * as Slab from "../../src/domain/Slab.ts"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import { fromHex, toHex } from "../utils/native.ts"
import { run, vectors } from "../utils/tagged.ts"

const { ValueType } = TaggedParser

/** A compact integer as the wire format words it. */
const compact = (n: bigint): string => {
  const groups = [Number(n & 0x7fn)]
  let rest = n
  while (rest > 0x7fn) {
    rest = (rest >> 7n) - 1n
    groups.unshift(Number(rest & 0x7fn) | 0x80)
  }
  return toHex(Uint8Array.from(groups))
}

const parse = (text: string): Array<string> => run(TaggedParser.make(fromHex(text)))

describe("TaggedParser", () => {
  it("reads what the reference implementation wrote", () => {
    assert.strictEqual(vectors.length, 300)
    for (const { fields, hex: body } of vectors) {
      const parser = TaggedParser.make(fromHex(body))
      for (const field of fields) {
        assert.isTrue(parser.next(), body)
        assert.strictEqual(parser.tag, field.tag)
        switch (field.type) {
          case "int":
            assert.strictEqual(parser.type, ValueType.Int)
            assert.strictEqual(String(parser.int), field.value)
            break
          case "string":
            assert.strictEqual(parser.type, ValueType.Text)
            assert.strictEqual(toHex(parser.utf8()), field.utf8Hex)
            assert.strictEqual(parser.text(), Buffer.from(field.utf8Hex, "hex").toString("utf8"))
            break
          case "bytes":
            assert.strictEqual(parser.type, ValueType.Bytes)
            assert.strictEqual(toHex(parser.bytes()), field.hex)
            break
          case "bool":
            assert.strictEqual(parser.type, ValueType.Bool)
            assert.strictEqual(parser.bool, field.value)
            break
          case "double":
            assert.strictEqual(parser.type, ValueType.Double)
            assert.isTrue(Object.is(parser.double, Buffer.from(field.bits, "hex").readDoubleBE()), field.bits)
            break
        }
      }
      assert.isFalse(parser.next())
      assert.isUndefined(parser.failure)
      assert.strictEqual(parser.offset, body.length / 2)
    }
  })

  it("has nothing to say about an empty input", () => {
    const parser = TaggedParser.make(new Uint8Array(0))
    assert.strictEqual(parser.type, ValueType.None)
    assert.strictEqual(parser.tag, -1)
    assert.deepStrictEqual(run(parser), ["end 0"])
  })

  it("hands out repeated tags and separators in order", () => {
    assert.deepStrictEqual(parse("0801 04 0802 0803 04"), [
      "1 int 1 number",
      "0 bool true",
      "1 int 2 number",
      "1 int 3 number",
      "0 bool true",
      "end 8"
    ])
  })

  it("reads extended tags, also where a short one would have done", () => {
    assert.deepStrictEqual(parse("f4"), ["30 bool true", "end 1"])
    assert.deepStrictEqual(parse(`fc1f fd7f fc${compact(128n)} fd${compact(2n ** 32n - 1n)} fc05`), [
      "31 bool true",
      "127 bool false",
      "128 bool true",
      "4294967295 bool false",
      "5 bool true",
      "end 15"
    ])
  })

  it("keeps integers exact, as a number up to 2^53-1 and as a bigint beyond", () => {
    for (
      const n of [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]
    ) {
      const form = n < 2n ** 53n ? "number" : "bigint"
      const width = 1 + compact(n).length / 2
      assert.deepStrictEqual(parse(`08${compact(n)}`), [`1 int ${n} ${form}`, `end ${width}`])
      assert.deepStrictEqual(parse(`09${compact(n)}`), [`1 int ${-n} ${form}`, `end ${width}`])
    }
  })

  it("reads negative zero as 0", () => {
    const parser = TaggedParser.make(fromHex("0900"))
    assert.isTrue(parser.next())
    assert.isTrue(Object.is(parser.int, 0))
  })

  it("reads every kind of double", () => {
    for (const value of [0, -0, 1.5, -1e300, 5e-324, Infinity, -Infinity, NaN]) {
      const bytes = Buffer.alloc(9, 0x0e)
      bytes.writeDoubleLE(value, 1)
      const parser = TaggedParser.make(bytes)
      assert.isTrue(parser.next())
      assert.isTrue(Object.is(parser.double, value), String(value))
    }
  })

  describe("malformed input", () => {
    const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
      ["a first byte without its integer", "08", ["Truncated 0"]],
      ["an integer that is cut off", "0801 08ff", ["1 int 1 number", "Truncated 2"]],
      ["nine bytes of an integer", `08${"ff".repeat(9)}`, ["Truncated 0"]],
      ["an integer without an end", `0801 08${"80".repeat(10)}00`, ["1 int 1 number", "IntegerOverflow 2"]],
      ["an integer of 2^64", `08${compact(2n ** 64n)}`, ["IntegerOverflow 0"]],
      ["a negative integer of -(2^64)", `09${compact(2n ** 64n)}`, ["IntegerOverflow 0"]],
      ["a length that is missing", "12", ["Truncated 0"]],
      ["a length that is cut off", "1280", ["Truncated 0"]],
      ["a length beyond 2^64-1", `1b${"ff".repeat(9)}7f`, ["IntegerOverflow 0"]],
      ["a string one byte short", "0801 1203 6869", ["1 int 1 number", "LengthPastEnd 2"]],
      ["bytes with a length of 2^32", `1b${compact(2n ** 32n)}00`, ["LengthPastEnd 0"]],
      ["bytes with a length of 2^60", `1b${compact(2n ** 60n)}00`, ["LengthPastEnd 0"]],
      ["a string with a length of 2^64-1", `12${compact(2n ** 64n - 1n)}00`, ["LengthPastEnd 0"]],
      ["an extended tag that is missing", "f8", ["Truncated 0"]],
      ["an extended tag that is cut off", "fcff", ["Truncated 0"]],
      ["an extended tag of 2^32", `fc${compact(2n ** 32n)}`, ["TagOverflow 0"]],
      ["an extended tag of 2^64-1", `fc${compact(2n ** 64n - 1n)}`, ["TagOverflow 0"]],
      ["an extended tag without an end", `fc${"ff".repeat(11)}`, ["IntegerOverflow 0"]],
      ["type 7", "0f", ["UnknownType 0"]],
      ["type 7 with an extended tag", "0801 ff20", ["1 int 1 number", "UnknownType 2"]],
      ["a double without bytes", "0e", ["Truncated 0"]],
      ["a double one byte short", `0e${"00".repeat(7)}`, ["Truncated 0"]]
    ]
    for (const [name, body, expected] of cases) {
      it(name, () => {
        assert.deepStrictEqual(parse(body), expected)
        // The same where more bytes follow that are not the parser's: it must not read on.
        const bytes = fromHex(body)
        const longer = new Uint8Array(bytes.length + 40)
        longer.set(bytes, 3)
        const shifted = expected.map((line, i) =>
          i < expected.length - 1 ? line : line.replace(/\d+$/, (offset) => String(Number(offset) + 3))
        )
        assert.deepStrictEqual(run(TaggedParser.make(longer, { start: 3, end: 3 + bytes.length })), shifted)
      })
    }

    it("gives the announced and the available length", () => {
      const parser = TaggedParser.make(fromHex(`5b${compact(2n ** 60n)}0000`))
      parser.next()
      assert.deepInclude(parser.failure?.reason, {
        _tag: "LengthPastEnd",
        offset: 0,
        tag: 11,
        length: 2n ** 60n,
        available: 2
      })
      assert.strictEqual(
        parser.failure?.message,
        "Malformed tagged values: the value at byte 0 (tag 11) announces 1152921504606846976 bytes, but 2 are left"
      )
    })

    it("is final until the parser is reset", () => {
      const parser = TaggedParser.make(fromHex("0801 0f 0802"))
      assert.deepStrictEqual(run(parser), ["1 int 1 number", "UnknownType 2"])
      const failure = parser.failure
      assert.isFalse(parser.next())
      assert.strictEqual(parser.failure, failure)
      assert.strictEqual(parser.type, ValueType.None)
      assert.strictEqual(parser.tag, -1)
      parser.reset(fromHex("0803"))
      assert.isUndefined(parser.failure)
      assert.deepStrictEqual(run(parser), ["1 int 3 number", "end 2"])
    })
  })

  it("gives neutral values where an accessor does not fit", () => {
    const all = `0805 1202 6869 1b02 0102 24 2e${"00".repeat(6)}f03f`
    const parser = TaggedParser.make(fromHex(all))
    const seen: Array<ReadonlyArray<unknown>> = []
    const look = () => {
      seen.push([parser.int, parser.text(), toHex(parser.utf8()), toHex(parser.bytes()), parser.bool, parser.double])
    }
    look()
    while (parser.next()) look()
    look()
    assert.deepStrictEqual(seen, [
      [0, "", "", "", false, 0],
      [5, "", "", "", false, 0],
      [0, "hi", "6869", "", false, 0],
      [0, "", "", "0102", false, 0],
      [0, "", "", "", true, 0],
      [0, "", "", "", false, 1],
      [0, "", "", "", false, 0]
    ])
  })

  describe("text", () => {
    const textOf = (content: Uint8Array): string => {
      const parser = TaggedParser.make(fromHex(`0a${compact(BigInt(content.length))}${toHex(content)}00`))
      assert.isTrue(parser.next())
      return parser.text()
    }

    it("decodes every length around the changes of method", () => {
      for (const length of [0, 1, 2, 31, 32, 33, 127, 128, 5000]) {
        const ascii = "0123456789abcdef".repeat(400).slice(0, length)
        assert.strictEqual(textOf(Buffer.from(ascii)), ascii)
        assert.strictEqual(textOf(Buffer.from(`${ascii}é€😀`)), `${ascii}é€😀`)
        assert.strictEqual(textOf(Buffer.from(`é€😀${ascii}`)), `é€😀${ascii}`)
      }
    })

    it("keeps a byte order mark", () => {
      assert.strictEqual(textOf(fromHex("efbbbf 61")), "\ufeffa")
    })

    it("gives U+FFFD for invalid UTF-8", () => {
      assert.strictEqual(textOf(fromHex("61ff62")), "a\ufffdb")
      assert.strictEqual(textOf(fromHex("e282")), "\ufffd")
      assert.strictEqual(textOf(fromHex("eda080")), "\ufffd\ufffd\ufffd")
      assert.strictEqual(textOf(fromHex("c080")), "\ufffd\ufffd")
    })
  })

  describe("views", () => {
    const large = new Uint8Array(Slab.copyLimit + 1).fill(7)
    const body = fromHex(`0b03 010203 12 02 6869 1b${compact(BigInt(large.length))}${toHex(large)}`)
    const collect = (parser: TaggedParser.TaggedParser): Array<Uint8Array> => {
      const views: Array<Uint8Array> = []
      while (parser.next()) views.push(parser.type === ValueType.Text ? parser.utf8() : parser.bytes())
      return views
    }

    it("share the input where it has no owner", () => {
      const input = body.slice()
      const views = collect(TaggedParser.make(input))
      assert.deepStrictEqual(views.map(toHex), ["010203", "6869", toHex(large)])
      for (const view of views) assert.strictEqual(view.buffer, input.buffer)
    })

    it("may be kept where it has one: small ones are copies, large ones keep the slab", () => {
      const slab = Slab.make(new Uint8Array(1000))
      slab.bytes.set(body, 100)
      const parser = TaggedParser.make(slab.bytes, { start: 100, end: 100 + body.length, owner: slab })
      assert.isTrue(parser.next())
      const small = parser.bytes()
      assert.isTrue(parser.next())
      const utf8 = parser.utf8()
      assert.isFalse(slab.exposed)
      assert.isTrue(parser.next())
      const shared = parser.bytes()
      assert.isTrue(slab.exposed)
      assert.strictEqual(shared.buffer, slab.bytes.buffer)
      assert.strictEqual(toHex(shared), toHex(large))
      slab.bytes.fill(0)
      assert.deepStrictEqual([small, utf8].map(toHex), ["010203", "6869"])
    })

    it("are cut right where the input is a part of the slab", () => {
      const slab = Slab.make(new Uint8Array(1000).subarray(50))
      slab.bytes.set(body, 100)
      const parser = TaggedParser.make(slab.bytes.subarray(90), { start: 10, end: 10 + body.length, owner: slab })
      assert.deepStrictEqual(collect(parser).map(toHex), ["010203", "6869", toHex(large)])
    })
  })

  it("reads only from start to end, and takes them from reset too", () => {
    const bytes = fromHex("0f 0801 0802 0f")
    const parser = TaggedParser.make(bytes, { start: 1, end: 5 })
    assert.deepStrictEqual(run(parser), ["1 int 1 number", "1 int 2 number", "end 5"])
    parser.reset(bytes, 3, 5)
    assert.deepStrictEqual(run(parser), ["1 int 2 number", "end 5"])
    parser.reset(bytes, 3, 99)
    assert.deepStrictEqual(run(parser), ["1 int 2 number", "UnknownType 5"])
    parser.reset(bytes, 99)
    assert.deepStrictEqual(run(parser), ["end 6"])
  })

  it("allocates nothing for lengths that are announced but not sent", () => {
    const bodies = [2n ** 31n, 2n ** 40n, 2n ** 60n, 2n ** 64n - 1n].map((n) =>
      fromHex(`1b${compact(n)}${"00".repeat(50)}`)
    )
    const parser = TaggedParser.make(bodies[0])
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 1000; i++) {
      parser.reset(bodies[i & 3])
      assert.isFalse(parser.next())
      assert.strictEqual(parser.failure?.reason._tag, "LengthPastEnd")
    }
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 1_000_000)
  })
})
