/**
 * Addresses of the Hub API: the 20 bytes that pay-to-public-key-hash addresses stand for, and the text (CashAddr) in
 * which people write them.
 *
 * **Details**
 *
 * What travels does not say which network it is for. The text does, so making it needs the network.
 *
 * **Example** (From a person and back)
 *
 * ```ts
 * import { HubAddress, Network } from "effect-flowee"
 * import { Result } from "effect"
 *
 * const hash = HubAddress.fromCashAddress("bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd", Network.regtest)
 * const text = Result.map(hash, (hash) => HubAddress.toCashAddress(hash, Network.regtest))
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import { decodeCashAddress, encodeCashAddress, sha256 } from "@bitauth/libauth"
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import type * as Network from "../Network.ts"
import * as HubHash from "./HubHash.ts"

const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")

const toBytesOf = (text: string): Uint8Array =>
  Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16))

const AddressText = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{40}$/, { expected: "an address hash of 40 lower-case hexadecimal digits" })
)

/**
 * The hash of a public key (RIPEMD-160 of SHA-256), in hexadecimal digits: what a P2PKH address stands for.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AddressHash = AddressText.pipe(Schema.brand("AddressHash"))

/**
 * The hash of a public key, in hexadecimal digits.
 *
 * @category models
 * @since 0.1.0
 */
export type AddressHash = typeof AddressHash.Type

const AddressBytes = Schema.Uint8Array.check(
  Schema.makeFilter((bytes) => bytes.length === 20, { expected: "an address of 20 bytes" })
)

/**
 * {@link AddressHash} in a message: 20 bytes.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AddressHashFromBytes = AddressBytes.pipe(
  Schema.decodeTo(AddressText, SchemaTransformation.transform({ decode: toHex, encode: toBytesOf })),
  Schema.brand("AddressHash")
)

/**
 * A text that is no address that can be used here.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadAddress extends Data.TaggedError("BadAddress")<{
  readonly input: string
  readonly problem: string
}> {
  override get message(): string {
    return `"${this.input}" is no address: ${this.problem}`
  }
}

/** CashAddr has longer payloads as well. */
const payloadSize = 20

type Prefix = "bitcoincash" | "bchtest" | "bchreg"

/** The prefix of CashAddr on each network. */
const prefixes: { readonly [name in Network.Name]: Prefix } = {
  mainnet: "bitcoincash",
  testnet3: "bchtest",
  testnet4: "bchtest",
  scalenet: "bchtest",
  regtest: "bchreg"
}

/**
 * Writes an address as text of a network.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toCashAddress = (hash: AddressHash, network: Network.Network): string =>
  encodeCashAddress({ payload: toBytesOf(hash), prefix: prefixes[network.name], type: "p2pkh" }).address

/**
 * Reads the text of a P2PKH address, with its prefix or without.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromCashAddress = (
  text: string,
  network: Network.Network
): Result.Result<AddressHash, BadAddress> => {
  const fail = (problem: string) => Result.fail(new BadAddress({ input: text, problem }))
  const prefix = prefixes[network.name]
  const lower = text === text.toUpperCase() ? text.toLowerCase() : text
  const decoded = decodeCashAddress(lower.includes(":") ? lower : `${prefix}:${lower}`)
  if (typeof decoded === "string") return fail(decoded)
  if (decoded.prefix !== prefix) {
    return fail(`its prefix is "${decoded.prefix}", but on ${network.name} it is "${prefix}"`)
  }
  if (decoded.type !== "p2pkh") return fail(`it is of type ${decoded.type}, and only p2pkh is understood`)
  const { length } = decoded.payload
  if (length !== payloadSize) return fail(`it has ${length} bytes, and only ${payloadSize} are understood`)
  return Result.succeed(AddressHash.make(toHex(decoded.payload)))
}

/**
 * An address in a message of one's own service: 20 bytes there, and text (CashAddr) of a network here.
 *
 * **Example** (A service that pays)
 *
 * ```ts
 * import { HubAddress, Network, Wire } from "effect-flowee"
 * import { Schema } from "effect"
 *
 * const Payment = Schema.Struct({
 *   to: HubAddress.cashAddressFromBytes(Network.regtest).pipe(Wire.tag(2)),
 *   amount: Schema.BigInt.pipe(Wire.tag(6))
 * })
 * ```
 *
 * @category schemas
 * @since 0.1.0
 */
export const cashAddressFromBytes = (network: Network.Network) => {
  const findProblem = (text: string): string | undefined =>
    Result.match(fromCashAddress(text, network), { onSuccess: () => undefined, onFailure: ({ message }) => message })
  return AddressBytes.pipe(
    Schema.decodeTo(
      Schema.String.check(Schema.makeFilter(findProblem)),
      SchemaTransformation.transform({
        decode: (bytes) => toCashAddress(fromBytesUnsafe(bytes), network),
        encode: (text) => toBytesOf(Result.getOrThrow(fromCashAddress(text, network)))
      })
    )
  )
}

/**
 * The 20 bytes of an address, as they are within output scripts.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toBytes = (hash: AddressHash): Uint8Array => toBytesOf(hash)

/**
 * The address of 20 bytes. Any other number of bytes is a defect.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromBytesUnsafe = (bytes: Uint8Array): AddressHash => AddressHash.make(toHex(bytes))

/**
 * The output script that pays to an address: what a wallet puts into a transaction.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toScript = (hash: AddressHash): Uint8Array =>
  Uint8Array.of(0x76, 0xa9, 0x14, ...toBytesOf(hash), 0x88, 0xac)

/**
 * The hash of the output script that pays to an address: what the Hub API finds and watches addresses by.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toScriptHash = (hash: AddressHash): HubHash.ScriptHash =>
  HubHash.ScriptHash.make(HubHash.fromBytes(sha256.hash(toScript(hash))))
