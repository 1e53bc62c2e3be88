/**
 * Why the bytes of a peer are not what its protocol says.
 *
 * Decoders never throw on foreign bytes. They stop, and say with one of these reasons what was wrong; the policy of a
 * connection decides what follows (a disconnect and punishment, by default).
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The first packet does not start like the protocol of this connection does: another protocol is spoken here.
 *
 * @category errors
 * @since 0.1.0
 */
export class WrongProtocol extends Data.TaggedError("WrongProtocol")<{
  readonly expected: string
  readonly found: string
}> {
  override get message(): string {
    return `the peer speaks another protocol: expected ${this.expected}, found ${this.found}`
  }
}

/**
 * A packet or body announces a length outside the allowed range.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadLength extends Data.TaggedError("BadLength")<{
  readonly what: "packet" | "body" | "message"
  readonly length: number
  readonly minimum: number
  readonly maximum: number
}> {
  override get message(): string {
    return `a ${this.what} of ${this.length} bytes is announced; ${this.minimum} to ${this.maximum} are allowed`
  }
}

/**
 * The header of a packet cannot be read.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadHeader extends Data.TaggedError("BadHeader")<{
  readonly problem:
    | "ServiceIdNotFirst"
    | "ServiceIdNegative"
    | "ServiceIdRepeated"
    | "ReservedTag"
    | "WrongType"
    | "OutOfRange"
    | "Unterminated"
    | "Malformed"
    | "UnpaddedCommand"
  readonly tag: number
}> {
  override get message(): string {
    return `the header of a packet is malformed: ${this.problem} (tag ${this.tag})`
  }
}

/**
 * The chunks of a message do not fit together.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadSequence extends Data.TaggedError("BadSequence")<{
  readonly problem: "AlreadyOpen" | "NotOpen" | "OtherMessage" | "TooMuch" | "TooLittle"
  readonly announced: number
  readonly received: number
}> {
  override get message(): string {
    return `a chunked message is malformed: ${this.problem} (${this.received} of ${this.announced} bytes)`
  }
}

/**
 * The checksum of a legacy packet does not match its body.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadChecksum extends Data.TaggedError("BadChecksum")<{
  readonly command: string
  readonly expected: number
  readonly found: number
}> {
  override get message(): string {
    return `the checksum of "${this.command}" is ${hex(this.found)}; its body gives ${hex(this.expected)}`
  }
}

/**
 * A ping reached the side that dialled; only that side may send one (wire format, section 2).
 *
 * @category errors
 * @since 0.1.0
 */
export class UnexpectedPing extends Data.TaggedError("UnexpectedPing")<{}> {
  override get message(): string {
    return "the accepting side sent a ping"
  }
}

/**
 * What can be wrong with the bytes of a peer.
 *
 * @category errors
 * @since 0.1.0
 */
export type Reason = WrongProtocol | BadLength | BadHeader | BadSequence | BadChecksum | UnexpectedPing

/**
 * The bytes of a peer are malformed. The decoder that reports it reads no further.
 *
 * @category errors
 * @since 0.1.0
 */
export class WireError extends Data.TaggedError("WireError")<{ readonly reason: Reason }> {
  override get message(): string {
    return this.reason.message
  }
}

const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, "0")
