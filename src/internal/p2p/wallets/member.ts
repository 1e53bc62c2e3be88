/**
 * A peer as one wallet knows it.
 */
import type * as BlockPace from "../../../domain/p2p/BlockPace.ts"
import type * as Reception from "./reception.ts"

/**
 * What is expected of a peer.
 *
 * - `Idle`: nothing.
 * - `Resting`: it did not have a block that it was asked for, and may have it later.
 * - `Answering`: blocks.
 * - `Draining`: the end of an answer that is not looked at any more.
 * @internal
 */
export type Duty =
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Resting"; readonly until: number }
  | { readonly _tag: "Answering"; readonly reception: Reception.Reception; readonly pace: BlockPace.BlockPace }
  | {
    readonly _tag: "Draining"
    readonly fence: bigint
    readonly pace: BlockPace.BlockPace
    /** For how long it rests then. */
    readonly rest: number
  }

/** @internal */
export interface Member {
  readonly key: string
  duty: Duty
  /** What was watched when its filter was made. */
  loaded: number
  /** How many times in a row it did not have a block. */
  unserved: number
}

/** @internal */
export const idle: Duty = { _tag: "Idle" }

/** @internal */
export const make = (key: string): Member => ({ key, duty: idle, loaded: -1, unserved: 0 })

/** It gets a second, then two, and so on, for a block that it may not have heard of. */
const firstRest = 1000

/** After about a minute it has had its chances. */
const maxUnserved = 6

/** How long a peer rests that did not have a block; `undefined` when it has been asked often enough. @internal */
export const restOf = (member: Member): number | undefined =>
  member.unserved < maxUnserved ? firstRest * 2 ** member.unserved : undefined

/** When something is due; `undefined` when nothing is. @internal */
export const deadlineOf = ({ duty }: Member): number | undefined => {
  switch (duty._tag) {
    case "Idle":
      return undefined
    case "Resting":
      return duty.until
    case "Answering":
    case "Draining":
      return duty.pace.until
  }
}

/** The same duty with another pace. @internal */
export const withPace = (duty: Duty, pace: BlockPace.BlockPace): Duty =>
  duty._tag === "Answering" || duty._tag === "Draining" ? { ...duty, pace } : duty
