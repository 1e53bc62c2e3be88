/**
 * The file in which a wallet survives a restart: what it watches, how far it has looked, what it has found, and who has
 * served it.
 *
 * **Details**
 *
 * It is a `SealedFile`: no byte of it can change unseen.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Binary from "./Binary.ts"
import * as BinaryBytes from "./BinaryBytes.ts"
import * as BinaryNumber from "./BinaryNumber.ts"
import * as SealedFile from "./SealedFile.ts"
import * as WalletElement from "./WalletElement.ts"

/**
 * What a file keeps of a wallet. Hashes are in the order of the wire.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  readonly id: string
  /** A number that its filters are made with: always the same, so that nobody learns more from two of them. */
  readonly tweak: number
  /** The first block that is looked at; `undefined` when that is not known yet. */
  readonly first: number | undefined
  /** The last block of which all has been told. */
  readonly syncedTo: number
  /** What it watches for, and from which block on. */
  readonly watched: ReadonlyArray<{ readonly element: WalletElement.WalletElement; readonly from: number }>
  /** Outputs that pay to it, as inputs name them, and the block that spends them. */
  readonly coins: ReadonlyArray<{ readonly outpoint: Uint8Array; readonly spentAt: number | undefined }>
  /** Blocks that no second peer has looked at, and the peer that has. */
  readonly unchecked: ReadonlyArray<{ readonly from: number; readonly to: number; readonly by: string }>
  /** The last blocks that were looked at, the lowest first. */
  readonly trail: ReadonlyArray<{ readonly height: number; readonly hash: Uint8Array }>
  /** The transactions that were told of as matched. */
  readonly matches: ReadonlyArray<{
    readonly txid: Uint8Array
    readonly height: number
    readonly blockHash: Uint8Array
  }>
  /** The peers that have served it, those of longest ago first: see `Segment.keyOf`. */
  readonly served: ReadonlyArray<string>
}

/**
 * The version of the format.
 *
 * @category constants
 * @since 0.1.0
 */
export const version = 1

/**
 * The largest file, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSize = 100_000_000

const maxText = 100
const maxItems = 1_000_000
const maxElement = 10_000

/** A height or none, in a list of at most one: there is no number that could mean "none". */
const optional = Binary.array(BinaryNumber.uint32, 1)

const kinds = ["PublicKeyHash", "Script", "OutPoint", "Data"] as const

const bodyBinary = Binary.struct({
  id: BinaryBytes.varString(maxText),
  tweak: BinaryNumber.uint32,
  first: optional,
  syncedTo: BinaryNumber.int32,
  watched: Binary.array(
    Binary.struct({
      kind: BinaryNumber.atMost(BinaryNumber.uint8, kinds.length - 1),
      bytes: BinaryBytes.varBytes(maxElement),
      /** Of an output. */
      index: BinaryNumber.uint32,
      from: BinaryNumber.uint32
    }),
    maxItems
  ),
  coins: Binary.array(Binary.struct({ outpoint: BinaryBytes.bytes(36), spentAt: optional }), maxItems),
  unchecked: Binary.array(
    Binary.struct({ from: BinaryNumber.uint32, to: BinaryNumber.uint32, by: BinaryBytes.varString(maxText) }),
    maxItems
  ),
  trail: Binary.array(Binary.struct({ height: BinaryNumber.uint32, hash: BinaryBytes.hash }), maxItems),
  matches: Binary.array(
    Binary.struct({ txid: BinaryBytes.hash, height: BinaryNumber.uint32, blockHash: BinaryBytes.hash }),
    maxItems
  ),
  served: Binary.array(BinaryBytes.varString(maxText), maxItems)
})

const file = SealedFile.make({ mark: "FLWALLET", version, what: "file of a wallet", body: bodyBinary })

type Body = Binary.Type<typeof bodyBinary>

const asList = (value: number | undefined): ReadonlyArray<number> => value === undefined ? [] : [value]

const toStored = (
  { element, from }: Snapshot["watched"][number]
): Body["watched"][number] => {
  const kind = kinds.indexOf(element._tag)
  switch (element._tag) {
    case "PublicKeyHash":
      return { kind, bytes: element.hash, index: 0, from }
    case "Script":
      return { kind, bytes: element.script, index: 0, from }
    case "OutPoint":
      return { kind, bytes: element.txid, index: element.index, from }
    case "Data":
      return { kind, bytes: element.bytes, index: 0, from }
  }
}

const toElement = ({ bytes, index, kind }: Body["watched"][number]): WalletElement.WalletElement => {
  const copy = new Uint8Array(bytes)
  switch (kinds[kind]) {
    case "PublicKeyHash":
      return WalletElement.WalletElement.PublicKeyHash({ hash: copy })
    case "Script":
      return WalletElement.WalletElement.Script({ script: copy })
    case "OutPoint":
      return WalletElement.WalletElement.OutPoint({ txid: copy, index })
    default:
      return WalletElement.WalletElement.Data({ bytes: copy })
  }
}

const fromBody = (body: Body): Snapshot => ({
  ...body,
  first: body.first[0],
  watched: body.watched.map((stored) => ({ element: toElement(stored), from: stored.from })),
  coins: body.coins.map(({ outpoint, spentAt }) => ({ outpoint: new Uint8Array(outpoint), spentAt: spentAt[0] })),
  trail: body.trail.map(({ hash, height }) => ({ height, hash: new Uint8Array(hash) })),
  matches: body.matches.map(({ blockHash, height, txid }) => ({
    txid: new Uint8Array(txid),
    height,
    blockHash: new Uint8Array(blockHash)
  }))
})

const toBody = (self: Snapshot): Body => ({
  ...self,
  first: asList(self.first),
  watched: self.watched.map(toStored),
  coins: self.coins.map(({ outpoint, spentAt }) => ({ outpoint, spentAt: asList(spentAt) }))
})

/**
 * Writes the bytes of the file. A wallet that cannot be written is a defect.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (self: Snapshot, options: SealedFile.Options): Uint8Array => file.encode(toBody(self), options)

/** Whether what is read makes sense as a whole; where not, why. */
const findNonsense = ({ first, syncedTo, trail, unchecked, watched }: Snapshot): string | undefined => {
  if (first !== undefined && syncedTo < first - 1) return "it has looked at less than nothing"
  if (watched.some(({ element }) => Result.isFailure(WalletElement.target(element)))) {
    return "it watches for what cannot be watched"
  }
  if (!ascends(trail.map(({ height }) => ({ from: height, to: height })), syncedTo)) return "its blocks are in disorder"
  return ascends(unchecked, syncedTo) ? undefined : "its unchecked blocks are in disorder"
}

const ascends = (ranges: ReadonlyArray<{ readonly from: number; readonly to: number }>, limit: number): boolean =>
  ranges.every(({ from, to }, at) => from <= to && to <= limit && (at === 0 || ranges[at - 1].to < from))

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
  Result.flatMap(file.decode(bytes, options), (body) => {
    const snapshot = fromBody(body)
    const nonsense = findNonsense(snapshot)
    if (nonsense === undefined) return Result.succeed(snapshot)
    return Result.fail(new SealedFile.BadFile({ problem: "Damaged", offset: SealedFile.bodyOffset, detail: nonsense }))
  })
