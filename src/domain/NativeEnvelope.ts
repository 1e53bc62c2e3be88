/**
 * The envelope between Flowee peers: a length, a header of tagged values, and a body that is cut into chunks when it
 * is long (wire format, section 2).
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as CompactInt from "./CompactInt.ts"
import type * as Envelope from "./Envelope.ts"
import * as Header from "./Header.ts"
import type * as Message from "./Message.ts"
import * as NativeDecoder from "./NativeDecoder.ts"
import * as NativeFormat from "./NativeFormat.ts"
import * as SendRefusal from "./SendRefusal.ts"
import * as WriteBatch from "./WriteBatch.ts"

const { maxChunk, maxHeaderValues, maxPacket, systemServiceId, Tag, Type } = NativeFormat

const maxInt31 = 0x7fffffff

/** Length bytes, ServiceId, MessageId, SequenceStart, LastInSequence and HeaderEnd at their longest. */
const fixedHeaderSize = 2 + 6 + 6 + 6 + 1 + 1

/**
 * A packet by which the dialling side asks whether the other side is still there.
 *
 * @category constants
 * @since 0.1.0
 */
export const ping: Uint8Array = Uint8Array.of(6, 0, 0x08, 0x7e, 0x2c, 0x04)

/**
 * The answer of the accepting side to a {@link ping}.
 *
 * @category constants
 * @since 0.1.0
 */
export const pong: Uint8Array = Uint8Array.of(6, 0, 0x08, 0x7e, 0x34, 0x04)

const refuse = (problem: SendRefusal.SendRefusal["problem"], value: number) =>
  new SendRefusal.SendRefusal({ problem, value })

const isInt31 = (n: number): boolean => Number.isInteger(n) && n >= -maxInt31 && n <= maxInt31

const headerValuesSize = (header: Header.Header): number => {
  const pairs = header.pairs
  let size = 0
  for (let i = 0; i < pairs.length; i += 2) {
    const tag = pairs[i]!
    size += (tag < 31 ? 1 : 1 + CompactInt.size(tag)) + CompactInt.size(Math.abs(pairs[i + 1]!))
  }
  return size
}

const checkHeader = (header: Header.Header): SendRefusal.SendRefusal | undefined => {
  const pairs = header.pairs
  if (Header.size(header) > maxHeaderValues) return refuse("TooManyHeaderValues", Header.size(header))
  for (let i = 0; i < pairs.length; i += 2) {
    const tag = pairs[i]!
    if (!Number.isInteger(tag) || tag < 0 || tag > 0xffffffff) return refuse("BadHeaderValue", tag)
    if (tag < Header.firstUserTag) return refuse("ReservedHeaderTag", tag)
    if (!isInt31(pairs[i + 1]!)) return refuse("BadHeaderValue", tag)
  }
  return undefined
}

const intSize = (n: number): number => 1 + CompactInt.size(n)

/** The length of the first packet of a message: none of the others is longer. */
const longestPacket = (message: Message.Message): number => {
  const { bodyLength, header, messageId, serviceId } = message
  const ids = intSize(serviceId) + intSize(Math.abs(messageId))
  const sequence = bodyLength > maxChunk ? intSize(bodyLength) + 1 : 0
  return 2 + ids + headerValuesSize(header) + sequence + 1 + Math.min(bodyLength, maxChunk)
}

const checkEncodedHeader = (message: Message.Message, encoded: Uint8Array): SendRefusal.SendRefusal | undefined => {
  if (message.bodyLength > maxChunk) return refuse("EncodedHeaderTooLong", message.bodyLength)
  if (2 + encoded.length + message.bodyLength > maxPacket) return refuse("EncodedHeaderTooLong", encoded.length)
  return NativeDecoder.isWholeHeader(encoded) ? undefined : refuse("BadEncodedHeader", encoded.length)
}

const check = (message: Message.Message, priority: Message.Priority): SendRefusal.SendRefusal | undefined => {
  const { bodyLength, messageId, serviceId } = message
  if (message.encodedHeader !== undefined) return checkEncodedHeader(message, message.encodedHeader)
  if (!isInt31(serviceId) || serviceId < 0) return refuse("NoServiceId", serviceId)
  if (serviceId === systemServiceId) return refuse("ReservedServiceId", serviceId)
  if (!isInt31(messageId) || messageId < -1) return refuse("BadMessageId", messageId)
  if (priority === "high" && bodyLength > maxChunk) return refuse("HighPriorityTooLong", bodyLength)
  if (bodyLength > maxInt31) return refuse("BodyTooLong", bodyLength)
  if (message.header.pairs.length === 0) return undefined
  const refused = checkHeader(message.header)
  if (refused !== undefined) return refused
  const longest = longestPacket(message)
  return longest > maxPacket ? refuse("HeaderTooLong", longest) : undefined
}

const wireSize = (message: Message.Message): number => {
  const length = message.bodyLength
  const header = message.encodedHeader === undefined
    ? fixedHeaderSize + (message.header.pairs.length === 0 ? 0 : headerValuesSize(message.header))
    : 2 + message.encodedHeader.length
  if (length <= maxChunk) return header + length
  return header + length + Math.ceil(length / maxChunk) * fixedHeaderSize
}

const writeInt = (buffer: Uint8Array, at: number, tag: number, value: number): number => {
  const type = value < 0 ? Type.negative : Type.positive
  if (tag < 31) buffer[at++] = (tag << 3) | type
  else {
    buffer[at++] = 0xf8 | type
    at = CompactInt.write(buffer, at, tag)
  }
  const absolute = value < 0 ? -value : value
  if (absolute < 0x80) {
    buffer[at] = absolute
    return at + 1
  }
  return CompactInt.write(buffer, at, absolute)
}

const writeFirstHeader = (buffer: Uint8Array, at: number, message: Message.Message, total: number): number => {
  at = writeInt(buffer, at, Tag.serviceId, message.serviceId)
  at = writeInt(buffer, at, Tag.messageId, message.messageId)
  const pairs = message.header.pairs
  for (let i = 0; i < pairs.length; i += 2) at = writeInt(buffer, at, pairs[i]!, pairs[i + 1]!)
  if (total > maxChunk) {
    at = writeInt(buffer, at, Tag.sequenceStart, total)
    buffer[at++] = (Tag.lastInSequence << 3) | Type.no
  }
  buffer[at++] = NativeFormat.headerEnd
  return at
}

const writeLaterHeader = (buffer: Uint8Array, at: number, message: Message.Message, last: boolean): number => {
  at = writeInt(buffer, at, Tag.serviceId, message.serviceId)
  if (message.messageId >= 0) at = writeInt(buffer, at, Tag.messageId, message.messageId)
  buffer[at++] = (Tag.lastInSequence << 3) | (last ? Type.yes : Type.no)
  buffer[at++] = NativeFormat.headerEnd
  return at
}

const writeLength = (buffer: Uint8Array, at: number, length: number): void => {
  buffer[at] = length & 0xff
  buffer[at + 1] = length >> 8
}

const writeWhole = (message: Message.Message, batch: WriteBatch.WriteBatch): number => {
  const body = message.body
  const encoded = message.encodedHeader
  const headerSize = encoded === undefined ? fixedHeaderSize + message.header.pairs.length * 6 : 2 + encoded.length
  const isCopied = body.length < WriteBatch.gatherThreshold
  batch.reserve(isCopied ? headerSize + body.length : headerSize)
  const buffer = batch.buffer
  const start = batch.offset
  let at = start + 2
  if (encoded === undefined) at = writeFirstHeader(buffer, at, message, body.length)
  else {
    buffer.set(encoded, at)
    at += encoded.length
  }
  writeLength(buffer, start, at - start + body.length)
  if (isCopied) batch.commit(WriteBatch.copy(body, buffer, at))
  else {
    batch.commit(at)
    batch.append(body)
  }
  return body.length
}

const writeFirstChunk = (message: Message.Message, batch: WriteBatch.WriteBatch): number => {
  batch.reserve(fixedHeaderSize + message.header.pairs.length * 6)
  const start = batch.offset
  const at = writeFirstHeader(batch.buffer, start + 2, message, message.bodyLength)
  writeLength(batch.buffer, start, at - start + maxChunk)
  batch.commit(at)
  batch.gather(message.body, 0, maxChunk)
  return maxChunk
}

const writeLaterChunks = (message: Message.Message, offset: number, batch: WriteBatch.WriteBatch): number => {
  const body = message.body
  // All chunks between the first and the last have the same header: it is encoded once and shared by them.
  let middle: Uint8Array | undefined
  do {
    const end = Math.min(offset + maxChunk, body.length)
    const last = end === body.length
    if (last || middle === undefined) {
      batch.reserve(fixedHeaderSize)
      const start = batch.offset
      const at = writeLaterHeader(batch.buffer, start + 2, message, last)
      writeLength(batch.buffer, start, at - start + end - offset)
      if (!last) middle = batch.copyOf(start, at)
      batch.commit(at)
    } else batch.gatherPiece(middle)
    batch.gather(body, offset, end)
    offset = end
  } while (offset < body.length && batch.room >= fixedHeaderSize + maxChunk)
  return offset
}

const write = (message: Message.Message, offset: number, batch: WriteBatch.WriteBatch): number => {
  if (message.bodyLength <= maxChunk) return writeWhole(message, batch)
  const from = offset === 0 ? writeFirstChunk(message, batch) : offset
  return offset === 0 && batch.room < fixedHeaderSize + maxChunk ? from : writeLaterChunks(message, from, batch)
}

/**
 * The native envelope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const envelope: Envelope.Envelope = {
  name: "native",
  heartbeat: true,
  interleaves: true,
  check,
  wireSize,
  write,
  decoder: NativeDecoder.make,
  ping,
  pong
}
