/**
 * Waiting for a connection to be open.
 */
import * as Effect from "effect/Effect"
import type * as ConnectionState from "../services/ConnectionState.ts"
import * as SendError from "../services/SendError.ts"

interface Stateful {
  readonly state: ConnectionState.ConnectionState
  readonly stateListeners: Set<(state: ConnectionState.ConnectionState) => void>
}

/** Waits until a connection is open, its login included. Fails when it is closed for good. @internal */
export const until = (peer: Stateful): Effect.Effect<void, SendError.ConnectionClosed> =>
  Effect.suspend(() => {
    const now = settled(peer.state)
    if (now !== undefined) return now
    return Effect.callback<void, SendError.ConnectionClosed>((resume) => {
      const listener = (state: ConnectionState.ConnectionState) => {
        const outcome = settled(state)
        if (outcome === undefined) return
        peer.stateListeners.delete(listener)
        resume(outcome)
      }
      peer.stateListeners.add(listener)
      return Effect.sync(() => peer.stateListeners.delete(listener))
    })
  })

const settled = (
  state: ConnectionState.ConnectionState
): Effect.Effect<void, SendError.ConnectionClosed> | undefined => {
  switch (state._tag) {
    case "Connected":
      return Effect.void
    case "Closed":
      return Effect.fail(new SendError.ConnectionClosed({ reason: state.reason }))
    default:
      return undefined
  }
}
