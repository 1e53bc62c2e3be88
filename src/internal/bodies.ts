/**
 * Reads the bodies of messages: large ones in pieces, so that others have their turn.
 */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import type * as BodyError from "../domain/BodyError.ts"
import type * as Message from "../domain/Message.ts"
import type * as Wire from "../domain/Wire.ts"
import * as InPieces from "./inPieces.ts"

/** Up to here a body is read in a few milliseconds. */
const large = 256 * 1024

/** @internal */
export const isLarge = (message: Message.Message): boolean => message.bodyLength > large

/** Reads a body, and goes on with what is in it. Small ones cost no effect of their own. @internal */
export const read = <A, B, E, R>(
  codec: Wire.Codec<A>,
  message: Message.Message,
  use: (decoded: Result.Result<A, BodyError.BodyDecodeError>) => Effect.Effect<B, E, R>
): Effect.Effect<B, E, R> =>
  isLarge(message)
    ? Effect.flatMap(InPieces.run(() => codec.decodeInPieces(message)), use)
    : use(codec.decode(message))
