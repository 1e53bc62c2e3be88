/**
 * Descriptions of bytes and strings, for `Binary`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Binary from "./Binary.ts"
import * as BinaryError from "./BinaryError.ts"
import type * as BinaryReader from "./BinaryReader.ts"

const noBytes = new Uint8Array(0)

/**
 * A run of bytes of that length. A value of another length cannot be written.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bytes = (size: number): Binary.Fixed<Uint8Array> => ({
  size,
  minSize: size,
  isTail: false,
  readAt: (input, at) => input.subarray(at, at + size),
  read: (reader) => {
    const at = reader.take(size)
    return at < 0 ? noBytes : reader.bytes.subarray(at, at + size)
  },
  write: (writer, value) => {
    if (value.length === size) writer.append(value)
    else writer.fail(new BinaryError.WrongLength({ length: value.length, expected: size }))
  }
})

/**
 * A hash of 32 bytes, in the order of the wire. `HashHex` shows it as people know it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hash: Binary.Fixed<Uint8Array> = bytes(32)

/** Reads a length and checks it, and says where the bytes begin: -1 when there is no such run. */
const takeRun = (reader: BinaryReader.BinaryReader, limit: number): number => {
  const start = reader.offset
  const length = reader.compactSize()
  if (length > limit) reader.fail(new BinaryError.TooLong({ length, limit }), start)
  return reader.hasFailed ? -1 : reader.take(length)
}

/**
 * A run of at most `limit` bytes, its length before it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const varBytes = (limit: number): Binary.Binary<Uint8Array> =>
  Binary.make({
    minSize: 1,
    read: (reader) => {
      const at = takeRun(reader, limit)
      return at < 0 ? noBytes : reader.bytes.subarray(at, reader.offset)
    },
    write: (writer, value) => {
      if (value.length > limit) return writer.fail(new BinaryError.TooLong({ length: value.length, limit }))
      writer.compactSize(value.length)
      writer.append(value)
    }
  })

/**
 * A string of at most `limit` bytes, its length before it.
 *
 * **Details**
 *
 * Each byte is one character, U+0000 to U+00FF. The protocol does not say which encoding strings have; they are ASCII
 * in practice, and this way no byte is lost.
 *
 * **Gotchas**
 *
 * A peer may put control characters into it. Clean it before it reaches a terminal or a log.
 *
 * @category constructors
 * @since 0.1.0
 */
export const varString = (limit: number): Binary.Binary<string> =>
  Binary.make({
    minSize: 1,
    read: (reader) => {
      const at = takeRun(reader, limit)
      if (at < 0) return ""
      let text = ""
      for (let i = at; i < reader.offset; i++) text += String.fromCharCode(reader.bytes[i])
      return text
    },
    write: (writer, value) => {
      if (value.length > limit) return writer.fail(new BinaryError.TooLong({ length: value.length, limit }))
      writer.compactSize(value.length)
      const at = writer.reserve(value.length)
      for (let i = 0; i < value.length; i++) {
        const code = value.charCodeAt(i)
        if (code > 0xff) return writer.fail(new BinaryError.WideCharacter({ position: i }))
        writer.buffer[at + i] = code
      }
    }
  })

/**
 * All bytes up to the end of the input, at most `limit` of them. Nothing can follow it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rest = (limit: number): Binary.Binary<Uint8Array> =>
  Binary.make({
    minSize: 0,
    isTail: true,
    read: (reader) => {
      const length = reader.available
      const start = reader.offset
      if (length > limit) {
        reader.fail(new BinaryError.TooLong({ length, limit }), start)
        return noBytes
      }
      return reader.bytes.subarray(reader.take(length), start + length)
    },
    write: (writer, value) => {
      if (value.length > limit) return writer.fail(new BinaryError.TooLong({ length: value.length, limit }))
      writer.append(value)
    }
  })

/**
 * What a list of packed items is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface PackedOptions {
  /** The size of an item in bytes. */
  readonly size: number
  /** Bytes after each item that are always the same and tell nothing. */
  readonly after: Uint8Array
  /** The most items. */
  readonly limit: number
}

/**
 * A list of items of the same size, their number before them: one byte array in which they follow each other, without
 * what stands between them in the input. It is for lists of thousands, whose items are looked at where they are.
 *
 * **Details**
 *
 * The array is no view of the input but memory of its own. One that ends within an item cannot be written.
 *
 * **Example** (Points with a zero after each)
 *
 * ```ts
 * import { Binary, BinaryBytes } from "effect-flowee"
 *
 * const points = BinaryBytes.packed({ size: 2, after: Uint8Array.of(0), limit: 100 })
 * const bytes = Binary.encode(points, Uint8Array.of(1, 2, 3, 4)) // 02 0102 00 0304 00
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const packed = ({ after, limit, size }: PackedOptions): Binary.Binary<Uint8Array> => {
  const stride = size + after.length
  return Binary.make<Uint8Array>({
    minSize: 1,
    read: (reader) => {
      const count = reader.count(limit, stride)
      const items = new Uint8Array(count * size)
      for (let i = 0; i < count; i++) {
        copy(reader.bytes, reader.take(size), items, i * size, size)
        reader.expect(after)
        if (!reader.hasFailed) continue
        reader.enclose(i)
        return noBytes
      }
      return items
    },
    write: (writer, items) => {
      const count = Math.ceil(items.length / size)
      if (count > limit) return writer.fail(new BinaryError.TooMany({ count, limit }))
      if (items.length < count * size) {
        return writer.fail(new BinaryError.WrongLength({ length: items.length, expected: count * size }))
      }
      writer.compactSize(count)
      const start = writer.reserve(count * stride)
      for (let i = 0; i < count; i++) {
        const at = start + i * stride
        copy(items, i * size, writer.buffer, at, size)
        writer.buffer.set(after, at + size)
      }
    }
  })
}

/** For items of some bytes this is faster than a subarray that lives for one call. */
const copy = (from: Uint8Array, start: number, to: Uint8Array, at: number, size: number): void => {
  for (let i = 0; i < size; i++) to[at + i] = from[start + i]
}
