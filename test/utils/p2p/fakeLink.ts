/**
 * Packets of the peer-to-peer protocol over the link of a transport.
 */
import { Result } from "effect"
import * as LegacyEnvelope from "../../../src/domain/LegacyEnvelope.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PacketReader from "../../../src/domain/PacketReader.ts"
import type * as WireError from "../../../src/domain/WireError.ts"
import { hash256 } from "../../../src/layers/NodeHash256.ts"
import type * as Transport from "../../../src/services/Transport.ts"
import * as Legacy from "../legacy.ts"

/** Why a link has ended: what its transport says, or bytes that cannot be read. `undefined`: closed on this side. */
export type LinkEnd = Transport.TransportError | WireError.WireError | P2PMessage.MalformedMessage | undefined

export interface LinkOptions {
  readonly magic: Uint8Array
  /** Messages of commands that are unknown are left out. */
  readonly onMessage: (message: P2PMessage.P2PMessage) => void
  readonly onEnd: (end: LinkEnd) => void
}

/** A message as a packet. One that cannot be written is a defect of the test. */
export const packetOf = (message: P2PMessage.P2PMessage, magic: Uint8Array): Uint8Array =>
  Legacy.packet({ command: message._tag, magic, body: Result.getOrThrow(P2PMessage.encode(message)) })

/** Reads all the time, and writes as fast as the other side reads. */
export class FakeLink implements Transport.LinkReceiver {
  readonly link: Transport.Link
  readonly #options: LinkOptions
  readonly #reader: PacketReader.PacketReader
  #waiting: Array<Uint8Array> = []
  #isWriting = false
  #isEnded = false

  constructor(link: Transport.Link, options: LinkOptions) {
    this.link = link
    this.#options = options
    this.#reader = PacketReader.make(LegacyEnvelope.make({ magic: options.magic, hash256 }))
  }

  /** To be called once. */
  start(): void {
    this.link.start(this)
  }

  send(packet: Uint8Array): void {
    if (this.#isEnded) return
    this.#waiting.push(packet)
    if (!this.#isWriting) this.#write()
  }

  close(): void {
    this.#end(undefined)
  }

  buffer(): Uint8Array {
    return this.#reader.buffer()
  }

  onRead(count: number): boolean {
    if (this.#isEnded) return false
    const messages: Array<Message.Message> = []
    this.#reader.commit(count, { onMessage: (message) => messages.push(message), onPing: () => {}, onPong: () => {} })
    const held = this.#reader.hold()
    for (const message of messages) Message.keep(message)
    this.#reader.release(held)
    for (const message of messages) this.#receive(message)
    if (this.#reader.failure !== undefined) this.#end(this.#reader.failure)
    return !this.#isEnded
  }

  onEnd(error: Transport.TransportError | undefined): void {
    this.#end(error)
  }

  #receive(message: Message.Message): void {
    if (this.#isEnded) return
    const decoded = P2PMessage.fromMessage(message)
    if (Result.isFailure(decoded)) this.#end(decoded.failure)
    else if (decoded.success !== undefined) this.#options.onMessage(decoded.success)
  }

  #write(): void {
    const parts = this.#waiting
    this.#waiting = []
    const isTaken = this.link.write(parts, () => {
      this.#isWriting = false
      if (this.#waiting.length > 0 && !this.#isEnded) this.#write()
    })
    this.#isWriting = !isTaken
  }

  #end(end: LinkEnd): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#waiting = []
    this.link.close()
    this.#reader.close()
    this.#options.onEnd(end)
  }
}
