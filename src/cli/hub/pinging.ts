/**
 * Pings of the native envelope, sent and answered when a program wants it.
 *
 * A connection sends its own pings and tells nobody. So this one is made with an envelope that has none, and whose
 * decoder tells of each pong.
 */
import type * as Envelope from "../../domain/Envelope.ts"
import * as Message from "../../domain/Message.ts"
import * as NativeEnvelope from "../../domain/NativeEnvelope.ts"
import * as NativeFormat from "../../domain/NativeFormat.ts"

/**
 * A ping as a message: what follows the two bytes of the length is its header.
 *
 * @internal
 */
export const ping: Message.Message = Message.makeEncoded({
  encodedHeader: NativeEnvelope.ping.subarray(2),
  serviceId: NativeFormat.systemServiceId
})

/**
 * The native envelope, with the pings left to its user.
 *
 * @internal
 */
export const envelope = (onPong: () => void): Envelope.Envelope => ({
  ...NativeEnvelope.envelope,
  heartbeat: false,
  decoder: (options) => telling(NativeEnvelope.envelope.decoder(options), onPong)
})

const telling = (decoder: Envelope.Decoder, onPong: () => void): Envelope.Decoder => ({
  decode: (slab, from, to, sink) =>
    decoder.decode(slab, from, to, {
      onMessage: (message) => sink.onMessage(message),
      onPing: () => sink.onPing(),
      onPong
    }),
  get failure() {
    return decoder.failure
  },
  get needed() {
    return decoder.needed
  },
  takeJoined: () => decoder.takeJoined(),
  close: () => decoder.close()
})
