/**
 * What a schema becomes before a body is read or written with it: fields with their tags, in declared order, and for
 * each tag the field that takes it. Machinery of `Wire`; there is no reason to use it alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as TaggedParser from "../TaggedParser.ts"
import type * as TaggedWriter from "../TaggedWriter.ts"
import type * as WireConversion from "./wireConversion.ts"

/**
 * How one value travels.
 *
 * @category models
 * @since 0.1.0
 */
export interface Leaf {
  /** What errors call it: "an integer". */
  readonly expected: string
  /** The current value of a parser; `undefined` when it is no value of this kind. */
  readonly read: (parser: TaggedParser.TaggedParser) => unknown
  /** Whether a value can be written. */
  readonly accepts: (value: unknown) => boolean
  /** Writes a value that `accepts` took. */
  readonly write: (writer: TaggedWriter.TaggedWriter, tag: number, value: unknown) => void
}

/**
 * How a list of structs is told apart on the wire.
 *
 * **Details**
 *
 * - `between`: records with separators between them.
 * - `after`: records that each end with a separator.
 * - `start`: elements that begin with their first field.
 * - `order`: elements that begin where the declared order is broken.
 *
 * @category models
 * @since 0.1.0
 */
export type Boundary = "between" | "after" | "start" | "order"

/**
 * What becomes of a field whose tag does not come: the body is refused, the key is left out, the transformation of the
 * key decides, it is an empty list, or it never travels.
 *
 * @category models
 * @since 0.1.0
 */
export type Absent = "fails" | "omitted" | "converted" | "empty" | "constant"

interface Named {
  readonly name: string
  /** The position in declared order, which is also that in {@link Struct.fields}. */
  readonly index: number
  readonly absent: Absent
  /** From what the wire gave to what the schema says, if they differ. Called with `undefined` for `converted`. */
  readonly decode: WireConversion.Conversion | undefined
  readonly encode: WireConversion.Conversion | undefined
}

/**
 * Whether what a field holds must not be shown.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSecret = (field: Field | undefined): boolean =>
  (field?.kind === "value" || field?.kind === "values") && field.isSecret

/**
 * A field of one value.
 *
 * @category models
 * @since 0.1.0
 */
export interface ValueField extends Named {
  readonly kind: "value"
  readonly tag: number
  readonly leaf: Leaf
  readonly isSecret: boolean
}

/**
 * A field of any number of values with the same tag.
 *
 * @category models
 * @since 0.1.0
 */
export interface ValuesField extends Named {
  readonly kind: "values"
  readonly tag: number
  readonly leaf: Leaf
  readonly isSecret: boolean
  /** Where separators are written. They are skipped when read. */
  readonly separators: "between" | "after" | "none"
  readonly nonEmpty: boolean
  /** What becomes of each value before the list is converted as a whole. */
  readonly decodeElement: WireConversion.Conversion | undefined
}

/**
 * A field of any number of structs.
 *
 * @category models
 * @since 0.1.0
 */
export interface ElementsField extends Named {
  readonly kind: "elements"
  readonly tag: undefined
  readonly element: Struct
  readonly boundary: Boundary
  /** The position of the first field that travels. */
  readonly first: number
  readonly nonEmpty: boolean
}

/**
 * A field that is the same in every value, as the `_tag` of a tagged struct, and does not travel.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConstantField extends Named {
  readonly kind: "constant"
  readonly tag: undefined
  readonly value: unknown
}

/**
 * A field of a struct.
 *
 * @category models
 * @since 0.1.0
 */
export type Field = ValueField | ValuesField | ElementsField | ConstantField

/**
 * The fields of a body, or of an element of a list.
 *
 * @category models
 * @since 0.1.0
 */
export interface Struct {
  /** In declared order. */
  readonly fields: ReadonlyArray<Field>
  /** Which field takes a tag. */
  readonly takers: TagTable
  /** Whether a value of it may come to no byte at all. */
  readonly canBeEmpty: boolean
  /** Checks and transformations of the struct as a whole. */
  readonly decode: WireConversion.Conversion | undefined
  readonly encode: WireConversion.Conversion | undefined
}

/**
 * A compiled schema. The schema of a list is the only field of a struct around it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Body {
  readonly struct: Struct
  /** The name of the field that stands for the whole body, when that is a list. */
  readonly listName: string | undefined
  /** The paths of all fields that have a tag, by tag. */
  readonly paths: ReadonlyMap<number, ReadonlyArray<string>>
}

/**
 * Stands for all fields outside of an element: their tags end the element.
 *
 * @category constants
 * @since 0.1.0
 */
export const outside: ConstantField = {
  kind: "constant",
  name: "",
  index: -1,
  tag: undefined,
  value: undefined,
  absent: "omitted",
  decode: undefined,
  encode: undefined
}

// Tags below are found in an array. Every protocol so far has its tags there.
const arraySize = 256

/**
 * Which field takes a tag: `undefined` for a tag that nobody knows.
 *
 * @category models
 * @since 0.1.0
 */
export class TagTable {
  private readonly low: Array<Field | undefined> = []
  private readonly high = new Map<number, Field>()

  find(tag: number): Field | undefined {
    return tag < this.low.length ? this.low[tag] : this.high.size === 0 ? undefined : this.high.get(tag)
  }

  set(tag: number, field: Field): void {
    if (tag >= arraySize) {
      this.high.set(tag, field)
      return
    }
    while (this.low.length <= tag) this.low.push(undefined)
    this.low[tag] = field
  }
}
