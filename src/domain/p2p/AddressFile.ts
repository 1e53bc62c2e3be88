/**
 * The file in which a book of addresses survives a restart.
 *
 * **Details**
 *
 * It is a `SealedFile` with the secret key of the table and the addresses. 20,000 addresses take 1 MB, less than a third
 * of what they would in JSON.
 *
 * What is in use is not written: nothing is, after a restart.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as AddressEntry from "./AddressEntry.ts"
import * as AddressSource from "./AddressSource.ts"
import * as AddressTable from "./AddressTable.ts"
import * as Binary from "./Binary.ts"
import * as BinaryBytes from "./BinaryBytes.ts"
import * as BinaryNumber from "./BinaryNumber.ts"
import * as PeerAddress from "./PeerAddress.ts"
import * as SealedFile from "./SealedFile.ts"

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

const file = SealedFile.make({
  mark: "FLWPEERS",
  version,
  what: "file of peer addresses",
  body: Binary.struct({
    key: BinaryBytes.bytes(AddressTable.keySize),
    entries: Binary.array(entryBinary, maxEntries)
  })
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
 * Writes the bytes of the file. An entry that cannot be written, of which a book has none, is a defect.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (self: Snapshot, options: SealedFile.Options): Uint8Array =>
  file.encode({ key: self.key, entries: self.entries.map(toStored) }, options)

/**
 * Reads the bytes of a file, or says what is wrong with them and where.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  bytes: Uint8Array,
  options: SealedFile.Options
): Result.Result<Snapshot, SealedFile.BadFile> =>
  Result.map(file.decode(bytes, options), ({ entries, key }) => ({
    key: key.slice(),
    entries: entries.map(fromStored)
  }))
