/**
 * Writes a value by its layout, field after field in declared order. Machinery of `Wire`; there is no reason to use it
 * alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as BodyError from "../BodyError.ts"
import type * as TaggedError from "../TaggedError.ts"
import * as TaggedWriter from "../TaggedWriter.ts"
import * as WireAttempt from "./wireAttempt.ts"
import * as WireConversion from "./wireConversion.ts"
import * as WireDescription from "./wireDescription.ts"
import * as WireLayout from "./wireLayout.ts"

const { failed } = WireAttempt

// One writer for all bodies: a writer that is used again allocates far less.
const sharedWriter = TaggedWriter.make()

// Transformations are code of the application, which may encode something else in the middle of a body.
let isShared = false

/**
 * Writes a value as a body.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (body: WireLayout.Body, value: unknown): Result.Result<Uint8Array, BodyError.BodyEncodeError> => {
  if (isShared) return encodeWith(TaggedWriter.make(), body, value)
  isShared = true
  try {
    return encodeWith(sharedWriter.clear(), body, value)
  } finally {
    isShared = false
  }
}

const encodeWith = (
  writer: TaggedWriter.TaggedWriter,
  body: WireLayout.Body,
  value: unknown
): Result.Result<Uint8Array, BodyError.BodyEncodeError> => {
  const writing = new Writing(writer)
  const struct = body.listName === undefined ? value : { [body.listName]: value }
  const outcome = writeStruct(writing, body.struct, struct)
  const written = writer.finish()
  if (Result.isFailure(written)) return fail(unwritten(body, written.failure.reason))
  return outcome === failed ? fail(writing.reason(body)) : Result.succeed(written.success)
}

const fail = (reason: BodyError.EncodeReason) => Result.fail(new BodyError.BodyEncodeError({ reason }))

class Writing extends WireAttempt.Attempt<BodyError.EncodeReason> {
  readonly writer: TaggedWriter.TaggedWriter
  constructor(writer: TaggedWriter.TaggedWriter) {
    super()
    this.writer = writer
  }
}

type Outcome = WireAttempt.Failed | undefined

const writeStruct = (writing: Writing, struct: WireLayout.Struct, value: unknown): Outcome => {
  let source = value
  if (struct.encode !== undefined) {
    source = struct.encode(value)
    if (source instanceof WireConversion.Refusal) return refusedWhole(writing, struct, source, value)
  }
  if (typeof source !== "object" || source === null) return unwritable(writing, undefined, "expected an object", value)
  const { fields } = struct
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]
    if (writeField(writing, field, read(source as Record<string, unknown>, field.name)) === failed) {
      return writing.failedWithin(field.name)
    }
  }
  return undefined
}

// Every object has these, whether its type says so or not.
const inherited = new Set(Object.getOwnPropertyNames(Object.prototype))

const read = (source: Readonly<Record<string, unknown>>, name: string): unknown =>
  inherited.has(name) && !Object.hasOwn(source, name) ? undefined : source[name]

const writeField = (writing: Writing, field: WireLayout.Field, value: unknown): Outcome => {
  if (field.kind === "constant") return undefined
  let raw = value
  if (value === undefined && field.absent !== "converted") {
    return field.absent === "omitted" ? undefined : unwritable(writing, field, wanted(field), value)
  }
  if (field.encode !== undefined) {
    raw = field.encode(value)
    if (raw instanceof WireConversion.Refusal) return refused(writing, field, raw, value)
    if (raw === WireConversion.omitted) return undefined
  }
  switch (field.kind) {
    case "value":
      if (!field.leaf.accepts(raw)) return unwritable(writing, field, wanted(field), raw)
      field.leaf.write(writing.writer, field.tag, raw)
      return undefined
    case "values":
      return isList(field, raw) ? writeValues(writing, field, raw) : unwritable(writing, field, wanted(field), raw)
    case "elements":
      return isList(field, raw)
        ? writeElements(writing, field, raw)
        : unwritable(writing, field, wanted(field), raw)
  }
}

const isList = (
  field: WireLayout.ValuesField | WireLayout.ElementsField,
  value: unknown
): value is ReadonlyArray<unknown> => Array.isArray(value) && (value.length > 0 || !field.nonEmpty)

const wanted = (field: Exclude<WireLayout.Field, WireLayout.ConstantField>): string =>
  `expected ${
    field.kind === "value" ? field.leaf.expected : field.nonEmpty ? "a list of at least one element" : "a list"
  }`

const writeValues = (writing: Writing, field: WireLayout.ValuesField, values: ReadonlyArray<unknown>): Outcome => {
  const { leaf, separators, tag } = field
  const { writer } = writing
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (!leaf.accepts(value)) {
      unwritable(writing, field, `expected ${leaf.expected}`, value)
      return writing.failedWithin(i)
    }
    if (i > 0 && separators === "between") writer.separator()
    leaf.write(writer, tag, value)
    if (separators === "after") writer.separator()
  }
  return undefined
}

const writeElements = (writing: Writing, field: WireLayout.ElementsField, values: ReadonlyArray<unknown>): Outcome => {
  const { boundary, element } = field
  const { writer } = writing
  for (let i = 0; i < values.length; i++) {
    if (i > 0 && boundary === "between") writer.separator()
    const before = writer.length
    if (writeStruct(writing, element, values[i]) === failed) return writing.failedWithin(i)
    if (boundary === "between" && element.canBeEmpty && writer.length === before) {
      return writing.fail((path) => new BodyError.EmptyRecord({ path, tag: undefined }), i)
    }
    if (boundary === "after") writer.separator()
  }
  return undefined
}

const unwritable = (
  writing: Writing,
  field: WireLayout.Field | undefined,
  problem: string,
  value: unknown,
  path: BodyError.Path = noPath
): WireAttempt.Failed => {
  const isHidden = value !== undefined && WireLayout.isSecret(field)
  const found = isHidden ? WireDescription.secret : WireDescription.describe(value)
  return writing.fail(
    (path) => new BodyError.UnwritableValue({ path, tag: field?.tag, problem, found }),
    ...path.toReversed()
  )
}

const noPath: BodyError.Path = []

const refused = (
  writing: Writing,
  field: WireLayout.Field | undefined,
  refusal: WireConversion.Refusal,
  value: unknown
): WireAttempt.Failed =>
  unwritable(writing, field, refusal.problem, WireDescription.valueAt(value, refusal.path), refusal.path)

const refusedWhole = (
  writing: Writing,
  struct: WireLayout.Struct,
  refusal: WireConversion.Refusal,
  value: unknown
): WireAttempt.Failed => {
  const name = refusal.path[0]
  return refused(writing, struct.fields.find((field) => field.name === name), refusal, value)
}

const unwritten = (body: WireLayout.Body, reason: TaggedError.EncodeReason): BodyError.EncodeReason => {
  const { tag } = reason
  const path = body.paths.get(tag) ?? noPath
  return reason._tag === "OverLimit"
    ? new BodyError.BodyTooLarge({ path, tag, limit: reason.limit })
    : new BodyError.UnwritableValue({ path, tag, problem: reason.message, found: "a value of another range" })
}
