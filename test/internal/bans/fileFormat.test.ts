import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Punishment from "../../../src/domain/Punishment.ts"
import * as FileFormat from "../../../src/internal/bans/fileFormat.ts"
import * as Standing from "../../../src/internal/bans/standing.ts"
import type * as Table from "../../../src/internal/bans/table.ts"

const row = (key: string, change: Partial<Punishment.Standing> = {}): Table.Row => ({
  key,
  standing: { ...Punishment.clean(0), points: 1, ...change }
})

const encode = (rows: ReadonlyArray<Table.Row>): string => {
  const encoder = new FileFormat.Encoder()
  return encoder.begin() + encoder.rows(rows) + encoder.end()
}

const decode = (text: string, piece = Infinity) => {
  const rows: Array<Table.Row> = []
  const bytes = Buffer.from(text, "latin1")
  const decoder = new FileFormat.Decoder((row) => rows.push(row))
  for (let at = 0; at < bytes.length; at += piece) decoder.push(bytes.subarray(at, at + piece))
  return { rows, problem: decoder.end() }
}

const some = [
  row("192.0.2.1/32", { bannedUntil: 86_400_000, reason: "noise" }),
  row("2001:db8::/64", { points: 12.5, updatedAt: 1_790_000_000_123 }),
  row("198.51.100.0/24", {
    bannedUntil: Punishment.forever,
    reason: "line\nbreak, \"quotes\", end 3, \u00fc\u20ac\ud83d"
  })
]

const AnyStanding = Schema.Struct({
  points: Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0)),
  updatedAt: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Punishment.forever })),
  bannedUntil: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Punishment.forever })),
  reason: Schema.String.check(Schema.isMaxLength(500))
})

describe("fileFormat", () => {
  it("is stable", () => {
    assert.strictEqual(
      encode([row("192.0.2.1/32", { points: 0, bannedUntil: 86_400_000, reason: "noise" })]),
      `flowee bans 1\n{"group":"192.0.2.1/32","points":0,"updatedAt":0,"bannedUntil":86400000,"reason":"noise"} d009bc17\nend 1 13ff0479\n`
    )
  })

  it("reads what it wrote, in pieces of any size", () => {
    for (const piece of [1, 7, 64, Infinity]) {
      assert.deepStrictEqual(decode(encode(some), piece), { rows: some, problem: undefined })
    }
    assert.deepStrictEqual(decode(encode([])), { rows: [], problem: undefined })
  })

  it.prop("reads any standing that it wrote", [Schema.Array(AnyStanding)], ([standings]) => {
    const rows = standings.map((standing, at) => ({
      key: `k${at}`,
      standing: Standing.bounded({ ...standing, points: standing.points + 0 })
    }))
    assert.deepStrictEqual(decode(encode(rows), 13), { rows, problem: undefined })
  })

  it("tells another file, a newer version, and an empty file", () => {
    assert.deepStrictEqual(decode("hello\n").problem, { _tag: "Foreign" })
    assert.deepStrictEqual(decode("hello").problem, { _tag: "Foreign" })
    assert.deepStrictEqual(decode("\n").problem, { _tag: "Foreign" })
    assert.deepStrictEqual(decode("flowee bans one\n").problem, { _tag: "Foreign" })
    assert.deepStrictEqual(decode("flowee bans 2\nwhatever\n").problem, { _tag: "Newer" })
    assert.deepStrictEqual(decode("").problem, { _tag: "Corrupt", line: 1, what: "is missing" })
  })

  it("finds a bit that changed anywhere, and says in which line", () => {
    const text = encode(some)
    const starts = [...text.matchAll(/^/gm)].map(({ index }) => index)
    for (let at = 0; at < text.length; at++) {
      for (const bit of [1, 0x20, 0x80]) {
        const changed = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ bit) + text.slice(at + 1)
        const { problem } = decode(changed)
        const line = starts.filter((start) => start <= at).length
        assert.isDefined(problem, `${at} ${bit}`)
        if (line === 1) assert.include(["Foreign", "Newer"], problem._tag)
        // A line break that changed makes one line of two.
        else assert.deepInclude(problem, { _tag: "Corrupt", line }, `${at} ${bit}`)
      }
    }
  })

  it("finds what is cut off, moved, missing, repeated or added", () => {
    const text = encode(some)
    for (let length = 0; length < text.length; length++) assert.isDefined(decode(text.slice(0, length)).problem)
    const [first, a, b, c, end] = text.split("\n") as [string, string, string, string, string]
    const problemOf = (...lines: ReadonlyArray<string>) => decode(`${lines.join("\n")}\n`).problem
    const wrong = { _tag: "Corrupt", what: "does not match its checksum" } as const
    assert.deepStrictEqual(problemOf(first, a, b, c, end), undefined)
    assert.deepInclude(problemOf(first, b, a, c, end), { ...wrong, line: 2 })
    assert.deepInclude(problemOf(first, a, c, end), { ...wrong, line: 3 })
    assert.deepInclude(problemOf(first, a, a, b, c, end), { ...wrong, line: 3 })
    assert.deepInclude(problemOf(first, a, b, c), { _tag: "Corrupt", line: 5, what: "is missing" })
    assert.deepInclude(problemOf(first, a, b, c, end, ""), { _tag: "Corrupt", line: 6, what: "comes after the end" })
  })

  it("holds no more than a line of what never ends", () => {
    const decoder = new FileFormat.Decoder(() => assert.fail("there is no row"))
    assert.deepStrictEqual(decoder.push(new Uint8Array(100_000)), { _tag: "Foreign" })
    const started = new FileFormat.Decoder(() => assert.fail("there is no row"))
    started.push(Buffer.from("flowee bans 1\n"))
    assert.deepStrictEqual(started.push(new Uint8Array(100_000).fill(0x61)), {
      _tag: "Corrupt",
      line: 2,
      what: "is too long"
    })
  })
})
