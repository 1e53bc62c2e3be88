/**
 * The numbers of the legacy envelope (wire format, section 4).
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * The service id that stands for the peer-to-peer protocol of Bitcoin Cash: all legacy messages carry it.
 *
 * @category constants
 * @since 0.1.0
 */
export const serviceId = 0x1000

/**
 * The bytes of the magic, with which a packet begins.
 *
 * @category constants
 * @since 0.1.0
 */
export const magicSize = 4

/**
 * The bytes of a command, which follows the magic.
 *
 * @category constants
 * @since 0.1.0
 */
export const commandSize = 12

/**
 * Magic, command, body length and checksum: what precedes each body, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const headerSize = 24

/**
 * The largest body in bytes. A longer one is a corrupt stream.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxBody = 32_000_000

/**
 * The {@link checksum} of a body without bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const emptyChecksum = 0x5df6e0e2

/**
 * The checksum that follows from the double SHA-256 of a body: its first four bytes, as a number that reads like them.
 *
 * @category getters
 * @since 0.1.0
 */
export const checksum = (hash: Uint8Array): number =>
  ((hash[0]! << 24) | (hash[1]! << 16) | (hash[2]! << 8) | hash[3]!) >>> 0
