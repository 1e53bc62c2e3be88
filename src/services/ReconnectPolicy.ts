/**
 * When a lost or refused connection is tried again.
 *
 * A policy is a `Schedule` whose input is what the attempt ended with. A connection starts it anew after each healthy
 * session, so the delays begin at the shortest again.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as DisconnectReason from "./DisconnectReason.ts"

/**
 * Says when to try again, given why the last attempt or session ended.
 *
 * @category models
 * @since 0.1.0
 */
export type ReconnectPolicy = Schedule.Schedule<unknown, DisconnectReason.DisconnectReason>

/** The longest delay after failures in a row (network manager behaviour, "Connections"). */
const longest = 44_000
const afterFailedLookUp = 45_000
const afterWrongProtocol = 15_000

const referenceDelay = (failures: number, reason: DisconnectReason.DisconnectReason): number => {
  if (reason._tag === "TransportError" && reason.problem === "NameNotFound") return afterFailedLookUp
  if (reason._tag === "WireError" && reason.reason._tag === "WrongProtocol") return afterWrongProtocol
  return failures > 4 ? longest : Math.floor(failures ** 3 / 2) * 1000
}

/**
 * The delays of the reference implementation, to the second: after the n-th failure in a row n^3/2 seconds rounded down
 * (0, 4, 13, 32), then 44; after a failed name look-up 45; after a peer that speaks another protocol 15.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reference: ReconnectPolicy = Schedule.forever.pipe(
  Schedule.setInputType<DisconnectReason.DisconnectReason>(),
  Schedule.modifyDelay((step) => Effect.succeed(Duration.millis(referenceDelay(step.attempt, step.input))))
)

/**
 * The default: the reference's delays, each shortened by up to a fifth at random, so that the clients of a server that
 * comes back do not all return in the same moment, and none of them later than the reference would.
 *
 * @category constructors
 * @since 0.1.0
 */
export const jittered: ReconnectPolicy = Schedule.modifyDelay(
  reference,
  ({ duration }) => Effect.map(Random.next, (part) => Duration.times(duration, 1 - part / 5))
)

/**
 * One attempt, and one session: the connection is closed for good when either has ended.
 *
 * @category constructors
 * @since 0.1.0
 */
export const never: ReconnectPolicy = Schedule.recurs(0).pipe(
  Schedule.setInputType<DisconnectReason.DisconnectReason>()
)
