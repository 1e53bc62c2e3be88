/**
 * Why a Hub did not do what it was asked.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as BodyError from "../../domain/BodyError.ts"
import type * as CommandFailure from "../../domain/CommandFailure.ts"
import type * as MessageClient from "../MessageClient.ts"
import type * as SendError from "../SendError.ts"

/**
 * An argument is not what it has to be. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadArgument extends Data.TaggedError("BadArgument")<{
  /** Its name, with its place in a list: `scriptHashes[2]`. */
  readonly argument: string
  readonly problem: string
}> {
  override get message(): string {
    return `argument "${this.argument}": ${this.problem}`
  }
}

/**
 * A reply that can be read, but does not answer the question.
 *
 * @category errors
 * @since 0.1.0
 */
export class SenselessReply extends Data.TaggedError("SenselessReply")<{ readonly problem: string }> {
  override get message(): string {
    return `the reply makes no sense: ${this.problem}`
  }
}

/**
 * Why a Hub did not do what it was asked.
 *
 * - `BadArgument`: nothing was sent.
 * - `CommandFailed`: the Hub could not, and says why.
 * - `BodyDecodeError`, `UnexpectedReply`, `SenselessReply`: what came is not what a Hub says. The connection stays.
 * - `RequestTimedOut`: no answer came. So it is with services that a Hub does not have.
 * - the others: see `SendError`.
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason =
  | BadArgument
  | SenselessReply
  | BodyError.BodyDecodeError
  | MessageClient.UnexpectedReply
  | CommandFailure.CommandFailed
  | SendError.RequestError["reason"]

/**
 * A Hub did not do what it was asked.
 *
 * **Example** (What the Hub says)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { HubClient } from "effect-flowee"
 *
 * const send = Effect.fnUntraced(function*(transaction: Uint8Array) {
 *   const hub = yield* HubClient.HubClient
 *   return yield* hub.sendTransaction(transaction)
 * }, Effect.catchReason("HubError", "CommandFailed", ({ text }) => Effect.logWarning(`refused: ${text}`)))
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class HubError extends Data.TaggedError("HubError")<{
  /** What was asked for: the name of a call, command or notification of the Hub API. */
  readonly call: string
  readonly reason: Reason
}> {
  override get message(): string {
    return `${this.call}: ${this.reason.message}`
  }
}

/**
 * The error of a call of a message group, as one of a Hub: what cannot be sent is a bad argument.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromCallError = ({ member, reason }: MessageClient.CallError): HubError =>
  new HubError({ call: member, reason: reason._tag === "BodyEncodeError" ? toBadArgument(reason.reason) : reason })

const toBadArgument = (reason: BodyError.EncodeReason): BadArgument => {
  const problem = reason._tag === "UnwritableValue" ? `${reason.problem}; found ${reason.found}` : reason.message
  return new BadArgument({ argument: BodyError.formatPath(reason.path), problem })
}

/**
 * An argument is refused before anything is sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const badArgument = (call: string, argument: string, problem: string): HubError =>
  new HubError({ call, reason: new BadArgument({ argument, problem }) })

/**
 * A reply does not answer the question.
 *
 * @category constructors
 * @since 0.1.0
 */
export const senselessReply = (call: string, problem: string): HubError =>
  new HubError({ call, reason: new SenselessReply({ problem }) })
