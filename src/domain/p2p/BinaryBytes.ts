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
