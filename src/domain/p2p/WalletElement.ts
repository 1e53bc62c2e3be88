/**
 * What a wallet watches for: its addresses, scripts, outputs, and data of any kind.
 *
 * **Details**
 *
 * A node gets elements in a bloom filter, which it holds against every push of a script, every output that is spent and
 * every id of a transaction (BIP 37). What it finds is looked at here again, exactly:
 *
 * - `PublicKeyHash`: outputs that pay to the hash (P2PKH), and what spends them.
 * - `Script`: outputs with this very script, and what spends them.
 * - `OutPoint`: what spends that output.
 * - `Data`: a public key, a token's category, a transaction's id: whatever pushes it, holds it or has that id.
 *
 * @stability unstable
 * @since 0.1.0
 */
import { decodeCashAddress } from "@bitauth/libauth"
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import type * as Network from "../Network.ts"
import * as ScriptPushes from "./ScriptPushes.ts"
import * as TransactionOutline from "./TransactionOutline.ts"

/**
 * Something that a wallet watches for. Byte arrays must not change.
 *
 * @category models
 * @since 0.1.0
 */
export type WalletElement = Data.TaggedEnum<{
  PublicKeyHash: {
    /** 20 bytes: RIPEMD-160 of SHA-256 of the key. */
    readonly hash: Uint8Array
  }
  Script: { readonly script: Uint8Array }
  OutPoint: {
    /** In the order of the wire. */
    readonly txid: Uint8Array
    readonly index: number
  }
  Data: {
    /** 1 to 520 bytes. */
    readonly bytes: Uint8Array
  }
}>

/**
 * Constructors and matchers of elements.
 *
 * @category constructors
 * @since 0.1.0
 */
export const WalletElement = Data.taggedEnum<WalletElement>()

/**
 * An element that cannot be watched for.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadElement extends Data.TaggedError("BadElement")<{
  readonly element: string
  readonly problem: string
}> {
  override get message(): string {
    return `${this.element} cannot be watched: ${this.problem}`
  }
}

/**
 * What a node has to look for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  /** What goes into the filter. */
  readonly filtered: Uint8Array
  /** What has to be equal: the script of an output, the name of an output, or what is pushed. */
  readonly exact: { readonly of: "script" | "outpoint" | "data"; readonly bytes: Uint8Array }
}

/** The largest element that scripts push, and the largest that a filter takes. */
const maxData = 520

/** Consensus rule of Bitcoin Cash. */
const maxScript = 10_000

const longest = (pushes: ReadonlyArray<Uint8Array>): Uint8Array | undefined => {
  let found: Uint8Array | undefined
  for (const push of pushes) if (push.length > (found?.length ?? 0) && push.length <= maxData) found = push
  return found
}

const payTo = (hash: Uint8Array): Uint8Array => Uint8Array.of(0x76, 0xa9, 0x14, ...hash, 0x88, 0xac)

const refuse = (element: string, problem: string) => Result.fail(new BadElement({ element, problem }))

const ofData = (bytes: Uint8Array) =>
  bytes.length > 0 && bytes.length <= maxData
    ? Result.succeed<Target>({ filtered: bytes, exact: { of: "data", bytes } })
    : refuse(`data of ${bytes.length} bytes`, `1 to ${maxData} bytes are needed`)

const ofHash = (hash: Uint8Array) =>
  hash.length === 20
    ? Result.succeed<Target>({ filtered: hash, exact: { of: "script", bytes: payTo(hash) } })
    : refuse(`a hash of ${hash.length} bytes`, "the hash of a public key has 20 bytes")

const ofScript = (script: Uint8Array) => {
  if (script.length > maxScript) {
    return refuse(`a script of ${script.length} bytes`, `no script of over ${maxScript} bytes can be spent`)
  }
  const filtered = longest(ScriptPushes.of(script))
  return filtered === undefined
    ? refuse(`a script of ${script.length} bytes`, `it pushes nothing of 1 to ${maxData} bytes, so no filter finds it`)
    : Result.succeed<Target>({ filtered, exact: { of: "script", bytes: script } })
}

const ofOutPoint = (txid: Uint8Array, index: number) => {
  if (txid.length !== 32) {
    return refuse(`an output of a transaction with an id of ${txid.length} bytes`, "32 are needed")
  }
  if (!Number.isInteger(index) || index < 0 || index > 0xffff_ffff) return refuse(`output ${index}`, "there is none")
  const bytes = TransactionOutline.outpoint(txid, index)
  return Result.succeed<Target>({ filtered: bytes, exact: { of: "outpoint", bytes } })
}

/**
 * What a node has to look for, or why the element cannot be watched.
 *
 * @category getters
 * @since 0.1.0
 */
export const target = (self: WalletElement): Result.Result<Target, BadElement> => {
  switch (self._tag) {
    case "PublicKeyHash":
      return ofHash(self.hash)
    case "Script":
      return ofScript(self.script)
    case "OutPoint":
      return ofOutPoint(self.txid, self.index)
    case "Data":
      return ofData(self.bytes)
  }
}

/** The prefix of CashAddr on each network. */
const prefixes: { readonly [name in Network.Name]: string } = {
  mainnet: "bitcoincash",
  testnet3: "bchtest",
  testnet4: "bchtest",
  scalenet: "bchtest",
  regtest: "bchreg"
}

/** P2SH with a hash of 20 bytes, and of 32 (CHIP-2022-05). */
const payToScript = (hash: Uint8Array): Uint8Array =>
  hash.length === 20 ? Uint8Array.of(0xa9, 0x14, ...hash, 0x87) : Uint8Array.of(0xaa, 0x20, ...hash, 0x87)

/**
 * Reads an address as people write it (CashAddr), with its prefix or without: of a public key or of a script, for
 * tokens or not.
 *
 * **Example** (An address to watch)
 *
 * ```ts
 * import { Network, WalletElement } from "effect-flowee"
 *
 * const element = WalletElement.fromAddress("bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd", Network.regtest)
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromAddress = (text: string, network: Network.Network): Result.Result<WalletElement, BadElement> => {
  const element = `address "${text}"`
  const prefix = prefixes[network.name]
  const lower = text === text.toUpperCase() ? text.toLowerCase() : text
  const decoded = decodeCashAddress(lower.includes(":") ? lower : `${prefix}:${lower}`)
  if (typeof decoded === "string") return refuse(element, decoded)
  if (decoded.prefix !== prefix) {
    return refuse(element, `its prefix is "${decoded.prefix}", but on ${network.name} it is "${prefix}"`)
  }
  const { payload, type } = decoded
  if (type === "p2pkh" || type === "p2pkhWithTokens") {
    return payload.length === 20
      ? Result.succeed(WalletElement.PublicKeyHash({ hash: payload }))
      : refuse(element, `it has a hash of ${payload.length} bytes`)
  }
  return payload.length === 20 || payload.length === 32
    ? Result.succeed(WalletElement.Script({ script: payToScript(payload) }))
    : refuse(element, `it has a hash of ${payload.length} bytes`)
}
