/**
 * One item of a queue of downloads: who has it, who wants it, and who has failed.
 */
import type * as DownloadQueue from "../p2p/DownloadQueue.ts"
import type * as P2PMessage from "../p2p/P2PMessage.ts"

/** @internal */
export interface Item<W> {
  readonly key: string
  readonly inventory: P2PMessage.Inventory
  /** The peers that offer it and have not failed. */
  readonly offers: Set<number>
  readonly wants: Set<W>
  /** The peers that have failed, and how. */
  readonly failed: Map<number, DownloadQueue.Fault>
  state: DownloadQueue.ItemState
}

/** @internal */
export const waiting: DownloadQueue.ItemState = { _tag: "Waiting" }

/** @internal */
export const make = <W>(key: string, { hash, type }: P2PMessage.Inventory): Item<W> => ({
  key,
  // The hash of a message points into its body.
  inventory: { type, hash: Uint8Array.from(hash) },
  offers: new Set(),
  wants: new Set(),
  failed: new Map(),
  state: waiting
})

/** A want that no peer has answered goes on: one may join. @internal */
export const failureOf = <W extends DownloadQueue.Want>(
  item: Item<W>,
  want: W,
  present: Iterable<number>
): DownloadQueue.Failure<W> | undefined => {
  let asked = 0
  let timedOut = 0
  for (const [id, fault] of item.failed) {
    // Whoever left or lied has not said that there is no such item.
    if (fault === "Left" || fault === "Invalid" || !want.accepts(id)) continue
    asked += 1
    if (fault === "TimedOut") timedOut += 1
  }
  if (asked === 0) return undefined
  for (const id of present) if (want.accepts(id) && !item.failed.has(id)) return undefined
  return { item: item.inventory, want, asked, timedOut }
}

/** What a queue counts. @internal */
export class Tally {
  offered = 0
  known = 0
  dropped = 0
  delivered = 0
  late = 0
  unasked = 0
  refused = 0
  timedOut = 0
  failed = 0
}
