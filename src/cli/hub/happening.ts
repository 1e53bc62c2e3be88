/**
 * What the subscriptions of a Hub tell, as lines.
 */
import * as DateTime from "effect/DateTime"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import type * as HubEvent from "../../services/hub/HubEvent.ts"
import * as Hex from "../notation/hex.ts"
import * as Remarks from "../notation/remarks.ts"
import type * as Palette from "../terminal/palette.ts"

/** @internal */
export interface Happening {
  readonly what: string
  readonly details: string
  /** Whether it is bad news. */
  readonly isBad: boolean
  /** The same for programs. Amounts are in satoshis, times as ISO 8601. */
  readonly json: object
}

const timeOfDay = (millis: number): string =>
  DateTime.format(DateTime.makeUnsafe(millis), {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23"
  })

const toIso = (millis: number): string => DateTime.formatIso(DateTime.makeUnsafe(millis))

/**
 * A line for people.
 *
 * @internal
 */
export const format = ({ details, isBad, what }: Happening, now: number, palette: Palette.Palette): string =>
  `${palette.dim(timeOfDay(now))}  ${(isBad ? palette.bad : palette.good)(what)}  ${details}`

const good = (what: string, details: string, json: object): Happening => ({
  what,
  details,
  isBad: false,
  json: { event: what, ...json }
})

const bad = (what: string, details: string, json: object): Happening => ({ ...good(what, details, json), isBad: true })

const reasons: { readonly [reason in HubEvent.Gap["reason"]]: string } = {
  Disconnected: "there was no connection",
  TooSlow: "too much came at once"
}

const ofGap = ({ reason, since, until }: HubEvent.Gap): Happening =>
  bad("gap", `something may be missing from ${timeOfDay(since)} to ${timeOfDay(until)}: ${reasons[reason]}`, {
    reason,
    since: toIso(since),
    until: toIso(until)
  })

/** Where a transaction is. */
const placeOf = (height: number | undefined): string => height === undefined ? "in the mempool" : `in block ${height}`

const evidenceOf = ({ proof, transaction }: HubEvent.Evidence): object => ({
  ...(proof === undefined ? {} : { proof: Hex.format(proof) }),
  ...(transaction === undefined ? {} : { transaction: Hex.format(transaction) })
})

/** @internal */
export const ofBlocks = (event: HubEvent.BlockEvent): Happening => {
  switch (event._tag) {
    case "Block":
      return good("block", `${event.height}  ${event.hash}`, { height: event.height, hash: event.hash })
    case "BlocksRemoved":
      return bad("removed", event.blocks.map(({ hash, height }) => `${height}  ${hash}`).join(", "), {
        blocks: event.blocks
      })
    case "Gap":
      return ofGap(event)
  }
}

/** @internal */
export const ofAddresses =
  (names: ReadonlyMap<HubHash.ScriptHash, string>) => (event: HubEvent.AddressEvent): Happening => {
    if (event._tag === "Gap") return ofGap(event)
    const { amount, height, scriptHash, txId } = event
    const address = names.get(scriptHash) ?? scriptHash
    const match = { address, txId, amount: Number(amount), height: height ?? null }
    const text = `${address}  ${Remarks.formatCoins(amount)} BCH  ${txId}  ${placeOf(height)}`
    return event._tag === "Found"
      ? good("found", text, match)
      : bad("double spend", text, { ...match, ...evidenceOf(event) })
  }

/** @internal */
export const ofTransactions = (event: HubEvent.TransactionEvent): Happening => {
  switch (event._tag) {
    case "Found":
      return good("found", `${event.txId}  ${placeOf(event.height)}`, {
        txId: event.txId,
        height: event.height ?? null,
        offset: event.offset ?? null
      })
    case "DoubleSpend":
      return bad("double spend", event.txId, { txId: event.txId, ...evidenceOf(event) })
    case "Gap":
      return ofGap(event)
  }
}
