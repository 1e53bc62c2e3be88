import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import { fromHex, toHex } from "../utils/native.ts"
import { run } from "../utils/tagged.ts"

/** The wire format once more, slowly and in bigints, to compare with. */
const reference = (bytes: Uint8Array): Array<string> => {
  const lines: Array<string> = []
  let start = 0
  let at = 0
  const compact = (): bigint | string => {
    let r = 0n
    for (let i = 0; i < 10; i++) {
      if (at >= bytes.length) return `Truncated ${start}`
      const b = bytes[at++]
      r = (r << 7n) | BigInt(b & 0x7f)
      if (b < 0x80) return r < 1n << 64n ? r : `IntegerOverflow ${start}`
      r++
    }
    return `IntegerOverflow ${start}`
  }
  while (at < bytes.length) {
    start = at
    const first = bytes[at++]
    const type = first & 7
    let tag = BigInt(first >> 3)
    if (tag === 31n) {
      const extended = compact()
      if (typeof extended === "string") return [...lines, extended]
      if (extended >= 1n << 32n) return [...lines, `TagOverflow ${start}`]
      tag = extended
    }
    if (type === 7) return [...lines, `UnknownType ${start}`]
    if (type === 4 || type === 5) {
      lines.push(`${tag} bool ${type === 4}`)
    } else if (type === 6) {
      if (at + 8 > bytes.length) return [...lines, `Truncated ${start}`]
      lines.push(`${tag} double ${Buffer.from(bytes.subarray(at, at + 8)).readDoubleLE()}`)
      at += 8
    } else {
      const n = compact()
      if (typeof n === "string") return [...lines, n]
      if (type < 2) {
        lines.push(`${tag} int ${type === 0 ? n : -n} ${n < 1n << 53n ? "number" : "bigint"}`)
      } else {
        if (n > BigInt(bytes.length - at)) return [...lines, `LengthPastEnd ${start}`]
        const content = Buffer.from(bytes.subarray(at, at + Number(n)))
        lines.push(
          type === 2 ? `${tag} text ${toHex(content)} ${content.toString("utf8")}` : `${tag} bytes ${toHex(content)}`
        )
        at += content.length
      }
    }
  }
  return [...lines, `end ${at}`]
}

const samples: ReadonlyArray<Uint8Array> = JSON.parse(
  fs.readFileSync(new URL("../vectors/tagged.json", import.meta.url), "utf8")
).cases.map((vector: { readonly hex: string }) => fromHex(vector.hex)).filter((bytes: Uint8Array) =>
  bytes.length <= 200
)

/** Small, fast and repeatable (mulberry32): numbers from 0 up to 1. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

function randomBytes(below: (n: number) => number): Uint8Array {
  // Bytes with the high bit set are what compact integers and extended tags are made of.
  const heavy = below(3) === 0
  return Uint8Array.from({ length: below(64) }, () => (heavy && below(2) === 0 ? 0x80 | below(128) : below(256)))
}

function mutated(sample: Uint8Array, below: (n: number) => number): Uint8Array {
  const bytes = Array.from(sample)
  for (let n = below(4); n >= 0; n--) {
    const at = below(bytes.length + 1)
    const kind = below(4)
    if (kind === 0) bytes[Math.min(at, bytes.length - 1)] = below(256)
    else if (kind === 1) bytes.splice(at, 0, below(256))
    else if (kind === 2) bytes.splice(at, 1 + below(4))
    else bytes.splice(at, bytes.length)
  }
  return Uint8Array.from(bytes)
}

describe("TaggedParser", () => {
  it("finds exactly what the definition finds in 100,000 random and mutated bodies", () => {
    const seed = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 32))
    const random = generator(seed)
    const below = (n: number): number => Math.floor(random() * n)
    const parser = TaggedParser.make(new Uint8Array(0))
    for (let i = 0; i < 100_000; i++) {
      const bytes = i % 2 === 0 ? randomBytes(below) : mutated(samples[below(samples.length)], below)
      parser.reset(bytes)
      let outcome: Array<string>
      try {
        outcome = run(parser)
      } catch (error) {
        throw new Error(`seed ${seed}, body ${i}, ${toHex(bytes)}`, { cause: error })
      }
      assert.strictEqual(outcome.join("\n"), reference(bytes).join("\n"), `seed ${seed}, body ${i}, ${toHex(bytes)}`)
    }
  })
})
