/**
 * What a raw value means to a person, where that is known from its name.
 */
import * as Hex from "./hex.ts"
import type * as TaggedRows from "./taggedRows.ts"

const satoshis = 100_000_000n

/**
 * Satoshis as coins: `12.5`.
 *
 * @internal
 */
export const formatCoins = (amount: bigint): string => {
  const fraction = (amount % satoshis).toString().padStart(8, "0").replace(/0+$/, "")
  return `${amount / satoshis}${fraction === "" ? "" : `.${fraction}`}`
}

/**
 * Seconds since 1970 as a date, if there is one.
 *
 * @internal
 */
export const formatTime = (seconds: number): string => {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().replace(".000Z", "Z")
}

const times: ReadonlySet<string> = new Set(["time", "medianTime", "firstSeen"])

const amounts: ReadonlySet<string> = new Set(["amount", "fee"])

/** Of 32 bytes, and no hash. */
const secrets: ReadonlySet<string> = new Set(["privateKey"])

const ofBytes = (name: string, digits: string): string | undefined => {
  if (digits.length !== 64 || secrets.has(name)) return undefined
  const reversed = Hex.formatReversed(Hex.parse(digits)!)
  return name === "chainWork" ? String(BigInt(`0x${reversed}`)) : reversed
}

/**
 * A remark on a value, without an end of line in it.
 *
 * @internal
 */
export const of = (name: string | undefined, [, type, value]: TaggedRows.Row): string | undefined => {
  if (name === undefined || typeof value === "boolean") return undefined
  if (type === "bytes") return ofBytes(name, value)
  if (type !== "int") return undefined
  if (times.has(name)) return formatTime(Number(value))
  return amounts.has(name) && !value.startsWith("-") ? `${formatCoins(BigInt(value))} BCH` : undefined
}
