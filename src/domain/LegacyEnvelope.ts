/**
 * The envelope between Bitcoin Cash peers: a magic, a command, a length, a checksum, and a body in one piece (wire
 * format, section 4).
 *
 * **Details**
 *
 * There are no header values, no chunks and no pings of the envelope itself; `ping` and `pong` of the peer-to-peer
 * protocol are messages like others. A message carries service id 0x1000 and the message id of its command.
 *
 * **Gotchas**
 *
 * A large message leaves in several writes, and since it is one packet nothing else may come between them: no message
 * of higher priority either.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Envelope from "./Envelope.ts"
import * as LegacyCommand from "./LegacyCommand.ts"
import * as LegacyDecoder from "./LegacyDecoder.ts"
import * as LegacyFormat from "./LegacyFormat.ts"
import * as Message from "./Message.ts"
import * as SendRefusal from "./SendRefusal.ts"
import type * as WriteBatch from "./WriteBatch.ts"

const { commandSize, headerSize, magicSize, serviceId } = LegacyFormat

/** A body up to this size is always written at once, as one of high priority must be. */
const minPiece = 8000

/**
 * What a legacy envelope is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The four bytes that begin each packet: see `Network`. */
  readonly magic: Uint8Array
  /** SHA-256, twice: see `Hash256`. It must return new memory each time. */
  readonly hash256: (bytes: Uint8Array) => Uint8Array
  /** The largest body in bytes, sent or received. Default: 32,000,000. */
  readonly maxBodySize?: number | undefined
  /** The largest received body of each command, where it is smaller than `maxBodySize`. Default: no limit of its own. */
  readonly maxBodySizeOf?: ((command: LegacyCommand.Command) => number) | undefined
  /**
   * Received bodies of more bytes than this are not hashed by the decoder, which would hold up the event loop: they go
   * to `Sink.onUnverified`, where the sink has that. Default: infinite, all are verified at once.
   */
  readonly deferAbove?: number | undefined
}

const noBytes = new Uint8Array(0)

const refuse = (problem: SendRefusal.SendRefusal["problem"], value: number) =>
  new SendRefusal.SendRefusal({ problem, value })

const check = (
  message: Message.Message,
  priority: Message.Priority,
  maxBodySize: number
): SendRefusal.SendRefusal | undefined => {
  if (message.serviceId !== serviceId) return refuse("NotLegacyService", message.serviceId)
  if (message.encodedHeader !== undefined) return refuse("HeaderNotCarried", message.encodedHeader.length)
  if (message.header.pairs.length > 0) return refuse("HeaderNotCarried", message.header.pairs.length / 2)
  if (LegacyCommand.fromId(message.messageId) === undefined) return refuse("UnknownCommand", message.messageId)
  if (priority === "high" && message.bodyLength > minPiece) return refuse("HighPriorityTooLong", message.bodyLength)
  if (message.bodyLength > maxBodySize) return refuse("BodyTooLong", message.bodyLength)
  return undefined
}

const wireSize = (message: Message.Message): number => headerSize + message.bodyLength

const writeUint32 = (buffer: Uint8Array, at: number, value: number): void => {
  buffer[at] = value & 0xff
  buffer[at + 1] = (value >>> 8) & 0xff
  buffer[at + 2] = (value >>> 16) & 0xff
  buffer[at + 3] = value >>> 24
}

const writeHeader = (
  batch: WriteBatch.WriteBatch,
  magic: Uint8Array,
  message: Message.Message,
  checksum: number
): void => {
  batch.reserve(headerSize)
  const buffer = batch.buffer
  const start = batch.offset
  const command = LegacyCommand.encode(message.messageId)!
  for (let i = 0; i < magicSize; i++) buffer[start + i] = magic[i]!
  for (let i = 0; i < commandSize; i++) buffer[start + magicSize + i] = command[i]!
  writeUint32(buffer, start + magicSize + commandSize, message.bodyLength)
  const at = start + headerSize - 4
  buffer[at] = checksum >>> 24
  buffer[at + 1] = (checksum >>> 16) & 0xff
  buffer[at + 2] = (checksum >>> 8) & 0xff
  buffer[at + 3] = checksum & 0xff
  batch.commit(start + headerSize)
}

/** Writes one piece of a body. It is never empty where the body is not, so that only a beginning has offset 0. */
const writePiece = (body: Uint8Array, offset: number, batch: WriteBatch.WriteBatch): number => {
  const end = Math.min(body.length, offset + Math.max(batch.room, minPiece))
  if (end - offset === body.length) batch.append(body)
  else batch.gather(body, offset, end)
  return end
}

/**
 * Makes the envelope of one network.
 *
 * **Example** (Reading a recorded conversation)
 *
 * ```ts
 * import { LegacyEnvelope, Network, PacketReader } from "effect-flowee"
 *
 * const read = (recorded: Uint8Array, hash256: (bytes: Uint8Array) => Uint8Array) => {
 *   const envelope = LegacyEnvelope.make({ magic: Network.regtest.magic, hash256 })
 *   return PacketReader.make(envelope).push(recorded)
 * }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Envelope.Envelope => {
  const { hash256 } = options
  const magic = options.magic.slice(0, magicSize)
  const maxBodySize = options.maxBodySize ?? LegacyFormat.maxBody
  const deferAbove = options.deferAbove ?? Infinity
  return {
    name: "legacy",
    heartbeat: false,
    interleaves: false,
    check: (message, priority) => check(message, priority, maxBodySize),
    wireSize,
    write: (message, offset, batch) => {
      const body = message.body
      if (offset === 0) {
        const checksum = body.length === 0 ? LegacyFormat.emptyChecksum : LegacyFormat.checksum(hash256(body))
        writeHeader(batch, magic, message, checksum)
      }
      return body.length === 0 ? 0 : writePiece(body, offset, batch)
    },
    decoder: (limits) =>
      LegacyDecoder.make({
        magic,
        hash256,
        maxBodySize: Math.min(maxBodySize, limits.maxMessageSize ?? maxBodySize),
        maxBodySizeOf: options.maxBodySizeOf,
        deferAbove
      }),
    verify: (message, announced) => LegacyDecoder.verify(message, announced, hash256(Message.borrow(message))),
    ping: noBytes,
    pong: noBytes
  }
}

/**
 * Makes a legacy message of a command and its body. The body is empty by default, and is not copied: it must not
 * change until the message has left.
 *
 * @category constructors
 * @since 0.1.0
 */
export const message = (command: LegacyCommand.Command, body?: Uint8Array): Message.Message =>
  Message.make({ serviceId, messageId: LegacyCommand.Id[command], body })

/**
 * The command of a legacy message, or `undefined` when it is none.
 *
 * @category getters
 * @since 0.1.0
 */
export const commandOf = (self: Message.Message): LegacyCommand.Command | undefined =>
  self.serviceId === serviceId ? LegacyCommand.fromId(self.messageId) : undefined
