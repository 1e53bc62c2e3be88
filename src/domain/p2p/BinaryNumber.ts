/**
 * Descriptions of numbers, for `Binary`.
 *
 * **Details**
 *
 * All are little-endian but {@link uint16BigEndian}. Those of 64 bits are bigints, the others numbers. A number outside
 * of its range, or one with a fraction, cannot be written.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Binary from "./Binary.ts"
import * as BinaryError from "./BinaryError.ts"

const whole = (parts: {
  readonly size: number
  readonly minimum: number
  readonly maximum: number
  readonly readAt: (bytes: Uint8Array, at: number) => number
  readonly writeAt: (bytes: Uint8Array, at: number, value: number) => void
}): Binary.Fixed<number> => {
  const { maximum, minimum, readAt, size, writeAt } = parts
  return {
    size,
    minSize: size,
    isTail: false,
    readAt,
    read: (reader) => {
      const at = reader.take(size)
      return at < 0 ? 0 : readAt(reader.bytes, at)
    },
    write: (writer, value) => {
      if (!Number.isInteger(value) || value < minimum || value > maximum) {
        return writer.fail(new BinaryError.OutOfRange({ value, minimum, maximum }))
      }
      const at = writer.reserve(size)
      writeAt(writer.buffer, at, value)
    }
  }
}

const readUint16 = (bytes: Uint8Array, at: number): number => bytes[at] | (bytes[at + 1] << 8)

const readInt32 = (bytes: Uint8Array, at: number): number =>
  bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)

const readUint32 = (bytes: Uint8Array, at: number): number => readInt32(bytes, at) >>> 0

const writeUint16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value
  bytes[at + 1] = value >>> 8
}

const write32 = (bytes: Uint8Array, at: number, value: number): void => {
  writeUint16(bytes, at, value)
  writeUint16(bytes, at + 2, value >>> 16)
}

/**
 * 0 to 255.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uint8: Binary.Fixed<number> = whole({
  size: 1,
  minimum: 0,
  maximum: 0xff,
  readAt: (bytes, at) => bytes[at],
  writeAt: (bytes, at, value) => {
    bytes[at] = value
  }
})

/**
 * 0 to 65,535.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uint16: Binary.Fixed<number> = whole({
  size: 2,
  minimum: 0,
  maximum: 0xffff,
  readAt: readUint16,
  writeAt: writeUint16
})

/**
 * 0 to 65,535, the high byte first, as ports are written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uint16BigEndian: Binary.Fixed<number> = whole({
  size: 2,
  minimum: 0,
  maximum: 0xffff,
  readAt: (bytes, at) => (bytes[at] << 8) | bytes[at + 1],
  writeAt: (bytes, at, value) => {
    bytes[at] = value >>> 8
    bytes[at + 1] = value
  }
})

/**
 * 0 to 2^32-1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uint32: Binary.Fixed<number> = whole({
  size: 4,
  minimum: 0,
  maximum: 0xffff_ffff,
  readAt: readUint32,
  writeAt: write32
})

/**
 * -2^31 to 2^31-1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const int32: Binary.Fixed<number> = whole({
  size: 4,
  minimum: -0x8000_0000,
  maximum: 0x7fff_ffff,
  readAt: readInt32,
  writeAt: write32
})

const wide = (parts: {
  readonly minimum: bigint
  readonly maximum: bigint
  readonly readHigh: (bytes: Uint8Array, at: number) => number
}): Binary.Fixed<bigint> => {
  const { maximum, minimum, readHigh } = parts
  const readAt = (bytes: Uint8Array, at: number): bigint =>
    (BigInt(readHigh(bytes, at + 4)) << 32n) | BigInt(readUint32(bytes, at))
  return {
    size: 8,
    minSize: 8,
    isTail: false,
    readAt,
    read: (reader) => {
      const at = reader.take(8)
      return at < 0 ? 0n : readAt(reader.bytes, at)
    },
    write: (writer, value) => {
      if (value < minimum || value > maximum) {
        return writer.fail(new BinaryError.OutOfRange({ value, minimum, maximum }))
      }
      const at = writer.reserve(8)
      write32(writer.buffer, at, Number(value & 0xffff_ffffn))
      write32(writer.buffer, at + 4, Number((value >> 32n) & 0xffff_ffffn))
    }
  }
}

/**
 * 0 to 2^64-1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const uint64: Binary.Fixed<bigint> = wide({
  minimum: 0n,
  maximum: 0xffff_ffff_ffff_ffffn,
  readHigh: readUint32
})

/**
 * -2^63 to 2^63-1.
 *
 * @category constructors
 * @since 0.1.0
 */
export const int64: Binary.Fixed<bigint> = wide({
  minimum: -0x8000_0000_0000_0000n,
  maximum: 0x7fff_ffff_ffff_ffffn,
  readHigh: readInt32
})

/**
 * One byte: `false` is 0, and `true` is written as 1. Any other byte reads as `true`, as nodes do it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const flag: Binary.Fixed<boolean> = {
  size: 1,
  minSize: 1,
  isTail: false,
  readAt: (bytes, at) => bytes[at] !== 0,
  read: (reader) => uint8.read(reader) !== 0,
  write: (writer, value) => uint8.write(writer, value ? 1 : 0)
}

/**
 * A CompactSize: 0 to 2^53-1 in one, three, five or nine bytes, always the fewest.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compactSize: Binary.Binary<number> = Binary.make({
  minSize: 1,
  read: (reader) => reader.compactSize(),
  write: (writer, value) => {
    if (Number.isSafeInteger(value) && value >= 0) return writer.compactSize(value)
    writer.fail(new BinaryError.OutOfRange({ value, minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
  }
})

/**
 * A number up to a limit that is lower than that of its format.
 *
 * @category constructors
 * @since 0.1.0
 */
export const atMost = (of: Binary.Binary<number>, maximum: number): Binary.Binary<number> =>
  Binary.make({
    minSize: of.minSize,
    read: (reader) => {
      const start = reader.offset
      const value = of.read(reader)
      if (value > maximum) reader.fail(new BinaryError.OutOfRange({ value, minimum: 0, maximum }), start)
      return value
    },
    write: (writer, value) => {
      if (value > maximum) writer.fail(new BinaryError.OutOfRange({ value, minimum: 0, maximum }))
      else of.write(writer, value)
    }
  })
