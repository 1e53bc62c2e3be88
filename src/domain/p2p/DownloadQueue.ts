/**
 * What is to be fetched from peers, who has it, and whom to ask next.
 *
 * An item is in the queue because peers offer it (`inv`), because somebody here wants it, or both. It is `Waiting` or
 * `Asked` of exactly one peer, and leaves the queue when it is delivered or when all who could have had it have failed.
 *
 * **Details**
 *
 * - A peer is asked for at most `atOnce` items at a time, and for more when half of them have been dealt with.
 * - A peer that does not deliver in time loses the job to another one, and is *slow* until it delivers something: it is
 *   then asked only for what no other peer has, one item at a time. So a peer that offers everything and delivers
 *   nothing holds up `atOnce` items, once.
 * - What peers offer is bounded, for each and in all. When there is no room in all, the peer with the most offers makes
 *   room for those with fewer: a flood takes no place from others.
 * - What was delivered to the readers of offers is remembered, and is not asked for when it is offered again.
 *
 * It has no clock and sends nothing: `assign` says what to ask of whom.
 *
 * Source: peer-to-peer component, "Downloads and wallets".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Queue from "../../domain/internal/downloadQueue.ts"
import type * as P2PMessage from "./P2PMessage.ts"

/**
 * The bounds of a queue.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Items that are asked of one peer at a time. */
  readonly atOnce: number
  /** Items that peers offer, in all. What somebody here wants comes on top. */
  readonly maxItems: number
  /** Items that one peer offers. */
  readonly maxPerPeer: number
  /** Delivered items that are remembered. */
  readonly maxKnown: number
  /** How long a peer has for what it is asked, in milliseconds. */
  readonly timeout: number
}

/**
 * Where an item of the queue is.
 *
 * - `Waiting`: nobody is asked for it.
 * - `Asked`: this one peer is, and has until `deadline` (in milliseconds).
 *
 * @category models
 * @since 0.1.0
 */
export type ItemState = Data.TaggedEnum<{
  Waiting: {}
  Asked: { readonly peer: number; readonly deadline: number }
}>

/**
 * Constructors and matchers of the states of an item.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ItemState = Data.taggedEnum<ItemState>()

/**
 * Somebody here who wants an item, whether peers offer it or not.
 *
 * @category models
 * @since 0.1.0
 */
export interface Want {
  /** Which peers may be asked. Always the same answer for the same peer. */
  readonly accepts: (peer: number) => boolean
}

/**
 * A want that no peer is left for, and that a peer at least has answered with `NotFound` or not at all.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure<W extends Want> {
  readonly item: P2PMessage.Inventory
  readonly want: W
  /** How many peers did not have it, or did not answer. */
  readonly asked: number
  /** How many of them did not answer in time. */
  readonly timedOut: number
}

/**
 * Why a peer does not get to deliver an item.
 *
 * - `NotFound`: it says that it does not have it.
 * - `TimedOut`: it did not answer.
 * - `Invalid`: what it sent is something else.
 * - `Left`: it ended.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = "NotFound" | "TimedOut" | "Invalid" | "Left"

/**
 * What an item is that a peer has sent.
 *
 * - `Delivered`: it was awaited. `wants` are those who want it, `isOffered` says whether peers have offered it.
 * - `Late`: the peer was asked for it, and nobody needs it any more.
 * - `Unasked`: the peer was not asked for it.
 *
 * @category models
 * @since 0.1.0
 */
export type Delivery<W extends Want> =
  | { readonly _tag: "Delivered"; readonly wants: ReadonlyArray<W>; readonly isOffered: boolean }
  | { readonly _tag: "Late" }
  | { readonly _tag: "Unasked" }

/**
 * What to ask of a peer: an item at least.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly peer: number
  readonly items: ReadonlyArray<P2PMessage.Inventory>
}

/**
 * What a queue has done since it was made, and what it holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Counts {
  /** Items in the queue that nobody is asked for. */
  readonly waiting: number
  /** Items that a peer is asked for. */
  readonly asked: number
  /** Offers that were put in the queue. */
  readonly offered: number
  /** Offers of items that were delivered before. */
  readonly known: number
  /** Offers that there was no room for. */
  readonly dropped: number
  /** Items that came. */
  readonly delivered: number
  /** Items that came when nobody needed them any more. */
  readonly late: number
  /** Items that came without having been asked for. */
  readonly unasked: number
  /** Answers that a peer does not have an item, or that were not what was asked for. */
  readonly refused: number
  /** Times that a peer did not answer. */
  readonly timedOut: number
  /** Items that left the queue because all who could have had them have failed. */
  readonly failed: number
}

/**
 * A queue. Peers have numbers, each of which is used once.
 *
 * @category models
 * @since 0.1.0
 */
export interface DownloadQueue<W extends Want> {
  /** When the next peer has had its time; `undefined` while none is asked. */
  readonly deadline: number | undefined
  readonly counts: Counts
  /** A peer is there. It can be asked for what is wanted. */
  readonly join: (peer: number) => void
  /** A peer is gone, and others are to do what it was asked for. */
  readonly leave: (peer: number) => ReadonlyArray<Failure<W>>
  /** A peer has items. */
  readonly offer: (peer: number, items: ReadonlyArray<P2PMessage.Inventory>) => void
  /** Somebody here wants an item, known or not. The others may have found before that nobody has it. */
  readonly want: (item: P2PMessage.Inventory, want: W) => ReadonlyArray<Failure<W>>
  /** Nobody needs this want any more. */
  readonly release: (item: P2PMessage.Inventory, want: W) => void
  /** Forgets the offers of a type: nobody reads them any more. */
  readonly forgetOffers: (type: number) => void
  /** Tells whether something that a peer sends now would be `Delivered`. */
  readonly isAwaited: (peer: number, item: P2PMessage.Inventory) => boolean
  /** A peer has sent an item. */
  readonly deliver: (peer: number, item: P2PMessage.Inventory) => Delivery<W>
  /** A peer has failed to give items. Those that it was not asked for are passed over. */
  readonly refuse: (
    peer: number,
    items: ReadonlyArray<P2PMessage.Inventory>,
    fault: "NotFound" | "Invalid"
  ) => ReadonlyArray<Failure<W>>
  /** Takes jobs from the peers that have had their time. */
  readonly expire: (now: number) => ReadonlyArray<Failure<W>>
  /** Gives jobs to the peers that can have more. What it returns must be sent. */
  readonly assign: (now: number) => ReadonlyArray<Request>
  /** Where an item is; `undefined` when it is not in the queue. */
  readonly stateOf: (item: P2PMessage.Inventory) => ItemState | undefined
}

/**
 * Makes an empty queue.
 *
 * **Example** (Two peers that have the same transaction)
 *
 * ```ts
 * import { DownloadQueue, InventoryType } from "effect-flowee"
 *
 * const queue = DownloadQueue.make({ atOnce: 10, maxItems: 1000, maxPerPeer: 100, maxKnown: 1000, timeout: 30_000 })
 * const item = { type: InventoryType.transaction, hash: new Uint8Array(32).fill(7) }
 * queue.join(1)
 * queue.join(2)
 * queue.offer(1, [item])
 * queue.offer(2, [item])
 * queue.assign(0) // [{ peer: 1, items: [item] }]
 * queue.expire(30_000)
 * queue.assign(30_000) // [{ peer: 2, items: [item] }]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <W extends Want = Want>(limits: Limits): DownloadQueue<W> => new Queue.Queue<W>(limits)
