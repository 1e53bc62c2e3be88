/**
 * The bodies of the recorded conversations with a Hub, and schemas for them. Hashes are shown as people write them, as
 * hex of the reversed bytes; addresses as CashAddr.
 */
import { decodeCashAddress, encodeCashAddress } from "@bitauth/libauth"
import { Effect, Schema, SchemaGetter, SchemaIssue, SchemaTransformation } from "effect"
import * as fs from "node:fs"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import * as Wire from "../../src/domain/Wire.ts"

const { Natural, Struct, Uint8Array: Bytes, optionalKey } = Schema
const { group, records, tag } = Wire

const sized = (length: number) =>
  Bytes.check(Schema.makeFilter((bytes) => bytes.length === length, { expected: `${length} bytes` }))

export const Hash = sized(32).pipe(
  Schema.decodeTo(
    Schema.String.check(Schema.isPattern(/^[0-9a-f]{64}$/, { expected: "64 hex digits" })),
    SchemaTransformation.transform({
      decode: (bytes) => Buffer.from(bytes).reverse().toString("hex"),
      encode: (text) => new Uint8Array(Buffer.from(text, "hex").reverse())
    })
  ),
  Schema.brand("Hash")
)

export const Address = sized(20).pipe(
  Schema.decodeTo(Schema.String, {
    decode: SchemaGetter.transform((payload) =>
      encodeCashAddress({ payload: Uint8Array.from(payload), prefix: "bchreg", type: "p2pkh" }).address
    ),
    encode: SchemaGetter.transformEffect((text) => {
      const decoded = decodeCashAddress(text)
      return typeof decoded === "string" || decoded.type !== "p2pkh"
        ? Effect.fail(new SchemaIssue.InvalidValue({ message: "not a P2PKH address" }))
        : Effect.succeed(decoded.payload)
    })
  })
)

const height = Natural.pipe(tag(7))
const offset = Natural.pipe(tag(8))
const amount = Schema.BigInt.pipe(tag(6))
const script = Bytes.pipe(tag(23))
const flag = (id: number) => optionalKey(Schema.Boolean).pipe(tag(id))
const hash = (id: number) => Hash.pipe(tag(id))
const maybeHash = (id: number) => optionalKey(Hash).pipe(tag(id))

const nothing = Struct({})

const whichBlock = { height: optionalKey(height), hash: maybeHash(5) }

const choices = {
  txId: flag(43),
  offsets: flag(44),
  full: flag(45),
  inputs: flag(46),
  amounts: flag(47),
  scripts: flag(48),
  outputs: flag(49),
  addresses: flag(50),
  outputScriptHashes: flag(51),
  fee: flag(53)
}

const inputs = group(Struct({
  prevTxId: maybeHash(20),
  prevIndex: optionalKey(Schema.Int).pipe(tag(21)),
  script: Bytes.pipe(tag(22))
}))

const outputs = group(
  Struct({
    index: Natural.pipe(tag(24)),
    amount: optionalKey(amount),
    script: optionalKey(script),
    address: optionalKey(Address).pipe(tag(2)),
    scriptHash: maybeHash(9)
  }),
  { startTag: 24 }
)

const transaction = {
  txId: maybeHash(4),
  inputs,
  outputs,
  bytes: optionalKey(Bytes).pipe(tag(1)),
  fee: optionalKey(Schema.BigInt).pipe(tag(53))
}

const headerStart = { hash: hash(5), confirmations: Schema.Int.pipe(tag(72)) }

const headerTimes = {
  time: Natural.pipe(tag(63)),
  medianTime: Natural.pipe(tag(65)),
  nonce: Natural.pipe(tag(74)),
  bits: Natural.pipe(tag(75)),
  difficulty: Wire.lenientDouble.pipe(tag(64))
}

const neighbours = { previous: maybeHash(76), next: maybeHash(77) }

const work = sized(32).pipe(tag(66))

const outPoint = Struct({
  txId: maybeHash(4),
  height: optionalKey(height),
  offset: optionalKey(offset),
  index: optionalKey(Natural).pipe(tag(21)),
  // A tag of other services that one recorded request has by mistake.
  outIndex: optionalKey(Natural).pipe(tag(24))
})

const unspent = {
  isUnspent: Schema.Boolean.pipe(tag(26)),
  height: optionalKey(height),
  offset: optionalKey(offset),
  index: optionalKey(Natural).pipe(tag(21))
}

const proof = { proof: optionalKey(Bytes).pipe(tag(22)), transaction: optionalKey(Bytes).pipe(tag(23)) }

const mined = { offset: optionalKey(offset), height: optionalKey(height) }

const matches = {
  scriptHashes: Schema.Array(Hash).pipe(tag(9)),
  matches: group(Struct({ amount, txId: hash(4), ...mined }), { startTag: 6 })
}

const subscribed = Struct({ count: Natural.pipe(tag(21)), error: optionalKey(Schema.String).pipe(tag(20)) })

/** The schemas of bodies, by service and message. Answers that have the id of a notification have their own name. */
export const schemas = {
  "0/0": nothing,
  "0/1": Struct({ version: Schema.String.pipe(tag(1)) }),
  "0/2": Struct({
    reason: Schema.String.pipe(tag(20)),
    serviceId: Natural.pipe(tag(21)),
    messageId: Natural.pipe(tag(22))
  }),
  "1/0": nothing,
  "1/1": Struct({
    chain: Schema.Literals(["main", "test", "testnet4", "scalenet", "regtest"]).pipe(tag(67)),
    blocks: Natural.pipe(tag(68)),
    headers: Natural.pipe(tag(69)),
    bestBlock: hash(70),
    difficulty: Wire.lenientDouble.pipe(tag(64)),
    medianTime: Natural.pipe(tag(65)),
    progress: Wire.lenientDouble.pipe(tag(71)),
    work
  }),
  "1/2": nothing,
  "1/3": Struct({ hash: hash(1) }),
  "1/4": Struct({ ...whichBlock, reuseFilter: flag(40), filter: maybeHash(41), ...choices }),
  "1/5": Struct({
    height,
    hash: hash(5),
    transactions: records(Struct({ offset: optionalKey(offset), ...transaction }), { separators: "after" })
  }),
  "1/6": Struct({ ...whichBlock, verbose: flag(60) }),
  "1/7": Struct({
    ...headerStart,
    size: Natural.pipe(tag(61)),
    height,
    version: Natural.pipe(tag(62)),
    merkleRoot: hash(73),
    txIds: records(hash(4)),
    ...headerTimes,
    work,
    ...neighbours
  }),
  "1/8": Struct(whichBlock),
  // An unknown block gives an empty body, so this is a list of one or none.
  "1/9": group(Struct({
    ...headerStart,
    height,
    version: Natural.pipe(tag(62)),
    merkleRoot: hash(73),
    ...headerTimes,
    ...neighbours
  })),
  "1/10": nothing,
  "1/11": Struct({ height }),
  "1/12": Struct({ height, offset, ...choices }),
  "1/13": Struct(transaction),
  "2/0": Struct({ txId: maybeHash(4), scriptHash: maybeHash(9) }),
  "2/1": Struct({ height: optionalKey(height), transaction: Bytes.pipe(tag(1)) }),
  "2/2": Struct({ transaction: Bytes.pipe(tag(1)), validateOnly: flag(30) }),
  "2/3": Struct({ checkedTxId: maybeHash(4), txId: maybeHash(1) }),
  "2/4": records(outPoint),
  "2/5": records(Struct(unspent)),
  "2/6": records(outPoint),
  "2/7": records(Struct({ ...unspent, amount: optionalKey(amount), script: optionalKey(script) })),
  "2/8": Struct({
    txIds: Schema.Array(Hash).pipe(tag(4)),
    scriptHashes: Schema.Array(Hash).pipe(tag(9)),
    ...choices
  }),
  "2/9": records(
    Struct({
      txId: maybeHash(4),
      matching: Schema.Array(Natural).pipe(tag(29)),
      firstSeen: Natural.pipe(tag(28)),
      transaction: optionalKey(Bytes).pipe(tag(25)),
      outputs: group(Struct({ index: Natural.pipe(tag(24)), amount })),
      proofId: maybeHash(27)
    }),
    { separators: "after" }
  ),
  "2/10": nothing,
  "2/11": Struct({
    size: Natural.pipe(tag(60)),
    bytes: Natural.pipe(tag(61)),
    usage: Natural.pipe(tag(62)),
    maximum: Natural.pipe(tag(63)),
    minimumFee: Wire.lenientDouble.pipe(tag(64))
  }),
  "3/0": nothing,
  "3/1": Struct({ address: Address.pipe(tag(2)), privateKey: sized(32).pipe(tag(3)) }),
  "3/77": nothing,
  "4/0": Struct({ amount: Natural.pipe(tag(6)), address: Address.pipe(tag(2)) }),
  "4/1": Schema.Array(Hash).pipe(tag(5)),
  "5/0": Struct({ block: Bytes.pipe(tag(1)) }),
  "17/0": Schema.Array(Bytes).pipe(tag(9)),
  "17/1": subscribed,
  "17/2": Schema.Array(Bytes).pipe(tag(9)),
  "17/3": Struct(matches),
  "17/3 answer": subscribed,
  "17/4": Struct({ ...matches, ...proof }),
  "18/0": nothing,
  "18/2": nothing,
  "18/4": Struct({ hash: hash(5), height }),
  "20/0": Schema.Array(Hash).pipe(tag(4)),
  "20/1": subscribed,
  "20/3": Struct({ txId: hash(4), ...mined }),
  "20/4": Struct({ txId: hash(4), ...proof }),
  "21/0": nothing,
  "21/4": Struct({ txId: hash(4), ...proof })
} as const

export interface Recorded {
  readonly key: keyof typeof schemas
  readonly label: string
  readonly body: Uint8Array
}

const readFrame = (label: string, hex: string): Recorded | undefined => {
  const frame = Uint8Array.from(Buffer.from(hex, "hex"))
  const parser = TaggedParser.make(frame, { start: 2 })
  const header = new Map<number, unknown>()
  while (parser.next() && parser.tag !== 0) header.set(parser.tag, parser.int)
  const key = `${header.get(1)}/${header.get(2)}`
  const isAnswer = key === "17/3" && header.has(11)
  return header.get(1) === 126
    ? undefined
    : { key: (isAnswer ? "17/3 answer" : key) as Recorded["key"], label, body: frame.slice(parser.offset) }
}

const frames: ReadonlyArray<{ readonly label?: string; readonly hex: string }> = [
  "hub-regtest.json",
  "hub-regtest-spend.json"
].flatMap((name) => JSON.parse(fs.readFileSync(new URL(`../traces/${name}`, import.meta.url), "utf8")).frames)

/** Every body of the recorded conversations; a reply has the label of the frame before it. */
export const recorded: ReadonlyArray<Recorded> = (() => {
  const bodies: Array<Recorded> = []
  let label = ""
  for (const frame of frames) {
    label = frame.label ?? `after ${label.replace(/^after /, "")}`
    const body = readFrame(label, frame.hex)
    if (body !== undefined) bodies.push(body)
  }
  return bodies
})()
