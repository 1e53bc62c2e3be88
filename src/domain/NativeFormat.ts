/**
 * The numbers of the native envelope (wire format, sections 1 and 2).
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * The largest packet in bytes, its length included. A longer one is a corrupt stream.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxPacket = 9000

/**
 * The largest piece of a body that one packet carries, in bytes. Longer bodies are cut into chunks of this size.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxChunk = 8000

/**
 * How many values of its own an application may put into a header.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxHeaderValues = 95

/**
 * The service that carries pings and pongs.
 *
 * @category constants
 * @since 0.1.0
 */
export const systemServiceId = 126

/**
 * The byte that ends a header: tag 0, true.
 *
 * @category constants
 * @since 0.1.0
 */
export const headerEnd = 0x04

/**
 * The header tags that belong to the envelope.
 *
 * @category constants
 * @since 0.1.0
 */
export const Tag = {
  headerEnd: 0,
  serviceId: 1,
  messageId: 2,
  sequenceStart: 3,
  lastInSequence: 4,
  ping: 5,
  pong: 6,
  /** 7, 8 and 9 are reserved: a header that has them is malformed. */
  firstReserved: 7
} as const

/**
 * The value types of the tagged format, as the low three bits of a value's first byte.
 *
 * @category constants
 * @since 0.1.0
 */
export const Type = {
  positive: 0,
  negative: 1,
  string: 2,
  bytes: 3,
  yes: 4,
  no: 5,
  double: 6
} as const
