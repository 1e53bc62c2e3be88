import { assert, describe, it } from "@effect/vitest"
import * as TaggedJson from "../../../src/cli/notation/taggedJson.ts"
import { Random, seed } from "../../utils/native.ts"
import { cases } from "../../utils/taggedVectors.ts"

const problemOf = (line: string): string => (JSON.parse(line) as { readonly error: string }).error

describe("bodies of tagged values as JSON", () => {
  it("writes and reads all recorded bodies", () => {
    for (const { hex, rows } of cases) {
      assert.deepStrictEqual(JSON.parse(TaggedJson.decodeLine(hex)), rows)
      assert.strictEqual(TaggedJson.encodeLine(JSON.stringify(rows)), hex)
    }
  })

  it("keeps the bits of values that JavaScript has no form for", () => {
    // A string that is no UTF-8, with a short tag and a long one; a NaN with a payload; the largest integers.
    const body = "0a01ff" + "fa2102fffe" + "2e010000000000f07f" + "0880fefefefefefefefe7f" + "0980fefefefefefefefe7f"
    const rows = [
      [1, "string", "ff"],
      [33, "string", "fffe"],
      [5, "double", "7ff0000000000001"],
      [1, "int", "18446744073709551615"],
      [1, "int", "-18446744073709551615"]
    ]
    assert.deepStrictEqual(JSON.parse(TaggedJson.decodeLine(body)), rows)
    assert.strictEqual(TaggedJson.encodeLine(JSON.stringify(rows)), body)
  })

  it("takes digits of either case, and an empty line for a body without values", () => {
    assert.strictEqual(TaggedJson.decodeLine("0A01FF"), "[[1,\"string\",\"ff\"]]")
    assert.strictEqual(TaggedJson.decodeLine(""), "[]")
    assert.strictEqual(TaggedJson.encodeLine("[]"), "")
  })

  it.each([
    ["zz", "hexadecimal"],
    ["0", "hexadecimal"],
    ["08", "cut off"],
    ["0f", "type 7"],
    ["0aff7f00", "announces"],
    ["0880fefefefefefefefe8000", "beyond 2^64-1"]
  ])("says what is wrong with the body %s", (line, says) => {
    assert.include(problemOf(TaggedJson.decodeLine(line)), says)
  })

  it.each([
    ["", "not JSON"],
    ["{}", "not a list"],
    ["[1]", "value 1: it is not [tag, type, value]"],
    ["[[1,\"int\",\"5\"],[2,\"int\"]]", "value 2: it is not [tag, type, value]"],
    ["[[\"1\",\"int\",\"5\"]]", "value 1: its tag is no number"],
    ["[[1,\"float\",\"5\"]]", "value 1: its type is none of"],
    ["[[1,\"int\",\"five\"]]", "value 1: an int"],
    ["[[1,\"int\",\"18446744073709551616\"]]", "beyond 2^64-1"],
    ["[[1,\"int\",\"999999999999999999999\"]]", "64 bits"],
    ["[[4294967296,\"int\",\"1\"]]", "tag 4294967296"],
    ["[[-1,\"int\",\"1\"]]", "tag -1"],
    ["[[1,\"bool\",\"true\"]]", "value 1: a bool"],
    ["[[1,\"bytes\",\"abc\"]]", "value 1: bytes"],
    ["[[1,\"string\",\"xy\"]]", "value 1: a string"],
    ["[[1,\"double\",\"00\"]]", "value 1: a double"]
  ])("says what is wrong with the values %s", (line, says) => {
    assert.include(problemOf(TaggedJson.encodeLine(line)), says)
  })

  it(`never fails at random bytes (seed ${seed})`, () => {
    const random = new Random(seed)
    for (let i = 0; i < 20_000; i++) {
      const hex = Buffer.from(random.bytes(random.below(40))).toString("hex")
      const line = TaggedJson.decodeLine(hex)
      const value = JSON.parse(line) as unknown
      assert.strictEqual(line, JSON.stringify(value))
      // What was read is written again as it was, but for integers that have more than one form.
      if (Array.isArray(value)) assert.strictEqual(TaggedJson.decodeLine(TaggedJson.encodeLine(line)), line)
      else assert.isString(problemOf(line))
    }
  })
})
