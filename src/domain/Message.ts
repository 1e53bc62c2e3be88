/**
 * What peers send each other: a service, a message id of that service, a few header values and a body.
 *
 * **Details**
 *
 * A received message points into the memory it was read into. Reading its `body` gives bytes that may be kept for
 * ever; reading it with {@link borrow} or through {@link parser} costs nothing, and is good until the handler that was
 * given the message has ended. After that the message has lost its bytes, and asking for them is a defect that says so,
 * unless `body` was read (or {@link keep} was called) before. Messages of a stream are always kept.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import * as Redactable from "effect/Redactable"
import * as Header from "./Header.ts"
import * as Slab from "./Slab.ts"
import * as TaggedParser from "./TaggedParser.ts"

const TypeId = "~effect-flowee/Message"

/**
 * The message id of a message that has none. It is written as -1 on the wire (wire format, section 2).
 *
 * @category constants
 * @since 0.1.0
 */
export const noMessageId = -1

/**
 * A message, made by an application or received from a peer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Message {
  readonly [TypeId]: typeof TypeId
  /** The service it is addressed to, 0 to 2^31-1. Native peers reserve 126, legacy messages carry 0x1000. */
  readonly serviceId: number
  /** The meaning within its service, -1 when it has none. */
  readonly messageId: number
  readonly header: Header.Header
  /** The length of the body in bytes. Asking for it does not keep the body. */
  readonly bodyLength: number
  /** The body, in memory that never changes. See the notes of this module for what it costs. */
  readonly body: Uint8Array
  /** A header that was encoded before, its `HeaderEnd` included. It is sent as it is, in place of the fields above. */
  readonly encodedHeader: Uint8Array | undefined
}

/**
 * The urgency of a message. High ones overtake all that wait in the normal lane.
 *
 * @category models
 * @since 0.1.0
 */
export type Priority = "normal" | "high"

const noBytes = new Uint8Array(0)

/** Stands in for the slab of a message that has its body for itself and needs no slab any more. */
const noSlab = Slab.make(noBytes)

class Sent implements Message {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly serviceId: number
  readonly messageId: number
  readonly header: Header.Header
  readonly body: Uint8Array
  readonly encodedHeader: Uint8Array | undefined
  constructor(
    serviceId: number,
    messageId: number,
    header: Header.Header,
    body: Uint8Array,
    encodedHeader: Uint8Array | undefined
  ) {
    this.serviceId = serviceId
    this.messageId = messageId
    this.header = header
    this.body = body
    this.encodedHeader = encodedHeader
  }
  get bodyLength(): number {
    return this.body.length
  }
  toJSON(): unknown {
    return toJson(this)
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return toJson(this)
  }
  [Redactable.symbolRedactable](): unknown {
    return toJson(this)
  }
}

class Received implements Message {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly serviceId: number
  readonly messageId: number
  readonly header: Header.Header
  slab: Slab.Slab
  readonly generation: number
  readonly start: number
  readonly end: number
  #kept: Uint8Array | undefined
  constructor(
    serviceId: number,
    messageId: number,
    header: Header.Header,
    slab: Slab.Slab,
    start: number,
    end: number
  ) {
    this.serviceId = serviceId
    this.messageId = messageId
    this.header = header
    this.slab = slab
    this.generation = slab.generation
    this.start = start
    this.end = end
    this.#kept = undefined
  }
  get encodedHeader(): undefined {
    return undefined
  }
  get bodyLength(): number {
    return this.end - this.start
  }
  get body(): Uint8Array {
    if (this.#kept !== undefined) return this.#kept
    this.check()
    const kept = this.start === this.end ? noBytes : Slab.cut(this.slab, this.start, this.end)
    // A copy must not keep the whole slab alive that it was made to be independent of.
    this.slab = noSlab
    this.#kept = kept
    return kept
  }
  get isKept(): boolean {
    return this.#kept !== undefined
  }
  check(): void {
    if (this.slab.generation !== this.generation) {
      throw new Error(
        `The body of message ${this.serviceId}/${this.messageId} was asked for after its handler had ended. ` +
          `Read \`body\`, or call \`Message.keep\`, before that.`
      )
    }
  }
  toJSON(): unknown {
    return toJson(this)
  }
  [Inspectable.NodeInspectSymbol](): unknown {
    return toJson(this)
  }
  [Redactable.symbolRedactable](): unknown {
    return toJson(this)
  }
}

/** What logs and debuggers are shown. The body is left out: it may be long, and it may be a login. */
const toJson = (message: Message): unknown => ({
  _id: "Message",
  serviceId: message.serviceId,
  messageId: message.messageId,
  header: message.header,
  bodyLength: message.bodyLength
})

/**
 * What a message is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The service that the message is for, 0 to 2^31-1. */
  readonly serviceId: number
  /** Default: -1, none. */
  readonly messageId?: number | undefined
  /** Values by tag (10 and up), or a ready header. Default: none. */
  readonly header?: Header.Header | { readonly [tag: number]: number } | undefined
  /** Default: empty. The bytes are not copied: they must not change until the message has left. */
  readonly body?: Uint8Array | undefined
}

const toHeader = (header: Options["header"]): Header.Header =>
  header === undefined ? Header.empty : "pairs" in header ? header as Header.Header : Header.make(header)

/**
 * Tells whether a value is a message.
 *
 * @category guards
 * @since 0.1.0
 */
export const isMessage = (u: unknown): u is Message => Predicate.hasProperty(u, TypeId)

/**
 * Makes a message. What it says is checked when it is sent.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Message =>
  new Sent(
    options.serviceId,
    options.messageId ?? noMessageId,
    toHeader(options.header),
    options.body ?? noBytes,
    undefined
  )

/**
 * Makes a message whose header is encoded already, its `HeaderEnd` included: for passing packets on as they are.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeEncoded = (options: {
  readonly encodedHeader: Uint8Array
  readonly serviceId: number
  readonly messageId?: number | undefined
  readonly body?: Uint8Array | undefined
}): Message =>
  new Sent(
    options.serviceId,
    options.messageId ?? noMessageId,
    Header.empty,
    options.body ?? noBytes,
    options.encodedHeader
  )

/**
 * Makes the reply to a request: the same service, the message id plus one unless told otherwise, and the header values
 * with tags over 10 (wire format, section 2).
 *
 * @category constructors
 * @since 0.1.0
 */
export const reply = (
  request: Message,
  options?: { readonly messageId?: number | undefined; readonly body?: Uint8Array | undefined }
): Message =>
  new Sent(
    request.serviceId,
    options?.messageId ?? request.messageId + 1,
    Header.echo(request.header),
    options?.body ?? noBytes,
    undefined
  )

/**
 * Makes the message that a decoder found at `slab.bytes[start, end)`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSlab = (
  serviceId: number,
  messageId: number,
  header: Header.Header,
  slab: Slab.Slab,
  start: number,
  end: number
): Message => new Received(serviceId, messageId, header, slab, start, end)

/**
 * A copy of a message with one header value set.
 *
 * @category combinators
 * @since 0.1.0
 */
export const withHeader = (self: Message, tag: number, value: number): Message =>
  new Sent(self.serviceId, self.messageId, Header.set(self.header, tag, value), self.body, undefined)

/**
 * Makes a message safe to keep after its handler has ended, and returns it.
 *
 * **Details**
 *
 * Up to 512 bytes are copied; a larger body takes the slab it is in out of the pool.
 *
 * @category combinators
 * @since 0.1.0
 */
export const keep = (self: Message): Message => {
  void self.body
  return self
}

/**
 * A view of the body that costs no copy and no slab, good until the handler of the message has ended.
 *
 * **Gotchas**
 *
 * The view of a message that was not kept shows other bytes later. Do not let it leave the handler.
 *
 * @category getters
 * @since 0.1.0
 */
export const borrow = (self: Message): Uint8Array => {
  if (!(self instanceof Received) || self.isKept) return self.body
  self.check()
  return self.slab.bytes.subarray(self.start, self.end)
}

/**
 * A parser over the tagged values of the body. The byte arrays it gives out may be kept.
 *
 * @category getters
 * @since 0.1.0
 */
export const parser = (self: Message): TaggedParser.TaggedParser => {
  if (!(self instanceof Received) || self.isKept) return TaggedParser.make(self.body)
  self.check()
  return TaggedParser.make(self.slab.bytes, { start: self.start, end: self.end, owner: self.slab })
}
