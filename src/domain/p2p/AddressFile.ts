/**
 * The file in which a book of addresses survives a restart.
 *
 * **Details**
 *
 * It begins with eight bytes of its own, the version of the format and the magic of the network, and ends with the hash
 * of all that is before it, so that no byte can change unseen. In between are the secret key of the table and the
 * addresses. It is one description of `Binary`: what is written and what is read cannot drift apart, every field has
 * its limits, and a fault has a place. 20,000 addresses take 1 MB, less than a third of what they would in JSON.
 *
 * What is in use is not written: nothing is, after a restart.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Network from "../Network.ts"
import * as AddressEntry from "./AddressEntry.ts"
import * as AddressSource from "./AddressSource.ts"
import * as AddressTable from "./AddressTable.ts"
import * as Binary from "./Binary.ts"
import * as BinaryBytes from "./BinaryBytes.ts"
import * as BinaryNumber from "./BinaryNumber.ts"
import type * as BlockHeader from "./BlockHeader.ts"
import * as HashHex from "./HashHex.ts"
import * as PeerAddress from "./PeerAddress.ts"

/**
 * What the file keeps.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  /** The secret key of the table, 32 bytes. */
  readonly key: Uint8Array
  readonly entries: ReadonlyArray<AddressEntry.AddressEntry>
}

/**
 * Bytes that are no file of addresses of this network.
 *
 * - `Foreign`: it is some other file.
 * - `OtherVersion`: it was written by another version of this library.
 * - `OtherNetwork`: its addresses are those of another network.
 * - `Damaged`: something in it has changed, or is missing.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadAddressFile extends Data.TaggedError("BadAddressFile")<{
  readonly problem: "Foreign" | "OtherVersion" | "OtherNetwork" | "Damaged"
  /** Which byte of the file it is about. */
  readonly offset: number
  readonly detail: string
}> {
  override get message(): string {
    return `${this.detail} (byte ${this.offset})`
  }
}

/**
 * The most addresses of a file.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxEntries = 1_000_000

/**
 * The version of the format.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = 1

const mark = new TextEncoder().encode("FLWPEERS")

const checksumSize = 32

/** A value or none, in a list of at most one: there is no number that could mean "none". */
const optional = <A>(of: Binary.Binary<A>): Binary.Binary<ReadonlyArray<A>> => Binary.array(of, 1)

const sources = ["User", "Seed", "Peer"] as const

/** The longest host name. */
const maxName = 255

const entryBinary = Binary.struct({
  ip: PeerAddress.binary.fields.ip,
  port: BinaryNumber.uint16,
  services: BinaryNumber.uint64,
  sourceKind: BinaryNumber.atMost(BinaryNumber.uint8, sources.length - 1),
  sourceName: BinaryBytes.varString(maxName),
  wasConnected: BinaryNumber.atMost(BinaryNumber.uint8, 1),
  seenAt: BinaryNumber.compactSize,
  lastGoodHeaders: optional(BinaryNumber.compactSize),
  points: BinaryNumber.atMost(BinaryNumber.uint16, AddressEntry.maxPoints),
  pointsAt: BinaryNumber.compactSize,
  segment: optional(BinaryNumber.uint32),
  askedAt: optional(BinaryNumber.compactSize)
})

type Stored = Binary.Type<typeof entryBinary>

const headBinary = Binary.struct({
  mark: BinaryBytes.bytes(mark.length),
  version: BinaryNumber.uint32,
  network: BinaryBytes.bytes(4)
})

const bodyBinary = Binary.struct({
  key: BinaryBytes.bytes(AddressTable.keySize),
  entries: Binary.array(entryBinary, maxEntries)
})

/**
 * The largest file, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSize = 350_000_000

const asList = (value: number | undefined): ReadonlyArray<number> => value === undefined ? [] : [value]

const sourceName = (source: AddressSource.AddressSource): string => {
  switch (source._tag) {
    case "User":
      return ""
    case "Seed":
      return source.name
    case "Peer":
      return source.group
  }
}

const toSource = (kind: number, name: string): AddressSource.AddressSource => {
  switch (sources[kind]) {
    case "Seed":
      return AddressSource.seed(name)
    case "Peer":
      return { _tag: "Peer", group: name }
    default:
      return AddressSource.user
  }
}

const toStored = (entry: AddressEntry.AddressEntry): Stored => ({
  ...PeerAddress.fromInetAddress(entry.address, entry.services),
  sourceKind: sources.indexOf(entry.source._tag),
  sourceName: sourceName(entry.source),
  wasConnected: entry.contact._tag === "Connected" ? 1 : 0,
  seenAt: entry.contact.at,
  lastGoodHeaders: asList(entry.lastGoodHeaders),
  points: entry.points,
  pointsAt: entry.pointsAt,
  segment: asList(entry.segment),
  askedAt: asList(entry.askedAt)
})

const fromStored = (stored: Stored): AddressEntry.AddressEntry => ({
  address: PeerAddress.toInetAddress(stored),
  services: stored.services,
  contact: { _tag: stored.wasConnected === 1 ? "Connected" : "Heard", at: stored.seenAt },
  lastGoodHeaders: stored.lastGoodHeaders[0],
  points: stored.points,
  pointsAt: stored.pointsAt,
  segment: stored.segment[0],
  use: "Free",
  askedAt: stored.askedAt[0],
  source: toSource(stored.sourceKind, stored.sourceName)
})

/**
 * How the bytes of a file come about.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly network: Network.Network
  readonly hash256: BlockHeader.Hash256
}

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/**
 * Writes the bytes of the file. An entry that cannot be written, of which a book has none, is a defect.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (self: Snapshot, { hash256, network }: Options): Uint8Array => {
  const content = concat([
    Binary.encodeUnsafe(headBinary, { mark, version, network: network.magic }),
    Binary.encodeUnsafe(bodyBinary, { key: self.key, entries: self.entries.map(toStored) })
  ])
  return concat([content, hash256(content)])
}

const bad = (problem: BadAddressFile["problem"], offset: number, detail: string) =>
  Result.fail(new BadAddressFile({ problem, offset, detail }))

const checkHead = (bytes: Uint8Array, network: Network.Network): Result.Result<void, BadAddressFile> => {
  const start = Math.min(bytes.length, mark.length)
  if (!HashHex.equals(bytes.subarray(0, start), mark.subarray(0, start))) {
    return bad("Foreign", 0, "it is no file of peer addresses")
  }
  const head = Binary.decode(headBinary, bytes, { trailing: "ignore" })
  if (Result.isFailure(head)) return bad("Damaged", bytes.length, "it ends too early")
  if (head.success.version !== version) {
    return bad("OtherVersion", headBinary.offsets.version, `it has version ${head.success.version}, not ${version}`)
  }
  if (HashHex.equals(head.success.network, network.magic)) return Result.void
  const other = Network.fromMagic(head.success.network)?.name ?? "an unknown network"
  return bad("OtherNetwork", headBinary.offsets.network, `its addresses are of ${other}, not of ${network.name}`)
}

/**
 * Reads the bytes of a file, or says what is wrong with them and where.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array, { hash256, network }: Options): Result.Result<Snapshot, BadAddressFile> => {
  const head = checkHead(bytes, network)
  if (Result.isFailure(head)) return Result.fail(head.failure)
  const end = bytes.length - checksumSize
  const start = headBinary.minSize
  if (end < start) return bad("Damaged", bytes.length, "it ends too early")
  // Before the checksum, since a field that makes no sense tells where the damage is.
  const body = Binary.decode(bodyBinary, bytes.subarray(start, end))
  if (Result.isFailure(body)) return bad("Damaged", start + body.failure.offset, body.failure.message)
  if (!HashHex.equals(hash256(bytes.subarray(0, end)), bytes.subarray(end))) {
    return bad("Damaged", end, "its checksum is not that of its content")
  }
  return Result.succeed({ key: body.success.key.slice(), entries: body.success.entries.map(fromStored) })
}
