/**
 * Reads a body by its layout: one pass over the tagged values, each given to the field that takes its tag. Machinery of
 * `Wire`; there is no reason to use it alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as BodyError from "../BodyError.ts"
import type * as TaggedParser from "../TaggedParser.ts"
import * as WireAttempt from "./wireAttempt.ts"
import * as WireConversion from "./wireConversion.ts"
import * as WireDescription from "./wireDescription.ts"
import * as WireLayout from "./wireLayout.ts"

const { failed } = WireAttempt

/**
 * Reads what a parser has yet to give.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (
  body: WireLayout.Body,
  parser: TaggedParser.TaggedParser,
  maxElements: number
): Result.Result<unknown, BodyError.BodyDecodeError> => {
  const reading = new Reading(parser, maxElements, Infinity)
  parser.next()
  return toResult(reading, body, readStruct(reading, body.struct, undefined))
}

/** So many elements of lists, or values that nobody takes, are read in one piece: some milliseconds at most. */
const pieceSize = 1000

/**
 * As {@link decode}, with pauses within lists and among values that nobody takes. The parser is not to be moved
 * meanwhile.
 *
 * @category decoding
 * @since 0.1.0
 */
export function* decodeInPieces(
  body: WireLayout.Body,
  parser: TaggedParser.TaggedParser,
  maxElements: number,
  piece = pieceSize
): Generator<void, Result.Result<unknown, BodyError.BodyDecodeError>> {
  const reading = new Reading(parser, maxElements, piece)
  parser.next()
  let value = readStruct(reading, body.struct, undefined)
  while (value === paused) {
    yield
    reading.goOn()
    value = readStruct(reading, body.struct, undefined)
  }
  return toResult(reading, body, value)
}

const toResult = (
  reading: Reading,
  body: WireLayout.Body,
  value: unknown
): Result.Result<unknown, BodyError.BodyDecodeError> => {
  if (value === failed) return Result.fail(new BodyError.BodyDecodeError({ reason: reading.reason(body) }))
  return Result.succeed(body.listName === undefined ? value : (value as Record<string, unknown>)[body.listName])
}

/** Stands for what is read up to a pause. */
const paused: unique symbol = Symbol("paused")

/** Why reading stops before the end. */
type Stop = WireAttempt.Failed | typeof paused

/** A struct that is read up to a pause. */
interface Unfinished {
  readonly slots: Array<unknown>
  readonly last: WireLayout.Field | undefined
}

class Reading extends WireAttempt.Attempt<BodyError.DecodeReason> {
  readonly parser: TaggedParser.TaggedParser
  readonly maxElements: number
  /** The structs that a pause has left unfinished, the outermost last. */
  readonly unfinished: Array<Unfinished> = []
  elements = 0
  /** With more elements than that reading stops: at the end of a piece, or for good. */
  stopAt: number
  readonly #piece: number
  #skipped = 0

  constructor(parser: TaggedParser.TaggedParser, maxElements: number, piece: number) {
    super()
    this.parser = parser
    this.maxElements = maxElements
    this.#piece = piece
    this.stopAt = Math.min(maxElements, piece)
  }

  /** After a pause. */
  goOn(): void {
    this.#skipped = 0
    this.stopAt = Math.min(this.maxElements, this.elements + this.#piece)
  }

  /** Passes over the current value. Says whether it is time for a pause. */
  skip(): boolean {
    this.parser.next()
    return ++this.#skipped >= this.#piece
  }
}

/**
 * Reads a struct from the current value of the parser on, up to the end or the first value that is not its own. An
 * element of a list comes with its list.
 */
const readStruct = (
  reading: Reading,
  struct: WireLayout.Struct,
  list: WireLayout.ElementsField | undefined
): unknown => {
  const unfinished = reading.unfinished.pop()
  if (unfinished !== undefined) return finishStruct(reading, struct, list, unfinished)
  const slots: Array<unknown> = []
  for (let i = 0; i < struct.fields.length; i++) slots.push(undefined)
  return readFields(reading, struct, list, slots, undefined)
}

/** Goes on with a struct after a pause. */
const finishStruct = (
  reading: Reading,
  struct: WireLayout.Struct,
  list: WireLayout.ElementsField | undefined,
  { last, slots }: Unfinished
): unknown => {
  // A list of structs has more to take, whatever the current value is.
  const stop = last?.kind === "elements" ? readField(reading, last, slots) : undefined
  return stop === undefined ? readFields(reading, struct, list, slots, last) : stopStruct(reading, stop, slots, last)
}

const readFields = (
  reading: Reading,
  struct: WireLayout.Struct,
  list: WireLayout.ElementsField | undefined,
  slots: Array<unknown>,
  before: WireLayout.Field | undefined
): unknown => {
  const { parser } = reading
  const { takers } = struct
  let last = before
  while (parser.tag !== -1) {
    const field = takers.find(parser.tag)
    if (field === undefined) {
      if (reading.skip()) return stopStruct(reading, paused, slots, last)
      continue
    }
    if (field === WireLayout.outside) break
    if (list !== undefined && last !== undefined && startsNext(list, field, last)) break
    last = field
    const stop = readField(reading, field, slots)
    if (stop !== undefined) return stopStruct(reading, stop, slots, last)
  }
  return parser.failure === undefined ? makeValue(reading, struct, slots) : malformed(reading, parser.failure)
}

const stopStruct = (
  reading: Reading,
  stop: Stop,
  slots: Array<unknown>,
  last: WireLayout.Field | undefined
): Stop => {
  if (stop === paused) reading.unfinished.push({ slots, last })
  return stop
}

/** Whether a value begins the next element, after values of this one. */
const startsNext = (list: WireLayout.ElementsField, field: WireLayout.Field, last: WireLayout.Field): boolean => {
  switch (list.boundary) {
    case "start":
      return field.index === list.first
    case "order":
      return field.index < last.index || (field === last && field.kind === "value")
    default:
      return false
  }
}

/** Takes the current value into the slot of its field, and for a list of structs all that follow. */
const readField = (reading: Reading, field: WireLayout.Field, slots: Array<unknown>): Stop | undefined => {
  const { parser } = reading
  switch (field.kind) {
    case "value": {
      if (slots[field.index] !== undefined) return repeated(reading, field)
      const value = field.leaf.read(parser)
      if (value === undefined) return unexpected(reading, field, field.name)
      slots[field.index] = value
      parser.next()
      return undefined
    }
    case "values":
      return readOneOf(reading, field, (slots[field.index] ??= []) as Array<unknown>)
    case "elements": {
      const stop = readElements(reading, field, (slots[field.index] ??= []) as Array<unknown>)
      return stop === failed ? reading.failedWithin(field.name) : stop
    }
    case "constant":
      return undefined
  }
}

/** Adds the current value to a list of values. */
const readOneOf = (reading: Reading, field: WireLayout.ValuesField, values: Array<unknown>): Stop | undefined => {
  const { parser } = reading
  const { decodeElement, leaf, name } = field
  const raw = leaf.read(parser)
  if (raw === undefined) return unexpected(reading, field, values.length, name)
  if (reading.elements >= reading.stopAt) return stopHere(reading, field, values.length, name)
  const value = decodeElement === undefined ? raw : decodeElement(raw)
  if (value instanceof WireConversion.Refusal) return refused(reading, value, raw, field, values.length, name)
  reading.elements++
  values.push(value)
  parser.next()
  return undefined
}

/** Adds elements as long as the values are theirs. After a pause, what is unfinished comes first. */
const readElements = (
  reading: Reading,
  field: WireLayout.ElementsField,
  elements: Array<unknown>
): Stop | undefined => {
  const { parser } = reading
  const { boundary, element } = field
  const hasSeparators = boundary === "between" || boundary === "after"
  if (reading.unfinished.length > 0) {
    const stop = readElement(reading, field, elements, hasSeparators)
    if (stop !== undefined) return stop
  }
  while (parser.tag !== -1) {
    const isSeparator = hasSeparators && parser.tag === 0
    if (!isSeparator) {
      const taker = element.takers.find(parser.tag)
      if (taker === WireLayout.outside) return undefined
      if (taker === undefined) {
        if (reading.skip()) return paused
        continue
      }
    } else if (boundary === "between") {
      // Nothing before a separator is a record without values only where each record ends with one.
      if (!parser.bool) return badSeparator(reading)
      if (reading.skip()) return paused
      continue
    }
    if (reading.elements >= reading.stopAt) return stopHere(reading, undefined, elements.length)
    reading.elements++
    const stop = readElement(reading, field, elements, hasSeparators)
    if (stop !== undefined) return stop
  }
  return undefined
}

/** Adds one element, and passes over the separator that ends it. */
const readElement = (
  reading: Reading,
  field: WireLayout.ElementsField,
  elements: Array<unknown>,
  hasSeparators: boolean
): Stop | undefined => {
  const { parser } = reading
  const value = readStruct(reading, field.element, field)
  if (value === paused) return paused
  if (value === failed) return reading.failedWithin(elements.length)
  elements.push(value)
  if (hasSeparators && parser.tag === 0) {
    if (!parser.bool) return badSeparator(reading)
    parser.next()
  }
  return undefined
}

/** Before an element that is one too many: for this piece, or at all. */
const stopHere = (
  reading: Reading,
  field: WireLayout.Field | undefined,
  ...path: Array<string | number>
): Stop => reading.elements < reading.maxElements ? paused : tooMany(reading, field, ...path)

/** Makes the value of a struct from what its fields hold. */
const makeValue = (reading: Reading, struct: WireLayout.Struct, slots: ReadonlyArray<unknown>): unknown => {
  const { fields } = struct
  const out: Record<string, unknown> = {}
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]
    let value = slots[i]
    if (value === undefined) {
      if (field.absent === "omitted") continue
      if (field.absent === "fails") return missing(reading, field)
      if (field.absent === "empty") value = []
      else if (field.kind === "constant") value = field.value
    }
    if (field.decode !== undefined) {
      const raw = value
      value = field.decode(raw)
      if (value instanceof WireConversion.Refusal) return refused(reading, value, raw, field, field.name)
      if (value === WireConversion.omitted) continue
    }
    out[field.name] = value
  }
  if (struct.decode === undefined) return out
  const value = struct.decode(out)
  return value instanceof WireConversion.Refusal ? refusedWhole(reading, value, out, struct) : value
}

const malformed = (reading: Reading, failure: TaggedParser.TaggedParser["failure"] & {}): WireAttempt.Failed =>
  reading.fail((path) => new BodyError.MalformedBody({ path, tag: undefined, malformed: failure.reason }))

const describeCurrent = (reading: Reading, field: WireLayout.Field | undefined): string =>
  WireLayout.isSecret(field) ? WireDescription.secret : WireDescription.describeCurrent(reading.parser)

const unexpected = (
  reading: Reading,
  field: WireLayout.ValueField | WireLayout.ValuesField,
  ...path: Array<string | number>
): WireAttempt.Failed => {
  const found = describeCurrent(reading, field)
  const problem = `expected ${field.leaf.expected}`
  return reading.fail(
    (path) => new BodyError.UnexpectedValue({ path, tag: field.tag, problem, found }),
    ...path
  )
}

const badSeparator = (reading: Reading): WireAttempt.Failed => {
  const found = WireDescription.describeCurrent(reading.parser)
  const problem = "expected a separator, which is true"
  return reading.fail((path) => new BodyError.UnexpectedValue({ path, tag: 0, problem, found }))
}

const repeated = (reading: Reading, field: WireLayout.ValueField): WireAttempt.Failed => {
  const found = describeCurrent(reading, field)
  return reading.fail((path) => new BodyError.RepeatedValue({ path, tag: field.tag, found }), field.name)
}

const tooMany = (
  reading: Reading,
  field: WireLayout.Field | undefined,
  ...path: Array<string | number>
): WireAttempt.Failed => {
  const found = describeCurrent(reading, field)
  const limit = reading.maxElements
  return reading.fail((path) => new BodyError.TooManyElements({ path, tag: field?.tag, found, limit }), ...path)
}

const missing = (reading: Reading, field: WireLayout.Field): WireAttempt.Failed => {
  const { name, tag } = field
  const expected = field.kind === "value" ? field.leaf.expected : "at least one element"
  return reading.fail((path) => new BodyError.MissingValue({ path, tag, expected, found: "nothing" }), name)
}

/** `raw` is what was to be converted. */
const refused = (
  reading: Reading,
  refusal: WireConversion.Refusal,
  raw: unknown,
  field: WireLayout.Field | undefined,
  ...path: Array<string | number>
): WireAttempt.Failed => {
  const { path: inner, problem } = refusal
  const found = WireLayout.isSecret(field)
    ? WireDescription.secret
    : WireDescription.describe(WireDescription.valueAt(raw, inner))
  return reading.fail(
    (path) => new BodyError.UnexpectedValue({ path, tag: field?.tag, problem, found }),
    ...inner.toReversed(),
    ...path
  )
}

const refusedWhole = (
  reading: Reading,
  refusal: WireConversion.Refusal,
  raw: unknown,
  struct: WireLayout.Struct
): WireAttempt.Failed => {
  const name = refusal.path[0]
  return refused(reading, refusal, raw, struct.fields.find((field) => field.name === name))
}
