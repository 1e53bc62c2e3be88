/**
 * Effect Schemas on the wire: a struct whose fields carry tags becomes a codec between its type and the bytes of a body.
 *
 * A body is a flat run of tagged values. A field of the struct says with {@link tag} which values are its own; how they
 * travel follows from the schema:
 *
 * | schema | on the wire |
 * |---|---|
 * | `Int`, `Natural`, any `Number` with a check for integers | an integer, up to 2^53-1 in either direction |
 * | `BigInt` | an integer, up to 2^64-1 in either direction |
 * | `Number`, `Finite` | a double |
 * | {@link numberOrDouble}, {@link lenientDouble} | an integer or a double |
 * | `String`, `TemplateLiteral` | a string |
 * | `Boolean` | a boolean |
 * | `Uint8Array` | a byte array |
 * | `Literal`, `Literals`, `Enum` | what the literal is: an integer, a double, a string, a boolean |
 * | `Union` of these | as the first member that takes the value |
 * | `Array`, `NonEmptyArray` of these | the tag repeated, once for each element |
 * | {@link records}, {@link group} | a list of structs |
 * | any of these with checks, a brand or a transformation | as its encoded side |
 * | `Schema.tag` without a wire tag, as in tagged structs and classes | nothing: it is the same in each value |
 *
 * Fields are written in declared order and read in any. Tags that no field has are skipped. A key that is optional, or
 * has a default, may be absent; an array that is absent is empty.
 *
 * **Example** (A body)
 *
 * ```ts
 * import * as Wire from "effect-flowee/Wire"
 * import { Schema } from "effect"
 *
 * const Block = Schema.Struct({
 *   height: Schema.Natural.pipe(Wire.tag(7)),
 *   hash: Schema.Uint8Array.pipe(Wire.tag(5)),
 *   transactions: Wire.records(
 *     Schema.Struct({
 *       offset: Schema.optionalKey(Schema.Natural).pipe(Wire.tag(8)),
 *       outputs: Wire.group(Schema.Struct({
 *         index: Schema.Natural.pipe(Wire.tag(24)),
 *         amount: Schema.BigInt.pipe(Wire.tag(6))
 *       }))
 *     }),
 *     { separators: "after" }
 *   )
 * })
 *
 * const codec = Wire.codec(Block)
 * const body = codec.encode({ height: 1, hash: new Uint8Array(32), transactions: [] })
 * const block = codec.decode(Uint8Array.of(0x38, 0x01)) // fails: hash (tag 5) is missing
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as BodyError from "./BodyError.ts"
import * as Message from "./Message.ts"
import * as TaggedParser from "./TaggedParser.ts"
import * as WireAnnotation from "./internal/wireAnnotation.ts"
import * as WireCompiler from "./internal/wireCompiler.ts"
import * as WireDecoder from "./internal/wireDecoder.ts"
import * as WireEncoder from "./internal/wireEncoder.ts"

/**
 * Gives the key of a struct its tag on the wire: a whole number from 1 to 2^32-1.
 *
 * **Details**
 *
 * It makes no difference where among optional keys, checks, brands and transformations of the field it is given. No
 * other field of the body may have the same tag, at whatever depth. What is wrong with a tag is said by {@link codec}.
 *
 * **Gotchas**
 *
 * A struct that was derived with `Schema.toEncoded` has lost the tags of its transformed fields, and so has a list of
 * structs under `Schema.withDecodingDefaultKey`. The codec is refused then.
 *
 * @category annotations
 * @since 0.1.0
 */
export const tag = (id: number) => <S extends Schema.Top>(self: S): S["Rebuild"] =>
  Schema.annotateKey<S>({ [WireAnnotation.tagKey]: id })(self)

/**
 * A list of structs with separators (tag 0, true) between or after them.
 *
 * **Details**
 *
 * Both are read alike: it is no error when the last separator is missing, or there. What differs is how they are
 * written, and what nothing between two separators means. The lists of the Hub API of which recordings exist are:
 *
 * - `between`, the default: requests and replies of IsUnspent and GetUnspentOutput. Nothing between separators is no
 *   record, so a record whose fields are all absent cannot be written.
 * - `after`: the transactions of GetBlock and the hits of SearchMempool. Each separator ends a record, though it be
 *   empty.
 *
 * The element may also be a single value that carries a tag, in place of a struct: the values are then separated.
 * A body has one list with separators at most. As a field, the list has no tag of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const records = <S extends Schema.Constraint>(
  element: S,
  options?: { readonly separators?: "between" | "after" | undefined }
): Schema.$Array<S> => list(element, { kind: "records", separators: options?.separators ?? "between" })

/**
 * A list of structs that repeat in order, with nothing between them.
 *
 * **Details**
 *
 * Where the next element begins is seen from the tags. If the first field is always there (its key is neither optional
 * nor has it a default), an element begins with it, and its other fields may come in any order. Else an element begins
 * where the declared order is broken: at a tag that comes again, or that is declared before the last one. For that some
 * field has to be always there. A group without one is refused when the codec is built.
 *
 * As a field, the list has no tag of its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const group = <S extends Schema.Constraint>(
  element: S,
  options?: {
    /**
     * The tag that every element begins with: that of its first field. It changes nothing, but a codec is refused if
     * that is not so. Default: not checked.
     */
    readonly startTag?: number | undefined
  }
): Schema.$Array<S> => list(element, { kind: "group", startTag: options?.startTag })

const list = <S extends Schema.Constraint>(element: S, how: WireAnnotation.List): Schema.$Array<S> =>
  Schema.Array(element).annotate({ [WireAnnotation.listKey]: how })

const number = (form: WireAnnotation.NumberForm): Schema.Finite =>
  Schema.Finite.annotate({ [WireAnnotation.numberKey]: form })

/**
 * A finite number that is read from an integer or a double, and written as an integer when it is whole, else as a double.
 *
 * **Details**
 *
 * Integers beyond 2^53-1 in either direction are refused by the reader; such numbers are written as doubles, and so is -0.
 *
 * @category schemas
 * @since 0.1.0
 */
export const numberOrDouble: Schema.Finite = number("intOrDouble")

/**
 * A finite number that is read from an integer or a double, and always written as a double.
 *
 * **Details**
 *
 * The Hub API calls `VerificationProgress` and `MempoolMinFee` numbers that come as integers when they are whole. The
 * Hub of the recordings sends doubles even then.
 *
 * @category schemas
 * @since 0.1.0
 */
export const lenientDouble: Schema.Finite = number("double")

/**
 * What a body is read from.
 *
 * **Details**
 *
 * - Bytes: byte arrays in the value are views of them, good for as long as the bytes are left alone.
 * - A message: byte arrays in the value may be kept.
 * - A parser: the values after its current one, up to the end.
 *
 * @category models
 * @since 0.1.0
 */
export type Input = Uint8Array | Message.Message | TaggedParser.TaggedParser

/**
 * Reads and writes bodies of one kind.
 *
 * @category models
 * @since 0.1.0
 */
export interface Codec<A> {
  /**
   * Writes a value as a body. The bytes may be kept; results over 64 bytes may lie in one `ArrayBuffer` with others, so
   * do not transfer that buffer to another thread.
   */
  readonly encode: (value: A) => Result.Result<Uint8Array, BodyError.BodyEncodeError>
  /**
   * Reads a body. Whatever the bytes are, it gives a value or an error. To read a message whose handler has ended is a
   * defect, as it is with `Message.parser`.
   */
  readonly decode: (input: Input) => Result.Result<A, BodyError.BodyDecodeError>
  /**
   * As `decode`, with a pause after each thousand elements of lists, some milliseconds at most. The bytes must not change
   * before it is through, nor the handler of a message end.
   *
   * A long string is read in one go, and so are transformations and checks of a list as a whole, other than those of its
   * elements.
   */
  readonly decodeInPieces: (input: Input) => Generator<void, Result.Result<A, BodyError.BodyDecodeError>>
}

/**
 * Options of {@link codec}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The most elements that all lists of a body may have together. Default: {@link defaultMaxElements}. */
  readonly maxElements?: number | undefined
}

/**
 * The most elements that all lists of a body may have together when a codec is not told otherwise: 1,000,000.
 *
 * **Details**
 *
 * An element can take one byte of a body, but some 100 bytes of memory, so this and not the length of a body is what
 * bounds the memory of a value. 32 MB of ordinary transactions have fewer inputs and outputs.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultMaxElements = 1_000_000

const codecs = new WeakMap<Schema.Constraint, Codec<unknown>>()

/**
 * Makes the codec for bodies of a schema: a struct or class whose fields carry tags, or a list of them.
 *
 * **Details**
 *
 * The schema is compiled once, however often this is called with it. Throws an `Error` that names the field when a field
 * has no tag, an illegal one, or that of another field; when its type has no form on the wire; or when nothing tells
 * where the elements of a list end.
 *
 * Decoding runs the checks and transformations that the schema has, and none where it has none. Transformations have to
 * be synchronous.
 *
 * @category constructors
 * @since 0.1.0
 */
export const codec = <S extends Schema.ConstraintCodec<unknown, unknown>>(
  schema: S,
  options?: Options
): Codec<S["Type"]> => {
  if (options?.maxElements !== undefined) return make(schema, options.maxElements)
  let codec = codecs.get(schema)
  if (codec === undefined) {
    codec = make(schema, defaultMaxElements)
    codecs.set(schema, codec)
  }
  return codec as Codec<S["Type"]>
}

const make = <A>(schema: Schema.Constraint, maxElements: number): Codec<A> => {
  const body = WireCompiler.compile(schema)
  return {
    encode: (value) => WireEncoder.encode(body, value),
    decode: (input) =>
      WireDecoder.decode(body, parserOf(input), maxElements) as Result.Result<A, BodyError.BodyDecodeError>,
    decodeInPieces: (input) =>
      WireDecoder.decodeInPieces(body, parserOf(input), maxElements) as Generator<
        void,
        Result.Result<A, BodyError.BodyDecodeError>
      >
  }
}

const parserOf = (input: Input): TaggedParser.TaggedParser =>
  input instanceof Uint8Array
    ? TaggedParser.make(input)
    : Message.isMessage(input)
    ? Message.parser(input)
    : input
