/**
 * Why a message cannot be sent at all. Sending it again does not help; it has to be made differently.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The message cannot be put on the wire.
 *
 * @category errors
 * @since 0.1.0
 */
export class SendRefusal extends Data.TaggedError("SendRefusal")<{
  readonly problem:
    | "NoServiceId"
    | "ReservedServiceId"
    | "BadMessageId"
    | "ReservedHeaderTag"
    | "BadHeaderValue"
    | "TooManyHeaderValues"
    | "HeaderTooLong"
    | "HighPriorityTooLong"
    | "EncodedHeaderTooLong"
    | "BadEncodedHeader"
    | "EncodedRequest"
    | "BodyTooLong"
    | "NotLegacyService"
    | "HeaderNotCarried"
    | "UnknownCommand"
  /** The value that is at fault: an id, a tag, a count or a length. */
  readonly value: number
}> {
  override get message(): string {
    return `the message cannot be sent: ${explain[this.problem]} (${this.value})`
  }
}

const explain: { readonly [problem in SendRefusal["problem"]]: string } = {
  NoServiceId: "its service id must be an integer from 0 to 2147483647",
  ReservedServiceId: "its service id belongs to the network layer",
  BadMessageId: "its message id must be an integer from -1 to 2147483647",
  ReservedHeaderTag: "header tags 0 to 9 belong to the network layer",
  BadHeaderValue: "a header tag must be below 2^32 and its value a 31-bit integer; the tag is",
  TooManyHeaderValues: "a header has at most 95 values",
  HeaderTooLong: "its header does not leave room in a packet of 9000 bytes; the packet's length would be",
  HighPriorityTooLong: "a high priority message has at most 8000 bytes of body",
  EncodedHeaderTooLong: "a message with an encoded header has at most 8000 bytes of body and fits a packet",
  BadEncodedHeader: "its encoded header is malformed; its length is",
  EncodedRequest: "a request gets a RequestId, so its header must not be encoded yet; its length is",
  BodyTooLong: "its body is longer than the limit in bytes",
  NotLegacyService: "legacy connections carry service id 4096 only; its service id is",
  HeaderNotCarried: "legacy connections carry no header values or encoded headers; their count or length is",
  UnknownCommand: "no legacy command has its message id"
}
