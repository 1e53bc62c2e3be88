import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import type * as TaggedError from "../../src/domain/TaggedError.ts"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import * as TaggedWriter from "../../src/domain/TaggedWriter.ts"
import { fromHex, toHex } from "../utils/native.ts"
import { type Field, vectors } from "../utils/tagged.ts"

type Write = (writer: TaggedWriter.TaggedWriter) => TaggedWriter.TaggedWriter

const written = (write: Write, options?: TaggedWriter.Options): string =>
  toHex(write(TaggedWriter.make(options)).finishUnsafe())

const reasonOf = (write: Write, options?: TaggedWriter.Options): TaggedError.EncodeReason | undefined => {
  const result = write(TaggedWriter.make(options)).finish()
  return Result.isFailure(result) ? result.failure.reason : undefined
}

const writeField = (writer: TaggedWriter.TaggedWriter, field: Field): TaggedWriter.TaggedWriter => {
  switch (field.type) {
    case "int": {
      const value = BigInt(field.value)
      return writer.int(field.tag, Number.isSafeInteger(Number(value)) ? Number(value) : value)
    }
    case "string":
      return writer.string(field.tag, Buffer.from(field.utf8Hex, "hex").toString("utf8"))
    case "bytes":
      return writer.bytes(field.tag, fromHex(field.hex))
    case "bool":
      return writer.bool(field.tag, field.value === true)
    case "double":
      return writer.double(field.tag, Buffer.from(field.bits, "hex").readDoubleBE())
  }
}

describe("TaggedWriter", () => {
  it("writes what the reference implementation writes, new and used again", () => {
    const reused = TaggedWriter.make()
    const kept: Array<Uint8Array> = []
    for (const { fields, hex: body } of vectors) {
      const fresh = TaggedWriter.make({ capacity: 0 })
      reused.clear()
      for (const field of fields) {
        writeField(fresh, field)
        writeField(reused, field)
      }
      assert.strictEqual(toHex(fresh.finishUnsafe()), body)
      kept.push(reused.finishUnsafe())
    }
    // Looked at last: writing later bodies must not have changed earlier ones.
    assert.deepStrictEqual(kept.map(toHex), vectors.map((vector) => vector.hex))
  })

  it("takes integers as bigints too", () => {
    assert.strictEqual(
      written((w) => w.int(1, 5n).int(1, -5n).int(1, 0n)),
      written((w) => w.int(1, 5).int(1, -5).int(1, 0))
    )
    assert.strictEqual(written((w) => w.int(1, 2n ** 64n - 1n)), "0880fefefefefefefefe7f")
  })

  it("writes zero and -0 as the positive integer", () => {
    assert.strictEqual(written((w) => w.int(1, 0).int(1, -0).int(1, 0n)), "080008000800")
  })

  it("ends a record with tag 0, true", () => {
    assert.strictEqual(written((w) => w.bool(2, false).separator()), "1504")
  })

  it("counts what it wrote", () => {
    const writer = TaggedWriter.make()
    assert.strictEqual(writer.length, 0)
    assert.strictEqual(writer.int(1, 5).string(2, "hi").length, 6)
    assert.strictEqual(writer.clear().length, 0)
  })

  it("writes doubles bit for bit", () => {
    for (const value of [0, -0, 1.5, -1e300, 5e-324, Infinity, -Infinity]) {
      const bytes = Buffer.alloc(9, 0x0e)
      bytes.writeDoubleLE(value, 1)
      assert.strictEqual(written((w) => w.double(1, value)), toHex(bytes))
    }
  })

  describe("strings", () => {
    const check = (value: string, options?: TaggedWriter.Options): void => {
      const content = new TextEncoder().encode(value)
      const expected = TaggedWriter.make().bytes(1, content).finishUnsafe()
      expected[0] = 0x0a
      assert.strictEqual(written((w) => w.string(1, value), options), toHex(expected))
    }

    it("of every length around the changes of method", () => {
      for (const length of [0, 1, 39, 40, 41, 126, 127, 128, 129, 4096, 16511, 16512, 100_000]) {
        const ascii = "0123456789abcdef".repeat(length / 16 + 1).slice(0, length)
        check(ascii)
        check(`${ascii}é`)
        check(`€${ascii}`)
        check(`${ascii}😀`)
      }
    })

    it("that take more bytes than characters, so that the length takes more bytes as well", () => {
      for (const length of [20, 40, 42, 43, 63, 64, 127, 5503, 5504, 8255, 8256, 16511, 50_000]) {
        for (const char of ["é", "€", "😀"]) {
          check(char.repeat(length))
          check(char.repeat(length), { capacity: 200_000 })
        }
      }
    })

    it("with lone surrogates, which become U+FFFD", () => {
      for (
        const lone of ["\ud800", "\udc00", "a\ud800", "\ud800b", "\udc00\ud800", "\ud83d\ud83d\ude00", "\ude00\ud83d"]
      ) {
        check(lone)
        check(`${"x".repeat(70)}${lone}`)
        check(lone.repeat(100))
        check(`${"€".repeat(70)}${lone}`)
      }
    })

    const units = Arbitrary.array(
      Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 0xffff }))),
      {
        maxLength: 200
      }
    )

    it.prop("of any UTF-16, well-formed or not", [units, units], ([a, b]) => {
      check(String.fromCharCode(...a))
      check(`${"x".repeat(b.length)}${String.fromCharCode(...a)}`)
      check(String.fromCharCode(...b.map((unit) => unit & 0x7f)))
    }, { arbitrary: { runs: 300, size: 200 } })
  })

  describe("errors", () => {
    it("of tags", () => {
      for (const tag of [-1, 2 ** 32, 1.5, NaN, Infinity]) {
        for (
          const write of [
            (w) => w.int(tag, 1),
            (w) => w.string(tag, "a"),
            (w) => w.bytes(tag, new Uint8Array(1)),
            (w) => w.bool(tag, true),
            (w) => w.double(tag, 1)
          ] satisfies Array<Write>
        ) {
          assert.deepInclude(reasonOf(write), { _tag: "TagOutOfRange", tag })
        }
      }
      assert.strictEqual(written((w) => w.bool(2 ** 32 - 1, true)), "fc8efefefe7f")
    })

    it("of integers", () => {
      for (const value of [0.5, -1.5, 2 ** 30 + 0.5, NaN, Infinity, -Infinity]) {
        assert.deepInclude(reasonOf((w) => w.int(3, value)), { _tag: "NotAnInteger", tag: 3, value })
      }
      for (const value of [2 ** 53, -(2 ** 53), 1e300]) {
        assert.deepInclude(reasonOf((w) => w.int(3, value)), { _tag: "UnsafeInteger", tag: 3, value })
      }
      for (const value of [2n ** 64n, -(2n ** 64n), 2n ** 1000n]) {
        assert.deepInclude(reasonOf((w) => w.int(3, value)), { _tag: "IntegerOutOfRange", tag: 3, value })
      }
      assert.isUndefined(reasonOf((w) => w.int(3, 2 ** 53 - 1).int(3, -(2 ** 53 - 1))))
      assert.isUndefined(reasonOf((w) => w.int(3, 2n ** 64n - 1n).int(3, -(2n ** 64n - 1n))))
    })

    it("are the first that happened, and end the writing", () => {
      const writer = TaggedWriter.make().bool(1, true).int(2, 1.5).int(-1, 1).string(3, "x".repeat(1000)).double(4, 1)
      assert.strictEqual(writer.length, 1)
      const result = writer.finish()
      assert.isTrue(Result.isFailure(result))
      assert.throws(
        () => writer.finishUnsafe(),
        "Cannot write tagged values: the value 1.5 of tag 2 is not an integer: round it, or write it as a double"
      )
      assert.strictEqual(toHex(writer.clear().int(1, 5).finishUnsafe()), "0805")
    })
  })

  describe("limit", () => {
    const writes: ReadonlyArray<readonly [string, Write]> = [
      ["an integer", (w) => w.int(100, 300)],
      ["a large integer", (w) => w.int(1, -(2n ** 64n - 1n))],
      ["a boolean", (w) => w.bool(2 ** 32 - 1, true)],
      ["a double", (w) => w.double(1, 1)],
      ["bytes", (w) => w.bytes(1, new Uint8Array(200))],
      ["no bytes", (w) => w.bytes(1, new Uint8Array(0))],
      ["a short string", (w) => w.string(1, "hello")],
      ["a long string", (w) => w.string(1, "hello".repeat(100))],
      ["a string beyond ASCII", (w) => w.string(1, "é".repeat(100))],
      ["a string whose length grows by a byte", (w) => w.string(1, "€".repeat(6000))]
    ]
    for (const [name, write] of writes) {
      it(`can be filled to the last byte by ${name}`, () => {
        const exact = written((w) => write(w.bool(1, true)))
        const limit = exact.length / 2
        assert.strictEqual(written((w) => write(w.bool(1, true)), { limit }), exact)
        assert.deepInclude(reasonOf((w) => write(w.bool(1, true)), { limit: limit - 1 }), {
          _tag: "OverLimit",
          offset: 1,
          limit: limit - 1
        })
      })
    }

    it("keeps memory bounded", () => {
      const before = process.memoryUsage().arrayBuffers
      const large = new Uint8Array(50_000_000)
      const writer = TaggedWriter.make({ limit: 1000 })
      assert.strictEqual(reasonOf((w) => w.bytes(1, large), { limit: 1000 })?._tag, "OverLimit")
      for (let i = 0; i < 10_000; i++) writer.string(1, "x".repeat(900))
      assert.isTrue(Result.isFailure(writer.finish()))
      assert.isBelow(process.memoryUsage().arrayBuffers - before, large.length + 1_000_000)
    })
  })

  it("leaves finished bytes alone, whatever their size and whatever comes next", () => {
    const writer = TaggedWriter.make({ capacity: 100 })
    const results: Array<{ readonly bytes: Uint8Array; readonly copy: string }> = []
    for (
      const size of [
        0,
        10,
        60,
        61,
        62,
        63,
        100,
        1000,
        5000,
        9000,
        30,
        20_000,
        100,
        3000,
        3000,
        3000,
        1_000_000,
        10,
        100
      ]
    ) {
      writer.clear()
      for (const part of [size, size >> 1, 1]) {
        writer.bytes(size & 0xff, new Uint8Array(part).fill(results.length + 1))
        const bytes = writer.finishUnsafe()
        assert.strictEqual(bytes.length, writer.length)
        results.push({ bytes, copy: toHex(bytes) })
      }
    }
    for (const { bytes, copy } of results) assert.isTrue(toHex(bytes) === copy)
  })

  it("does not pin much more memory than a result has", () => {
    const writer = TaggedWriter.make()
    writer.bytes(1, new Uint8Array(10_000_000)).finishUnsafe()
    for (let i = 0; i < 300; i++) {
      const size = i * 37
      const bytes = writer.clear().bytes(1, new Uint8Array(size)).finishUnsafe()
      assert.isAtMost(bytes.buffer.byteLength, Math.max(8192, bytes.length * 2 + 16))
    }
  })

  it("finishes as often as wanted", () => {
    const writer = TaggedWriter.make().int(1, 1)
    assert.strictEqual(toHex(writer.finishUnsafe()), "0801")
    assert.strictEqual(toHex(writer.int(1, 2).finishUnsafe()), "08010802")
    assert.strictEqual(toHex(writer.finishUnsafe()), "08010802")
  })

  it("writes bodies that a parser reads", () => {
    const parser = TaggedParser.make(TaggedWriter.make().int(1, -7).string(40, "€").separator().finishUnsafe())
    assert.isTrue(parser.next())
    assert.deepStrictEqual([parser.tag, parser.int], [1, -7])
    assert.isTrue(parser.next())
    assert.deepStrictEqual([parser.tag, parser.text()], [40, "€"])
    assert.isTrue(parser.next())
    assert.deepStrictEqual([parser.tag, parser.bool], [0, true])
    assert.isFalse(parser.next())
  })
})
