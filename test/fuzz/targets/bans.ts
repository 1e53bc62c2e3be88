/**
 * Files of bans, and entries of them as databases keep them.
 */
import * as Crc32 from "../../../src/domain/internal/crc32.ts"
import * as FileFormat from "../../../src/internal/bans/fileFormat.ts"
import * as Standing from "../../../src/internal/bans/standing.ts"
import type * as Table from "../../../src/internal/bans/table.ts"
import { Random } from "../../utils/native.ts"
import { equal, inProportion, isTrue } from "../harness/expect.ts"
import { digest } from "../harness/inputs.ts"
import type { Decoder, Made } from "../harness/target.ts"

const encoder = new TextEncoder()
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1")

interface Read {
  readonly rows: ReadonlyArray<Table.Row>
  readonly problem: FileFormat.Problem | undefined
}

const read = (input: Uint8Array, random: Random | undefined): Read => {
  const rows: Array<Table.Row> = []
  const file = new FileFormat.Decoder((row) => rows.push(row))
  for (let at = 0; at < input.length;) {
    const length = random === undefined ? input.length : 1 + random.below(Math.min(300, input.length - at))
    file.push(input.subarray(at, at + length))
    at += length
  }
  return { rows, problem: file.end() }
}

const encode = (rows: ReadonlyArray<Table.Row>): Uint8Array => {
  const file = new FileFormat.Encoder()
  return encoder.encode(file.begin() + file.rows(rows) + file.end())
}

const checkStanding = (text: string): void => {
  const standing = Standing.parse(text)
  if (standing === undefined) return
  const again = Standing.parse(Standing.format(standing))
  isTrue(Standing.equals(again, standing), "a standing, written and read again")
}

const run = (input: Uint8Array): string => {
  checkStanding(latin1(input))
  const atOnce = read(input, undefined)
  equal(read(input, new Random(digest(input))), atOnce, "a file in pieces")
  inProportion(atOnce.rows, input.length, 64)
  if (atOnce.problem === undefined) {
    equal(read(encode(atOnce.rows), undefined), atOnce, "a file, written and read again")
    return atOnce.rows.length === 0 ? "no entries" : "entries"
  }
  return atOnce.problem._tag === "Corrupt" ? `Corrupt: it ${atOnce.problem.what}` : atOnce.problem._tag
}

const reasonOf = (random: Random): string =>
  Array.from(
    { length: random.below(random.pick([4, 40, 500])) },
    () => random.pick(["a", " ", "é", "\u2028", "\"", "\\", "\ud83d", "\n", "end 1"])
  ).join("").slice(0, 500)

const randomRow = (random: Random): Table.Row => ({
  key: random.pick(["1.2.3.4/32", "2001:db8::/64", "unix:/tmp/x", "a".repeat(random.below(257))]),
  standing: {
    points: random.pick([0, 1, 0.5, 1000, Number.MAX_VALUE, random.next() / 3]),
    updatedAt: random.next() * random.pick([1, 1000, -1000]),
    bannedUntil: random.pick([0, 8_640_000_000_000_000, random.next() * 1000]),
    reason: reasonOf(random)
  }
})

const make = (random: Random): Made => {
  const rows = Array.from({ length: random.below(6) }, () => randomRow(random))
  const bytes = encode(rows)
  return { bytes, verify: () => equal(read(bytes, undefined), { rows, problem: undefined }, "the entries") }
}

/** Makes the first line right, the checksum of each other one, and the count at the end. */
const repair = (input: Uint8Array): Uint8Array => {
  const [, ...lines] = latin1(input).split("\n")
  let text = new FileFormat.Encoder().begin()
  let crc = Crc32.update(0, text)
  const add = (content: string) => {
    crc = Crc32.update(crc, `${content} `)
    const checksum = Crc32.format(crc)
    crc = Crc32.update(crc, `${checksum}\n`)
    text += `${content} ${checksum}\n`
  }
  const entries = lines.filter((line) => line !== "" && !line.startsWith("end "))
  for (const line of entries) add(line.slice(0, Math.max(0, line.lastIndexOf(" "))))
  add(`end ${entries.length}`)
  return Uint8Array.from(Buffer.from(text, "latin1"))
}

export const banFile: Decoder = {
  kind: "decoder",
  name: "ban-file",
  weight: 0.6,
  seeds: [encoder.encode(Standing.format({ points: 5, updatedAt: 1, bannedUntil: 2, reason: "no reason" }))],
  make,
  repair,
  run
}
