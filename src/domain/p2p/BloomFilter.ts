/**
 * A set that may take strangers for members, and never overlooks a member: what a wallet gives to a node so that it is
 * told of its own transactions without saying exactly which they are (BIP 37).
 *
 * **Details**
 *
 * A filter has at most 36,000 bytes and 50 hash functions. Function `i` is MurmurHash3 with seed
 * `i * 0xFBA4C795 + tweak`. A filter is what the message `filterload` says, and what a node reads from it:
 * `P2PMessage.make("filterload", filter)`. Source: peer-to-peer component, "Downloads and wallets".
 *
 * **Gotchas**
 *
 * A filter changes when something is inserted; a node that was sent it before does not hear of that.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Murmur3 from "./Murmur3.ts"

/**
 * The largest filter in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSize = 36_000

/**
 * The most hash functions.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxFunctions = 50

/**
 * What a node inserts into its copy of the filter when an output matches.
 *
 * @category constants
 * @since 0.1.0
 */
export const Update = {
  /** Nothing. */
  none: 0,
  /** The outpoint, so that what spends the output matches too. */
  all: 1,
  /** The outpoint, when the output pays to a public key or to several: their spending names no hash of it. */
  publicKeyOnly: 2
} as const

/**
 * A filter.
 *
 * @category models
 * @since 0.1.0
 */
export interface BloomFilter {
  /** Changes with each insertion. */
  readonly bytes: Uint8Array
  /** How many hash functions there are. */
  readonly functions: number
  /** A number of 32 bits that makes filters of the same elements look different. */
  readonly tweak: number
  /** One of the numbers of {@link Update}. */
  readonly flags: number
}

/**
 * What a filter is made for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How many elements it is to hold, from 1. */
  readonly elements: number
  /** The share of strangers that match once it holds them, above 0 and below 1. Default: 0.0001. */
  readonly falsePositiveRate?: number | undefined
  /** Default: 0. Take a random one for each connection. */
  readonly tweak?: number | undefined
  /** Default: `Update.all`. */
  readonly flags?: number | undefined
}

const ln2 = Math.LN2

/** What is no number counts as the lowest rate. */
const toRate = (rate: number): number => rate > 1e-12 ? Math.min(rate, 0.999) : 1e-12

const clamp = (value: number, minimum: number, maximum: number): number => Math.min(Math.max(value, minimum), maximum)

/**
 * Makes an empty filter.
 *
 * **Details**
 *
 * The limits win: a filter for more elements than 36,000 bytes are good for lets more strangers through. Values outside
 * of their range count as the nearest within it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): BloomFilter => {
  const elements = options.elements > 1 ? Math.floor(options.elements) : 1
  const rate = toRate(options.falsePositiveRate ?? 0.0001)
  const bits = Math.floor((-1 / (ln2 * ln2)) * elements * Math.log(rate))
  const size = clamp(Math.floor(bits / 8), 1, maxSize)
  // The bits for each element are rounded down first, as nodes do it, so that filters come out alike.
  const functions = clamp(Math.floor(Math.floor((size * 8) / elements) * ln2), 1, maxFunctions)
  return {
    bytes: new Uint8Array(size),
    functions,
    tweak: (options.tweak ?? 0) >>> 0,
    flags: options.flags ?? Update.all
  }
}

const seedStep = 0xfba4_c795

const bitOf = (self: BloomFilter, index: number, element: Uint8Array): number =>
  Murmur3.hash(element, (Math.imul(index, seedStep) + self.tweak) | 0) % (self.bytes.length * 8)

/**
 * Inserts an element: a public key, its hash, a script's data, a transaction's id.
 *
 * @category mutations
 * @since 0.1.0
 */
export const insert = (self: BloomFilter, element: Uint8Array): void => {
  if (self.bytes.length === 0) return
  for (let i = 0; i < self.functions; i++) {
    const bit = bitOf(self, i, element)
    self.bytes[bit >> 3] |= 1 << (bit & 7)
  }
}

/**
 * Tells whether an element may be in the set. A filter without bytes matches everything.
 *
 * @category guards
 * @since 0.1.0
 */
export const contains = (self: BloomFilter, element: Uint8Array): boolean => {
  if (self.bytes.length === 0) return true
  for (let i = 0; i < self.functions; i++) {
    const bit = bitOf(self, i, element)
    if ((self.bytes[bit >> 3] & (1 << (bit & 7))) === 0) return false
  }
  return true
}

const outpointBytes = (txid: Uint8Array, index: number): Uint8Array => {
  const bytes = new Uint8Array(36)
  bytes.set(txid)
  for (let i = 0; i < 4; i++) bytes[32 + i] = index >>> (8 * i)
  return bytes
}

/**
 * Inserts an output of a transaction, so that what spends it matches.
 *
 * @category mutations
 * @since 0.1.0
 */
export const insertOutpoint = (self: BloomFilter, txid: Uint8Array, index: number): void =>
  insert(self, outpointBytes(txid, index))

/**
 * Tells whether an output of a transaction may be in the set.
 *
 * @category guards
 * @since 0.1.0
 */
export const containsOutpoint = (self: BloomFilter, txid: Uint8Array, index: number): boolean =>
  contains(self, outpointBytes(txid, index))
