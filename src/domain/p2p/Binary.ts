/**
 * Descriptions of binary formats: one description is the reader, the writer and the TypeScript type.
 *
 * A format is put together from the parts here and the numbers of `BinaryNumber`, so that what is read and what is
 * written cannot drift apart.
 *
 * **Details**
 *
 * - Counts and lengths are CompactSizes in their shortest form; a longer form is malformed. Other implementations
 *   refuse it too, and so each value has one encoding.
 * - Every list, string and run of bytes has a limit, which is checked before memory is taken.
 * - Bytes that follow the value are malformed, unless the caller says that they are to be ignored.
 * - Foreign bytes never throw. Decoding stops at the first fault and says where it is.
 *
 * **Gotchas**
 *
 * Byte arrays that were read are views of the input: they are good as long as the input is left alone, and a single one
 * that is kept keeps the whole input in memory. Copy it where that matters.
 *
 * **Example** (A list of points)
 *
 * ```ts
 * import { Binary, BinaryNumber } from "effect-flowee"
 *
 * const points = Binary.array(Binary.struct({ x: BinaryNumber.uint16, y: BinaryNumber.uint16 }), 100)
 * const bytes = Binary.encode(points, [{ x: 1, y: 2 }]) // 01 0100 0200
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as BinaryError from "./BinaryError.ts"
import * as BinaryReader from "./BinaryReader.ts"
import * as BinaryWriter from "./BinaryWriter.ts"

/**
 * The description of a format that holds values of one type.
 *
 * @category models
 * @since 0.1.0
 */
export interface Binary<A> {
  /** The fewest bytes that a value takes. */
  readonly minSize: number
  /** Whether the end of a value is the end of the input, so that nothing can follow it. */
  readonly isTail: boolean
  /** Reads a value. After a failure of the reader the result means nothing. */
  readonly read: (reader: BinaryReader.BinaryReader) => A
  readonly write: (writer: BinaryWriter.BinaryWriter, value: A) => void
}

/**
 * The description of a format in which each value takes the same number of bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fixed<A> extends Binary<A> {
  /** In bytes. */
  readonly size: number
  /** Reads the value at an offset. The bytes must be there. */
  readonly readAt: (bytes: Uint8Array, at: number) => A
}

/**
 * The description of a value that may be missing at the end of the input.
 *
 * @category models
 * @since 0.1.0
 */
export interface OptionalTail<A> extends Binary<A | undefined> {
  readonly isOptional: true
}

/**
 * Any description, whatever it holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Any {
  readonly minSize: number
  readonly isTail: boolean
  readonly read: (reader: BinaryReader.BinaryReader) => unknown
  readonly write: (writer: BinaryWriter.BinaryWriter, value: never) => void
}

/**
 * The type of the values that a description holds.
 *
 * @category models
 * @since 0.1.0
 */
export type Type<B> = B extends { readonly read: (reader: BinaryReader.BinaryReader) => infer A } ? A : never

/**
 * The fields of a {@link Struct}, in the order of their bytes.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = { readonly [name: string]: Any }

type OptionalName<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly isOptional: true } ? K : never
}[keyof F]

type Simplify<A> = { readonly [K in keyof A]: A[K] }

/**
 * The type of the values of a {@link Struct}.
 *
 * @category models
 * @since 0.1.0
 */
export type StructType<F extends Fields> = Simplify<
  & { readonly [K in Exclude<keyof F, OptionalName<F>>]: Type<F[K]> }
  & { readonly [K in OptionalName<F>]?: Type<F[K]> }
>

/**
 * The description of an object, whose fields follow each other.
 *
 * @category models
 * @since 0.1.0
 */
export interface Struct<F extends Fields> extends Binary<StructType<F>> {
  readonly fields: F
  /** Where each field begins, when no field before it varies in size. Other fields are missing. */
  readonly offsets: { readonly [K in keyof F]: number }
}

/**
 * Makes a description by hand, for what the parts here cannot say.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A>(parts: {
  readonly minSize: number
  /** Default: false. */
  readonly isTail?: boolean | undefined
  readonly read: Binary<A>["read"]
  readonly write: Binary<A>["write"]
}): Binary<A> => ({ minSize: parts.minSize, isTail: parts.isTail ?? false, read: parts.read, write: parts.write })

/** A description that is put together wrongly is a fault of the program. */
const refuseTail = (of: Any, where: string): void => {
  if (of.isTail) throw new Error(`Binary: what reads up to the end of the input cannot stand in ${where}`)
}

const readItems = <A>(reader: BinaryReader.BinaryReader, of: Binary<A>, count: number): Array<A> => {
  const items: Array<A> = []
  for (let i = 0; i < count; i++) {
    const item = of.read(reader)
    if (reader.hasFailed) {
      reader.enclose(i)
      return items
    }
    items.push(item)
  }
  return items
}

const writeItems = <A>(writer: BinaryWriter.BinaryWriter, of: Binary<A>, items: ReadonlyArray<A>): void => {
  for (let i = 0; i < items.length; i++) {
    of.write(writer, items[i])
    if (writer.hasFailed) return writer.enclose(i)
  }
}

/**
 * A list of at most `limit` items, their number before it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const array = <A>(of: Binary<A>, limit: number): Binary<ReadonlyArray<A>> => {
  refuseTail(of, "a list")
  return make<ReadonlyArray<A>>({
    minSize: 1,
    read: (reader) => readItems(reader, of, reader.count(limit, of.minSize)),
    write: (writer, items) => {
      if (items.length > limit) return writer.fail(new BinaryError.TooMany({ count: items.length, limit }))
      writer.compactSize(items.length)
      writeItems(writer, of, items)
    }
  })
}

/**
 * Items up to the end of the input, at most `limit` of them, with no number before them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const items = <A>(of: Binary<A>, limit: number): Binary<ReadonlyArray<A>> => {
  refuseTail(of, "a list")
  if (of.minSize === 0) throw new Error("Binary: items without bytes have no end")
  return make<ReadonlyArray<A>>({
    minSize: 0,
    isTail: true,
    read: (reader) => {
      const found: Array<A> = []
      while (reader.available > 0 && !reader.hasFailed) {
        const start = reader.offset
        const item = of.read(reader)
        if (reader.hasFailed) reader.enclose(found.length)
        else if (found.length === limit) reader.fail(new BinaryError.TooMany({ count: limit + 1, limit }), start)
        else found.push(item)
      }
      return found
    },
    write: (writer, values) => {
      if (values.length > limit) return writer.fail(new BinaryError.TooMany({ count: values.length, limit }))
      writeItems(writer, of, values)
    }
  })
}

/**
 * An object whose fields follow each other.
 *
 * @category constructors
 * @since 0.1.0
 */
export const struct = <const F extends Fields>(fields: F): Struct<F> => {
  const names = Object.keys(fields)
  const parts: ReadonlyArray<Any> = names.map((name) => fields[name])
  for (const part of parts.slice(0, -1)) refuseTail(part, "the middle of an object")
  const read = (reader: BinaryReader.BinaryReader): unknown => {
    const value: Record<string, unknown> = {}
    for (let i = 0; i < parts.length; i++) {
      const field = parts[i].read(reader)
      if (reader.hasFailed) {
        reader.enclose(names[i])
        return value
      }
      if (field !== undefined) value[names[i]] = field
    }
    return value
  }
  const write = (writer: BinaryWriter.BinaryWriter, value: { readonly [name: string]: unknown }): void => {
    for (let i = 0; i < parts.length; i++) {
      parts[i].write(writer, value[names[i]] as never)
      if (writer.hasFailed) return writer.enclose(names[i])
    }
  }
  return {
    fields,
    offsets: toOffsets(names, parts) as Struct<F>["offsets"],
    minSize: parts.reduce((sum, part) => sum + part.minSize, 0),
    isTail: parts.at(-1)?.isTail ?? false,
    read: read as Struct<F>["read"],
    write: write as Struct<F>["write"]
  }
}

const toOffsets = (names: ReadonlyArray<string>, parts: ReadonlyArray<Any>): { readonly [name: string]: number } => {
  const offsets: Record<string, number> = {}
  let offset = 0
  for (let i = 0; i < parts.length; i++) {
    offsets[names[i]] = offset
    if (!("size" in parts[i])) break
    offset += parts[i].minSize
  }
  return offsets
}

/**
 * A value that may be missing when the input ends before it. Nothing can follow it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const optionalTail = <A>(of: Binary<A>): OptionalTail<A> => ({
  isOptional: true,
  minSize: 0,
  isTail: true,
  read: (reader) => reader.available === 0 ? undefined : of.read(reader),
  write: (writer, value) => {
    if (value !== undefined) of.write(writer, value)
  }
})

/**
 * A value with bytes after it that are always the same, such as a count that is zero, and that tell nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const followedBy = <A>(of: Binary<A>, constant: Uint8Array): Binary<A> => {
  refuseTail(of, "front of other bytes")
  return make({
    minSize: of.minSize + constant.length,
    read: (reader) => {
      const value = of.read(reader)
      if (!reader.hasFailed) reader.expect(constant)
      return value
    },
    write: (writer, value) => {
      of.write(writer, value)
      writer.append(constant)
    }
  })
}

/**
 * How to decode.
 *
 * @category models
 * @since 0.1.0
 */
export interface DecodeOptions {
  /** What becomes of bytes after the value. Default: "reject", they make the input malformed. */
  readonly trailing?: "reject" | "ignore" | undefined
}

/**
 * Reads the value that the bytes hold.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = <A>(
  of: Binary<A>,
  input: Uint8Array,
  options?: DecodeOptions
): Result.Result<A, BinaryError.BinaryDecodeError> => {
  const reader = BinaryReader.make(input)
  const value = of.read(reader)
  if (!reader.hasFailed && reader.available > 0 && options?.trailing !== "ignore") {
    reader.fail(new BinaryError.TrailingBytes({ count: reader.available }), reader.offset)
  }
  const failure = reader.failure
  return failure === undefined ? Result.succeed(value) : Result.fail(failure)
}

/**
 * Writes a value.
 *
 * **Gotchas**
 *
 * A value that is nothing but one large run of bytes is not copied: it must not change until the result has been used.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = <A>(of: Binary<A>, value: A): Result.Result<Uint8Array, BinaryError.BinaryEncodeError> => {
  const writer = BinaryWriter.make()
  of.write(writer, value)
  const failure = writer.failure
  return failure === undefined ? Result.succeed(writer.finish()) : Result.fail(failure)
}

/**
 * Writes a value that is known to fit, for example because it was read. One that does not fit is a defect.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeUnsafe = <A>(of: Binary<A>, value: A): Uint8Array => Result.getOrThrow(encode(of, value))
