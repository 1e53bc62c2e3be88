/**
 * What every envelope offers: a way to write messages into packets and to find messages in packets.
 *
 * There are two: `NativeEnvelope` between Flowee peers and `LegacyEnvelope` of the Bitcoin Cash network. A connection
 * works with either and does not know which.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Message from "./Message.ts"
import type * as SendRefusal from "./SendRefusal.ts"
import type * as Slab from "./Slab.ts"
import type * as WireError from "./WireError.ts"
import type * as WriteBatch from "./WriteBatch.ts"

/**
 * Takes what a decoder finds. Called while the bytes are decoded, so it must not decode or close anything itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sink {
  readonly onMessage: (message: Message.Message) => void
  /**
   * A message of the legacy envelope that is too large to be verified here (see `LegacyEnvelope.Options.deferAbove`),
   * with the checksum that its packet announces: `LegacyDecoder.verify` compares the two. It is the taker's to verify it
   * before it is used, and to keep the messages that follow behind it. Without this member all are verified by the
   * decoder.
   */
  readonly onUnverified?: ((message: Message.Message, announcedChecksum: number) => void) | undefined
  /**
   * A message of the legacy envelope whose command has no message id, with the name of the command. Its body is good
   * until this returns. Without this member such messages are skipped as they arrive, unverified.
   */
  readonly onUnknown?: ((command: string, body: Uint8Array) => void) | undefined
  readonly onPing: () => void
  readonly onPong: () => void
}

/**
 * A message, or a packet, that has begun to arrive.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unfinished {
  /** Tells it apart from all that began before on the same connection. */
  readonly what: unknown
  /** What of it has come, in bytes. */
  readonly bytes: number
}

/**
 * Finds whole packets in the bytes of one connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Decoder {
  /**
   * Decodes the whole packets of `slab.bytes[from, to)` and returns where the first incomplete one starts.
   *
   * The next call must start with that packet. After a failure nothing is decoded any more.
   */
  readonly decode: (slab: Slab.Slab, from: number, to: number, sink: Sink) => number
  /** What was wrong with the bytes, once something was. */
  readonly failure: WireError.WireError | undefined
  /** How many bytes the incomplete packet needs in all; 0 while its length is not known. */
  readonly needed: number
  /** The message whose chunks have begun to come and have not all come, where messages come in chunks. */
  readonly unfinished?: Unfinished | undefined
  /**
   * Memory of finished messages that was allocated beside the slabs given to `decode`. The caller takes it over: each
   * is given back to the source when the messages in it are done.
   */
  readonly takeJoined: () => ReadonlyArray<Slab.Slab>
  /** Gives all memory back that the decoder still holds. */
  readonly close: () => void
}

/**
 * What a decoder must not exceed, and where its memory comes from.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecoderOptions {
  /** Largest message in bytes, after its chunks were joined. Default: 32,000,000. */
  readonly maxMessageSize?: number | undefined
  /** Default: unpooled. */
  readonly slabs?: Slab.SlabSource | undefined
  /** Which side of the connection this is: the dialling side must not receive pings. Default: neither is checked. */
  readonly side?: "dialled" | "accepted" | undefined
}

/**
 * The largest joined message that is accepted by default, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxMessageSize = 32_000_000

/**
 * One way to put messages into packets.
 *
 * @category models
 * @since 0.1.0
 */
export interface Envelope {
  readonly name: "native" | "legacy"
  /** Whether peers send pings of the envelope itself to each other. */
  readonly heartbeat: boolean
  /** Whether other packets may come between those of one message. If not, a message leaves in one piece. */
  readonly interleaves: boolean
  /** Says why a message cannot be sent, or `undefined` when it can. */
  readonly check: (message: Message.Message, priority: Message.Priority) => SendRefusal.SendRefusal | undefined
  /** The number of bytes that a message takes on the wire, at most. */
  readonly wireSize: (message: Message.Message) => number
  /**
   * Writes packets of a message into a batch, from an offset in its body on, until the message is complete or the batch
   * has no room left. Returns the offset reached; the message is complete when that is the length of its body.
   *
   * At least one packet is written. Call with offset 0 first; a message that was checked never fails.
   */
  readonly write: (message: Message.Message, offset: number, batch: WriteBatch.WriteBatch) => number
  readonly decoder: (options: DecoderOptions) => Decoder
  /** Verifies a message that was given to `Sink.onUnverified`: says what is wrong with it, or `undefined`. */
  readonly verify?: ((message: Message.Message, announced: number) => WireError.WireError | undefined) | undefined
  /** A whole packet that keeps a connection alive, and its answer. */
  readonly ping: Uint8Array
  readonly pong: Uint8Array
}
