/**
 * Peers that the user names: dialled again and again, whatever the book thinks of them.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as EndPoint from "../../../domain/EndPoint.ts"
import type * as NetworkManager from "../../../services/NetworkManager.ts"
import * as PeerError from "../../../services/p2p/PeerError.ts"
import type * as Dial from "./dial.ts"

/** From a second to a minute, each shortened by chance as reconnecting is. */
const pauses = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("1 minute")]).pipe(Schedule.jittered)

const isFault = (reason: PeerError.Reason): boolean => {
  switch (reason._tag) {
    case "Misbehaved":
    case "Stalled":
    case "MalformedMessage":
      return true
    case "Disconnected":
      return reason.reason._tag === "WireError"
    default:
      return false
  }
}

/**
 * Keeps a peer for as long as it runs. Fails when the network manager does not dial any more.
 *
 * @internal
 */
export const keep = (dial: Dial.Dial, endPoint: EndPoint.EndPoint): Effect.Effect<never, NetworkManager.NetworkError> =>
  // One that was there and has ended is dialled anew with the shortest pause; failures and faults make it longer.
  dial({ endPoint, origin: "named", services: 0n }).pipe(
    Effect.flatMap((reason) => isFault(reason) ? Effect.fail(new PeerError.PeerError({ reason })) : Effect.void),
    Effect.retry({ schedule: pauses, while: (error) => error._tag === "PeerError" }),
    Effect.catchTag("PeerError", () => Effect.void),
    Effect.andThen(Effect.sleep("1 second")),
    Effect.forever
  )
