/**
 * What a schema costs: decoding and encoding a body of ten fields by a codec of `Wire`, and by hand. Then the same with
 * checks, and with two of the fields transformed.
 *
 * Run: `npm run bench:wire`. The two take turns, so that both see the same machine. It fails when a schema takes more
 * than three times what hands do.
 */
import { Result, Schema, SchemaTransformation } from "effect"
import process from "node:process"
import * as TaggedParser from "../src/domain/TaggedParser.ts"
import * as TaggedWriter from "../src/domain/TaggedWriter.ts"
import * as Wire from "../src/domain/Wire.ts"

const Header = Schema.Struct({
  hash: Schema.Uint8Array.pipe(Wire.tag(5)),
  confirmations: Schema.Int.pipe(Wire.tag(72)),
  height: Schema.Int.pipe(Wire.tag(7)),
  version: Schema.Int.pipe(Wire.tag(62)),
  merkleRoot: Schema.Uint8Array.pipe(Wire.tag(73)),
  time: Schema.Int.pipe(Wire.tag(63)),
  chain: Schema.String.pipe(Wire.tag(67)),
  isFinal: Schema.Boolean.pipe(Wire.tag(60)),
  difficulty: Schema.Finite.pipe(Wire.tag(64)),
  work: Schema.BigInt.pipe(Wire.tag(66))
})

const sample: typeof Header.Type = {
  hash: new Uint8Array(32).fill(7),
  confirmations: 3,
  height: 812_345,
  version: 536_870_912,
  merkleRoot: new Uint8Array(32).fill(9),
  time: 1_795_328_093,
  chain: "regtest",
  isFinal: true,
  difficulty: 4.6565423739069247e-10,
  work: 0x1_0000_0000_0000n
}

const { ValueType } = TaggedParser

/** As one writes it by hand, with the checks that one does not leave out. */
const decodeByHand = (bytes: Uint8Array): typeof Header.Type | undefined => {
  const parser = TaggedParser.make(bytes)
  let hash: Uint8Array | undefined
  let confirmations: number | undefined
  let height: number | undefined
  let version: number | undefined
  let merkleRoot: Uint8Array | undefined
  let time: number | undefined
  let chain: string | undefined
  let isFinal: boolean | undefined
  let difficulty: number | undefined
  let work: bigint | undefined
  const int = () => parser.type === ValueType.Int && typeof parser.int === "number" ? parser.int : undefined
  while (parser.next()) {
    switch (parser.tag) {
      case 5:
        if (parser.type === ValueType.Bytes) hash = parser.bytes()
        break
      case 72:
        confirmations = int()
        break
      case 7:
        height = int()
        break
      case 62:
        version = int()
        break
      case 73:
        if (parser.type === ValueType.Bytes) merkleRoot = parser.bytes()
        break
      case 63:
        time = int()
        break
      case 67:
        if (parser.type === ValueType.Text) chain = parser.text()
        break
      case 60:
        if (parser.type === ValueType.Bool) isFinal = parser.bool
        break
      case 64:
        if (parser.type === ValueType.Double) difficulty = parser.double
        break
      case 66:
        if (parser.type === ValueType.Int) work = BigInt(parser.int)
        break
    }
  }
  if (
    parser.failure !== undefined || hash === undefined || confirmations === undefined || height === undefined ||
    version === undefined || merkleRoot === undefined || time === undefined || chain === undefined ||
    isFinal === undefined || difficulty === undefined || work === undefined
  ) return undefined
  return { hash, confirmations, height, version, merkleRoot, time, chain, isFinal, difficulty, work }
}

const writer = TaggedWriter.make()

const encodeByHand = (value: typeof Header.Type): Uint8Array =>
  writer.clear()
    .bytes(5, value.hash)
    .int(72, value.confirmations)
    .int(7, value.height)
    .int(62, value.version)
    .bytes(73, value.merkleRoot)
    .int(63, value.time)
    .string(67, value.chain)
    .bool(60, value.isFinal)
    .double(64, value.difficulty)
    .int(66, value.work)
    .finishUnsafe()

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).reverse().toString("hex")

const fromHex = (text: string): Uint8Array => Buffer.from(text, "hex").reverse()

const Hash = Schema.Uint8Array.pipe(
  Schema.decodeTo(Schema.String, SchemaTransformation.transform({ decode: toHex, encode: fromHex }))
)

const Shown = Schema.Struct({
  ...Header.fields,
  hash: Hash.pipe(Wire.tag(5)),
  height: Schema.Natural.pipe(Wire.tag(7)),
  merkleRoot: Hash.pipe(Wire.tag(73)),
  time: Schema.Natural.pipe(Wire.tag(63))
})

const shown: typeof Shown.Type = { ...sample, hash: toHex(sample.hash), merkleRoot: toHex(sample.merkleRoot) }

const decodeShownByHand = (bytes: Uint8Array): typeof Shown.Type | undefined => {
  const value = decodeByHand(bytes)
  if (value === undefined || value.height < 0 || value.time < 0) return undefined
  return { ...value, hash: toHex(value.hash), merkleRoot: toHex(value.merkleRoot) }
}

const encodeShownByHand = (value: typeof Shown.Type): Uint8Array =>
  encodeByHand({ ...value, hash: fromHex(value.hash), merkleRoot: fromHex(value.merkleRoot) })

const header = Wire.codec(Header)
const showing = Wire.codec(Shown)
const bytes = Result.getOrThrow(header.encode(sample))

// What is computed is added up and shown, so that nothing of it can be left out.
let sum = 0

const contestants = {
  "decode ten fields": {
    schema: () => Result.getOrThrow(header.decode(bytes)).height,
    byHand: () => decodeByHand(bytes)!.height
  },
  "encode ten fields": {
    schema: () => Result.getOrThrow(header.encode(sample)).length,
    byHand: () => encodeByHand(sample).length
  },
  "decode ten fields, two checked and two transformed": {
    schema: () => Result.getOrThrow(showing.decode(bytes)).height,
    byHand: () => decodeShownByHand(bytes)!.height
  },
  "encode ten fields, two checked and two transformed": {
    schema: () => Result.getOrThrow(showing.encode(shown)).length,
    byHand: () => encodeShownByHand(shown).length
  }
}

const rounds = 21
const perRound = 100_000

const time = (run: () => number): number => {
  const start = performance.now()
  for (let i = 0; i < perRound; i++) sum += run()
  return (performance.now() - start) * 1e6 / perRound
}

/** So many times what it takes by hand a schema may take. */
const goal = 3

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1]

for (const [what, { byHand, schema }] of Object.entries(contestants)) {
  const times = { schema: new Array<number>(), byHand: new Array<number>() }
  for (let round = 0; round < rounds; round++) {
    times.schema.push(time(schema))
    times.byHand.push(time(byHand))
  }
  const [ours, theirs] = [median(times.schema), median(times.byHand)]
  console.log(
    `${what} (${bytes.length} bytes): by schema ${ours.toFixed(0)} ns, by hand ${theirs.toFixed(0)} ns, ` +
      `ratio ${(ours / theirs).toFixed(2)} (at most ${goal})`
  )
  if (ours > goal * theirs) process.exitCode = 1
}
console.log(`checksum ${sum}`)
