/**
 * What the threads that serve and the thread that holds what they share say to each other. Everything is plain data.
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as PeerGroup from "../../domain/PeerGroup.ts"
import type * as BanList from "../../services/BanList.ts"
import type * as Admission from "../admission.ts"

/** A ban as plain data. @internal */
export interface PlainBan {
  readonly group: string
  readonly until: number
  readonly reason: string
}

/** A verdict as plain data. @internal */
export type PlainVerdict =
  | Exclude<BanList.Verdict, { readonly _tag: "Banned" }>
  | { readonly _tag: "Banned"; readonly ban: PlainBan; readonly isNew: boolean }

/** What a thread asks; each question has one answer. @internal */
export interface Questions {
  /** Which port to listen on in place of port 0: `undefined` makes the asking thread choose, and tell by `setPort`. */
  readonly port: { readonly ask: { readonly listener: string }; readonly answer: number | undefined }
  readonly setPort: { readonly ask: { readonly listener: string; readonly port: number }; readonly answer: void }
  /** Places are told apart by numbers of the thread that asks. `isOpen`: it is to be settled. */
  readonly enter: {
    readonly ask: {
      readonly listener: string
      readonly address: string
      readonly limits: Admission.Limits
      readonly place: number
    }
    readonly answer: Admission.Refusal | { readonly isOpen: boolean }
  }
  readonly settle: { readonly ask: { readonly place: number }; readonly answer: boolean }
  readonly noteUse: { readonly ask: { readonly place: number }; readonly answer: void }
  readonly keep: { readonly ask: { readonly place: number }; readonly answer: void }
  readonly leave: { readonly ask: { readonly place: number }; readonly answer: void }
  readonly mayComeNow: {
    readonly ask: { readonly listener: string; readonly address: string }
    readonly answer: boolean
  }
  readonly punish: {
    readonly ask: { readonly address: string; readonly points: number; readonly reason: string }
    readonly answer: PlainVerdict
  }
  readonly isBanned: { readonly ask: { readonly address: string }; readonly answer: boolean }
  readonly score: { readonly ask: { readonly address: string }; readonly answer: number }
  readonly ban: {
    readonly ask: { readonly group: string; readonly millis: number | undefined; readonly reason: string | undefined }
    readonly answer: void
  }
  readonly unban: { readonly ask: { readonly group: string }; readonly answer: boolean }
  readonly list: { readonly ask: {}; readonly answer: ReadonlyArray<PlainBan> }
}

/** @internal */
export type Question = keyof Questions

/** From a serving thread. @internal */
export type FromThread =
  | {
    readonly [Q in Question]: {
      readonly _tag: "Ask"
      readonly id: number
      readonly question: Q
      readonly ask: Questions[Q]["ask"]
    }
  }[Question]
  | { readonly _tag: "Ready"; readonly addresses: ReadonlyArray<string> }
  | { readonly _tag: "Failed"; readonly cause: string }
  | { readonly _tag: "Stats"; readonly id: number; readonly stats: ThreadStats }

/** To a serving thread. @internal */
export type ToThread =
  | { readonly _tag: "Answer"; readonly id: number; readonly answer: unknown }
  | { readonly _tag: "AnswerFailed"; readonly id: number; readonly message: string }
  | { readonly _tag: "Evicted"; readonly place: number }
  | { readonly _tag: "NewBan"; readonly ban: PlainBan }
  | { readonly _tag: "GetStats"; readonly id: number }
  | { readonly _tag: "Shutdown" }

/** What a thread is started with. @internal */
export interface ThreadData {
  readonly module: string
  readonly exportName: string
  /** Tells the threads apart that there ever were; the first is 0. */
  readonly generation: number
  readonly config: { readonly [option: string]: number }
}

/** Counts of one thread. @internal */
export interface ThreadStats {
  readonly connections: number
  readonly messagesSent: number
  readonly messagesReceived: number
}

/** @internal */
export const toPlain = (ban: BanList.Ban): PlainBan => ({
  group: PeerGroup.key(ban.group),
  until: DateTime.toEpochMillis(ban.until),
  reason: ban.reason
})

/** @internal */
export const fromPlain = (ban: PlainBan): BanList.Ban => ({
  group: Option.getOrThrow(PeerGroup.fromKey(ban.group)),
  until: DateTime.makeUnsafe(ban.until),
  reason: ban.reason
})
