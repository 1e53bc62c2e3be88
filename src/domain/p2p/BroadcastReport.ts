/**
 * How far a transaction that was announced has come, with each peer and in all.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * How far a transaction has come with one peer. `since` is in milliseconds of the `Clock`.
 *
 * - `Announced`: the peer was told that there is one. A peer that has it already asks no further.
 * - `Sent`: the peer has asked for it and was sent it.
 * - `Rejected`: the peer does not want it, and says why (BIP 61). Clean the reason before it reaches a terminal.
 * - `Seen`: the peer announces it itself: it has taken it, from here or from others.
 * - `Lost`: the peer ended before it was clear what it thinks of it.
 *
 * @category models
 * @since 0.1.0
 */
export type PeerProgress = Data.TaggedEnum<{
  Announced: { readonly since: number }
  Sent: { readonly since: number }
  Rejected: { readonly since: number; readonly code: number; readonly reason: string }
  Seen: { readonly since: number }
  Lost: { readonly since: number }
}>

/**
 * Constructors and matchers of the progress with a peer.
 *
 * @category constructors
 * @since 0.1.0
 */
export const PeerProgress = Data.taggedEnum<PeerProgress>()

/**
 * How far a transaction has come with a peer.
 *
 * @category models
 * @since 0.1.0
 */
export interface PeerReport {
  /** The id of the peer. */
  readonly peer: number
  readonly endPoint: string
  readonly progress: PeerProgress
}

/**
 * How far a transaction has come.
 *
 * @category models
 * @since 0.1.0
 */
export interface BroadcastReport {
  readonly txid: Uint8Array
  /** When it was broadcast, in milliseconds of the `Clock`. */
  readonly since: number
  /** The peers that it was announced to or seen from, also those that have left since. */
  readonly peers: ReadonlyArray<PeerReport>
}

/**
 * When a transaction counts as taken.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  /** By how many peers. */
  readonly minimum: number
  /** How long a peer that was sent it has for a rejection, in milliseconds. */
  readonly settleTime: number
}

/**
 * How it goes on with a peer after something has happened; the same progress when that changes nothing. `undefined`
 * stands for a peer that knows nothing of the transaction.
 *
 * @category combinators
 * @since 0.1.0
 */
export const advance = (
  before: PeerProgress | undefined,
  next: PeerProgress,
  settleTime: number
): PeerProgress | undefined => canFollow(before, next, settleTime) ? next : before

const canFollow = (before: PeerProgress | undefined, next: PeerProgress, settleTime: number): boolean => {
  const from = before?._tag
  switch (next._tag) {
    case "Announced":
      return from === undefined
    case "Sent":
      return from === "Announced"
    case "Rejected":
      return from === "Announced" || from === "Sent"
    case "Seen":
      return from !== "Seen" && from !== "Lost"
    case "Lost":
      return from === "Announced" || (from === "Sent" && next.since - before!.since < settleTime)
  }
}

/**
 * What has become of a transaction: `Taken` by enough peers, `Rejected` by more than half of those that it was announced
 * to, or `undefined` as long as neither is so.
 *
 * @category getters
 * @since 0.1.0
 */
export const verdict = (
  { peers }: BroadcastReport,
  { minimum, settleTime }: Rule,
  now: number
): "Taken" | "Rejected" | undefined => {
  const count = (is: (progress: PeerProgress) => boolean) => peers.filter(({ progress }) => is(progress)).length
  const taken = count(({ _tag, since }) => _tag === "Seen" || (_tag === "Sent" && now - since >= settleTime))
  if (taken >= minimum) return "Taken"
  const rejected = count(({ _tag }) => _tag === "Rejected")
  const reached = count(({ _tag }) => _tag !== "Lost")
  return rejected > 0 && rejected * 2 > reached ? "Rejected" : undefined
}

/**
 * When time alone can change the verdict next, in milliseconds; `undefined` when it cannot.
 *
 * @category getters
 * @since 0.1.0
 */
export const settlesAt = (
  { peers }: BroadcastReport,
  { settleTime }: Rule,
  now: number
): number | undefined => {
  let next: number | undefined
  for (const { progress } of peers) {
    const at = progress.since + settleTime
    if (progress._tag === "Sent" && at > now && (next === undefined || at < next)) next = at
  }
  return next
}
