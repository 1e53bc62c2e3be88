/**
 * How a connection is closed for good: in good order, within its time, and with a word about what is lost by it.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as Peer from "./peer.ts"

/**
 * Gives queued messages time to leave, closes the connection, and gives those who work on its messages time to finish.
 * All of it ends within one `drainTimeout`, however often it is asked for. Connections that close one after another with
 * one scope have one together: it began for all of them when the scope did.
 *
 * @internal
 */
export const run = (peer: Peer.Peer): Effect.Effect<void> =>
  Effect.suspend(() => {
    peer.deadline ??= (peer.closesSince ?? peer.runner.now()) + Duration.toMillis(peer.settings.drainTimeout)
    return drain(peer).pipe(
      Effect.andThen(Effect.sync(() => peer.close(new DisconnectReason.ClosedHere()))),
      Effect.andThen(untilDeadline(peer, peer.finished()))
    )
  })

/** A connection that is closed, or that has not logged in, is not waited for. */
const drain = (peer: Peer.Peer): Effect.Effect<void> =>
  Effect.suspend(() =>
    peer.isClosed || peer.state._tag === "LoggingIn" || peer.writer.isIdle
      ? Effect.void
      // What was sent a moment ago leaves in this turn of the event loop, when nothing is in its way.
      : Effect.andThen(
        Effect.yieldNow,
        untilDeadline(peer, Effect.raceFirst(peer.writer.idle, Deferred.await(peer.closed)))
      )
  )

const untilDeadline = (peer: Peer.Peer, effect: Effect.Effect<unknown>): Effect.Effect<void> =>
  Effect.suspend(() => {
    const left = peer.deadline! - peer.runner.now()
    return left > 0 ? Effect.asVoid(Effect.timeoutOption(Effect.interruptible(effect), left)) : Effect.void
  })

/**
 * Says what was queued and has not left when the connection closed. To be run once, when it is closed. A peer that has
 * gone takes with it what was queued for it, as any peer may: that is nothing to warn of.
 *
 * @internal
 */
export const logWhatIsLeft = (peer: Peer.Peer): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { annotations, high, normal, side, state } = peer
    const messages = high.messages + normal.messages
    if (messages === 0) return Effect.void
    // A session that is ended by the closing itself may lead here before the state says so.
    const hasGone = side === "accepted" && state._tag === "Closed" && state.reason._tag !== "ClosedHere"
    const log = hasGone ? Effect.logDebug : Effect.logWarning
    const what = `${messages} ${messages === 1 ? "message" : "messages"} (${high.bytes + normal.bytes} bytes)`
    return Effect.annotateLogs(log(`Closed with ${what} that had not left`), annotations)
  })
