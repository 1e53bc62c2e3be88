/**
 * What people write for blocks, transactions and addresses, and how these are shown to them.
 */
import { encodePrivateKeyWif } from "@bitauth/libauth"
import * as Argument from "effect/cli/Argument"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Script from "../../domain/chain/Script.ts"
import * as HubAddress from "../../domain/hub/HubAddress.ts"
import * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubQuantity from "../../domain/hub/HubQuantity.ts"
import type * as Network from "../../domain/Network.ts"
import type * as HubQuery from "../../services/hub/HubQuery.ts"
import * as Hex from "../notation/hex.ts"

const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

const isHeight = Schema.is(HubQuantity.BlockHeight)
const isOffset = Schema.is(HubQuantity.OffsetInBlock)

/**
 * A way to read an argument, and what it should have been.
 *
 * @internal
 */
export interface Reading<A> {
  readonly parse: (text: string) => Option.Option<A>
  readonly expected: string
}

const parseNumber = (text: string): number => /^\d{1,10}$/.test(text) ? Number(text) : -1

const heightOf = (text: string): Option.Option<HubQuantity.BlockHeight> =>
  Option.liftPredicate(parseNumber(text), isHeight)

const offsetOf = (text: string): Option.Option<HubQuantity.OffsetInBlock> =>
  Option.liftPredicate(parseNumber(text), isOffset)

const hashOf = (text: string): Option.Option<string> => Option.liftPredicate(text.toLowerCase(), isHash)

/** @internal */
export const block: Reading<HubQuery.Block> = {
  parse: (text) =>
    Option.orElse(
      Option.map(hashOf(text), (hash): HubQuery.Block => ({ hash: HubHash.BlockHash.make(hash) })),
      () => Option.map(heightOf(text), (height) => ({ height }))
    ),
  expected: "a height, or a hash of 64 hexadecimal digits"
}

/** @internal */
export const txId: Reading<HubHash.TxId> = {
  parse: (text) => Option.map(hashOf(text), (hash) => HubHash.TxId.make(hash)),
  expected: "the id of a transaction, 64 hexadecimal digits"
}

/** @internal */
export const transaction: Reading<HubQuery.Transaction> = {
  parse: (text) => {
    const [height = "", offset = ""] = text.split(":", 2)
    return Option.orElse(
      Option.map(txId.parse(text), (txId): HubQuery.Transaction => ({ txId })),
      () => Option.all({ height: heightOf(height), offset: offsetOf(offset) })
    )
  },
  expected: `${txId.expected}, or HEIGHT:OFFSET, its place in the chain`
}

/** @internal */
export const bytes: Reading<Uint8Array> = {
  parse: (text) => Option.filter(Option.fromUndefinedOr(Hex.parse(text)), ({ length }) => length > 0),
  expected: "bytes in hexadecimal digits"
}

/**
 * An argument that is read so.
 *
 * @internal
 */
export const argument = <A>(name: string, { expected, parse }: Reading<A>): Argument.Argument<A> =>
  Argument.String(name).pipe(Argument.filterMap(parse, () => expected))

/** @internal */
export const parseAddress = (
  text: string,
  network: Network.Network
): Effect.Effect<HubAddress.AddressHash, HubAddress.BadAddress> =>
  Effect.fromResult(HubAddress.fromCashAddress(text, network))

/**
 * Whom an output pays, as far as that is an address.
 *
 * @internal
 */
export const payeeOf = (script: Uint8Array, network: Network.Network): string | undefined => {
  const hash = Script.addressOf(script)
  return hash === undefined ? undefined : HubAddress.toCashAddress(HubAddress.fromBytesUnsafe(hash), network)
}

/**
 * A private key as wallets import it.
 *
 * @internal
 */
export const toWif = (privateKey: Uint8Array, network: Network.Network): string =>
  encodePrivateKeyWif(privateKey, network.name === "mainnet" ? "mainnet" : "testnet")
