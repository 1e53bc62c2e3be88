/**
 * CRC-32, the checksum of zip, gzip and PNG (polynomial 0xEDB88320, reflected).
 *
 * It finds what disks and editors do to bytes by accident. It is no defence against somebody who means to.
 */

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

/**
 * The checksum of ASCII text that follows text with the checksum `before`. Of other characters the low 8 bits count.
 *
 * @internal
 */
export const update = (before: number, text: string): number => {
  let crc = ~before
  for (let at = 0; at < text.length; at++) crc = (crc >>> 8) ^ table[(crc ^ text.charCodeAt(at)) & 0xff]!
  return ~crc >>> 0
}

/** Eight hexadecimal digits. @internal */
export const format = (crc: number): string => crc.toString(16).padStart(8, "0")
