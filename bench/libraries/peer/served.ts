/**
 * The chain of a peer that serves headers, made ready before anybody asks: packets of 2000 headers from every height at
 * which implementations ask.
 */
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import { hash256 } from "../../../src/layers/NodeHash256.ts"
import * as RegtestHeaders from "../flowee/regtestHeaders.ts"
import * as Legacy from "./legacy.ts"

const { genesisHash } = ChainParams.regtest

const { maxHeaders } = P2PMessage

/** A header in a message, with the count of transactions after it. */
const stride = 81

/** What a node announces at once when it is asked for blocks. */
const maxBlocks = 500

export interface Served {
  readonly tip: Uint8Array
  /** The packet with the headers that follow the first known hash of a locator. */
  readonly headersAfter: (locator: ReadonlyArray<Uint8Array>) => Uint8Array
  /** The hashes of the blocks that follow it. */
  readonly hashesAfter: (locator: ReadonlyArray<Uint8Array>) => ReadonlyArray<Uint8Array>
  /** The packet with a block that has one transaction, and nothing for the filter. */
  readonly merkleBlock: (hash: Uint8Array) => Uint8Array
}

const keyOf = (hash: Uint8Array): string => Buffer.from(hash.buffer, hash.byteOffset, 32).toString("latin1")

const emptyHeaders = Legacy.packet("headers", Uint8Array.of(0))

/** A number of headers in the form that all of them are in: a byte, or three. */
const compactSize = (count: number): Uint8Array =>
  count < 253 ? Uint8Array.of(count) : Uint8Array.of(253, count & 0xff, count >> 8)

export const make = (count: number): Served => {
  const packed = RegtestHeaders.make(count)
  const strided = new Uint8Array(count * stride)
  const hashes: Array<Uint8Array> = [genesisHash]
  for (let i = 0; i < count; i++) {
    const header = packed.subarray(i * 80, (i + 1) * 80)
    strided.set(header, i * stride)
    hashes.push(hash256(header))
  }
  const heights = new Map(hashes.map((hash, height) => [keyOf(hash), height]))
  const packets = new Map<number, Uint8Array>()

  const heightOf = (locator: ReadonlyArray<Uint8Array>): number => {
    for (const hash of locator) {
      const height = heights.get(keyOf(hash))
      if (height !== undefined) return height
    }
    return 0
  }

  const makePacket = (height: number): Uint8Array => {
    const amount = Math.min(maxHeaders, count - height)
    if (amount === 0) return emptyHeaders
    const body = Buffer.concat([compactSize(amount), strided.subarray(height * stride, (height + amount) * stride)])
    return Legacy.packet("headers", body)
  }

  const packetAfter = (height: number): Uint8Array => {
    const known = packets.get(height)
    if (known !== undefined) return known
    const made = makePacket(height)
    packets.set(height, made)
    return made
  }

  // Some ask for what follows the last header that they have, some from one before it on.
  for (const step of [maxHeaders, maxHeaders - 1]) for (let at = 0; at < count; at += step) packetAfter(at)

  return {
    tip: hashes[count]!,
    headersAfter: (locator) => packetAfter(heightOf(locator)),
    hashesAfter: (locator) => {
      const height = heightOf(locator)
      return hashes.slice(height + 1, height + 1 + maxBlocks)
    },
    merkleBlock: (hash) => {
      const start = (heights.get(keyOf(hash))! - 1) * 80
      const header = packed.subarray(start, start + 80)
      const root = header.subarray(36, 68)
      return Legacy.packet(
        "merkleblock",
        Buffer.concat([header, Uint8Array.of(1, 0, 0, 0, 1), root, Uint8Array.of(1, 0)])
      )
    }
  }
}
