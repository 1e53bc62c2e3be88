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
  const reading = new Reading(parser, maxElements)
  parser.next()
  const value = readStruct(reading, body.struct, undefined)
  if (value === failed) return Result.fail(new BodyError.BodyDecodeError({ reason: reading.reason(body) }))
  return Result.succeed(body.listName === undefined ? value : (value as Record<string, unknown>)[body.listName])
}

class Reading extends WireAttempt.Attempt<BodyError.DecodeReason> {
  readonly parser: TaggedParser.TaggedParser
  readonly maxElements: number
  elements = 0

  constructor(parser: TaggedParser.TaggedParser, maxElements: number) {
    super()
    this.parser = parser
    this.maxElements = maxElements
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
  const { parser } = reading
  const { fields, takers } = struct
  const slots: Array<unknown> = []
  for (let i = 0; i < fields.length; i++) slots.push(undefined)
  let last: WireLayout.Field | undefined
  while (parser.tag !== -1) {
    const field = takers.find(parser.tag)
    if (field === undefined) {
      parser.next()
      continue
    }
    if (field === WireLayout.outside) break
    if (list !== undefined && last !== undefined && startsNext(list, field, last)) break
    last = field
    const content = readField(reading, field, slots[field.index])
    if (content === failed) return failed
    slots[field.index] = content
  }
  return parser.failure === undefined ? makeValue(reading, struct, slots) : malformed(reading, parser.failure)
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

/** Takes the current value, and for a list of structs all that follow. Gives what the field holds then. */
const readField = (reading: Reading, field: WireLayout.Field, before: unknown): unknown => {
  const { parser } = reading
  switch (field.kind) {
    case "value": {
      if (before !== undefined) return repeated(reading, field)
      const value = field.leaf.read(parser)
      if (value === undefined) return unexpected(reading, field, field.name)
      parser.next()
      return value
    }
    case "values": {
      const values = before === undefined ? [] : before as Array<unknown>
      const value = field.leaf.read(parser)
      if (value === undefined) return unexpected(reading, field, values.length, field.name)
      if (++reading.elements > reading.maxElements) return tooMany(reading, field, values.length, field.name)
      values.push(value)
      parser.next()
      return values
    }
    case "elements": {
      const elements = before === undefined ? [] : before as Array<unknown>
      return readElements(reading, field, elements) === failed ? reading.failedWithin(field.name) : elements
    }
    case "constant":
      return undefined
  }
}

/** Adds elements as long as the values are theirs. The current value is one of theirs. */
const readElements = (
  reading: Reading,
  field: WireLayout.ElementsField,
  elements: Array<unknown>
): WireAttempt.Failed | undefined => {
  const { parser } = reading
  const { boundary, element } = field
  const hasSeparators = boundary === "between" || boundary === "after"
  while (parser.tag !== -1) {
    const isSeparator = hasSeparators && parser.tag === 0
    if (!isSeparator) {
      const taker = element.takers.find(parser.tag)
      if (taker === WireLayout.outside) return undefined
      if (taker === undefined) {
        parser.next()
        continue
      }
    }
    // Nothing before a separator is a record without values only where each record ends with one.
    if (!isSeparator || boundary === "after") {
      const index = elements.length
      if (++reading.elements > reading.maxElements) return tooMany(reading, undefined, index)
      const value = readStruct(reading, element, field)
      if (value === failed) return reading.failedWithin(index)
      elements.push(value)
    }
    if (hasSeparators && parser.tag === 0) {
      if (!parser.bool) return badSeparator(reading)
      parser.next()
    }
  }
  return undefined
}

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
