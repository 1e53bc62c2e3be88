/**
 * How the values that a schema ends at, its integers, strings, byte arrays, travel. Machinery of `Wire`; there is no
 * reason to use it alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as SchemaAST from "effect/SchemaAST"
import * as TaggedParser from "../TaggedParser.ts"
import * as WireAnnotation from "./wireAnnotation.ts"
import type * as WireLayout from "./wireLayout.ts"

const { ValueType } = TaggedParser

// The largest integers in either direction that have a place on the wire.
const maxInt = 0xffff_ffff_ffff_ffffn

/**
 * Integers that JavaScript holds exactly as numbers.
 *
 * @category constants
 * @since 0.1.0
 */
export const int: WireLayout.Leaf = {
  expected: "an integer up to 2^53-1 in either direction",
  read: (parser) => {
    if (parser.type !== ValueType.Int) return undefined
    const value = parser.int
    return typeof value === "number" ? value : undefined
  },
  accepts: Number.isSafeInteger,
  write: (writer, tag, value) => void writer.int(tag, value as number)
}

const bigInt: WireLayout.Leaf = {
  expected: "an integer up to 2^64-1 in either direction",
  read: (parser) => parser.type === ValueType.Int ? BigInt(parser.int) : undefined,
  accepts: (value) => typeof value === "bigint" && value <= maxInt && value >= -maxInt,
  write: (writer, tag, value) => void writer.int(tag, value as bigint)
}

const double: WireLayout.Leaf = {
  expected: "a double",
  read: (parser) => parser.type === ValueType.Double ? parser.double : undefined,
  accepts: (value) => typeof value === "number",
  write: (writer, tag, value) => void writer.double(tag, value as number)
}

// UTF-8 has no form for half a pair of surrogates: it would come back as another character.
const isWellFormed = (value: string): boolean => !/\p{Surrogate}/u.test(value)

const text: WireLayout.Leaf = {
  expected: "a well-formed string",
  read: (parser) => {
    if (parser.type !== ValueType.Text) return undefined
    const value = parser.text()
    // A string that is too long for the engine reads as empty.
    return value === "" && parser.utf8().length > 0 ? undefined : value
  },
  accepts: (value) => typeof value === "string" && isWellFormed(value),
  write: (writer, tag, value) => void writer.string(tag, value as string)
}

const bytes: WireLayout.Leaf = {
  expected: "a byte array",
  read: (parser) => parser.type === ValueType.Bytes ? parser.bytes() : undefined,
  accepts: (value) => value instanceof Uint8Array,
  write: (writer, tag, value) => void writer.bytes(tag, value as Uint8Array)
}

const bool: WireLayout.Leaf = {
  expected: "a boolean",
  read: (parser) => parser.type === ValueType.Bool ? parser.bool : undefined,
  accepts: (value) => typeof value === "boolean",
  write: (writer, tag, value) => void writer.bool(tag, value as boolean)
}

const readEither = (parser: TaggedParser.TaggedParser): unknown =>
  parser.type === ValueType.Double ? parser.double : int.read(parser)

const numbers: Record<WireAnnotation.NumberForm, WireLayout.Leaf> = {
  intOrDouble: {
    expected: "a number",
    read: readEither,
    accepts: double.accepts,
    write: (writer, tag, value) =>
      // An integer has no negative zero.
      void (Number.isSafeInteger(value) && !Object.is(value, -0)
        ? writer.int(tag, value as number)
        : writer.double(tag, value as number))
  },
  double: { expected: "a number", read: readEither, accepts: double.accepts, write: double.write }
}

/**
 * Finds the leaf for the wire's side of a schema: a node without an encoding. When there is none, the
 * result says why, as the rest of a sentence about the field.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromAST = (ast: SchemaAST.AST): WireLayout.Leaf | string => {
  switch (ast._tag) {
    case "String":
    case "TemplateLiteral":
      return text
    case "Boolean":
      return bool
    case "BigInt":
      return bigInt
    case "Number": {
      const form = WireAnnotation.numberFormOf(ast)
      return form === undefined ? isInteger(ast) ? int : double : numbers[form]
    }
    case "Declaration":
      return isByteArray(ast) ? bytes : `is ${nameOf(ast)}, which has no form on the wire: transform it to what has one`
    case "Literal":
      return literalsIn([ast.literal])
    case "Enum":
      return literalsIn(ast.enums.map(([, value]) => value))
    case "Union":
      return union(ast)
    case "Objects":
      return "is a struct: only lists of structs have a form on the wire, by Wire.records or Wire.group"
    case "Arrays":
      return "has a list as an element, which has no form on the wire"
    default:
      return `is ${ast._tag}, which has no form on the wire`
  }
}

const nameOf = (ast: SchemaAST.Declaration): string => {
  const { expected, identifier } = SchemaAST.resolve(ast) ?? {}
  return String(identifier ?? expected ?? "declaration")
}

/**
 * Whether a declaration is `Schema.Uint8Array`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isByteArray = (ast: SchemaAST.Declaration): boolean =>
  representationOf(ast.annotations) === "effect/schema/Uint8Array"

/**
 * Whether a schema, anywhere on its way to the wire, is of what must not be shown: `Schema.Redacted` and the like.
 *
 * @category guards
 * @since 0.1.0
 */
export const isSecret = (ast: SchemaAST.AST): boolean =>
  representationOf(ast.annotations) === "effect/schema/Redacted" ||
  (ast._tag === "Union" && ast.types.some(isSecret)) ||
  (ast._tag === "Arrays" && ast.rest.some(isSecret)) ||
  (ast.encoding?.some(({ to }) => isSecret(to)) ?? false)

const representationOf = (annotations: Readonly<Record<string, unknown>> | undefined): unknown => {
  const representation = annotations?.["representation"]
  return typeof representation === "object" && representation !== null && "id" in representation
    ? representation.id
    : undefined
}

/**
 * Whether a check does no more than ask for an integer that JavaScript holds exactly.
 *
 * @category guards
 * @since 0.1.0
 */
export const isIntegerCheck = (check: SchemaAST.Check<unknown>): boolean =>
  check._tag === "Filter" && representationOf(check.annotations) === "effect/schema/isInt"

const isInteger = (ast: SchemaAST.AST): boolean => ast.checks?.some(asksForInteger) ?? false

const asksForInteger = (check: SchemaAST.Check<unknown>): boolean =>
  check._tag === "FilterGroup"
    ? check.checks.some(asksForInteger)
    : isIntegerCheck(check) || check.annotations?.arbitraryConstraint?.number === "integer"

const literalsIn = (values: ReadonlyArray<SchemaAST.LiteralValue>): WireLayout.Leaf | string =>
  values.every((value) => leafFor(value).accepts(value))
    ? literals(values)
    : "has a literal beyond 2^64-1, where integers have no form on the wire"

const literals = (values: ReadonlyArray<SchemaAST.LiteralValue>): WireLayout.Leaf => {
  // The values as a parser gives them, so that whole numbers and bigints are found by the same integer.
  const ints = new Map<number | bigint, SchemaAST.LiteralValue>()
  const others = new Set<SchemaAST.LiteralValue>()
  for (const value of values) {
    if (typeof value === "bigint") ints.set(shortest(value), value)
    else if (Number.isSafeInteger(value)) ints.set(value as number, value)
    else others.add(value)
  }
  const accepted = new Set<unknown>(values)
  return {
    expected: values.map((value) => typeof value === "bigint" ? `${value}n` : JSON.stringify(value)).join(" or "),
    read: (parser) => {
      if (parser.type === ValueType.Int) return ints.get(parser.int)
      const value = leafOf(parser.type)?.read(parser)
      return others.has(value as SchemaAST.LiteralValue) ? value : undefined
    },
    accepts: (value) => accepted.has(value),
    write: (writer, tag, value) => leafFor(value).write(writer, tag, value)
  }
}

const shortest = (value: bigint): number | bigint => {
  const short = Number(value)
  return Number.isSafeInteger(short) ? short : value
}

const leafOf = (type: TaggedParser.ValueType): WireLayout.Leaf | undefined =>
  type === ValueType.Text ? text : type === ValueType.Bool ? bool : type === ValueType.Double ? double : undefined

const leafFor = (value: unknown): WireLayout.Leaf => {
  switch (typeof value) {
    case "string":
      return text
    case "boolean":
      return bool
    case "bigint":
      return bigInt
    default:
      return Number.isSafeInteger(value) ? int : double
  }
}

const union = (ast: SchemaAST.Union): WireLayout.Leaf | string => {
  const members: Array<WireLayout.Leaf> = []
  const values: Array<SchemaAST.LiteralValue> = []
  for (const member of ast.types.map(wireSide)) {
    if (member._tag === "Undefined") continue
    if (member._tag === "Literal") {
      values.push(member.literal)
      continue
    }
    const leaf = fromAST(member)
    if (typeof leaf === "string") return leaf
    members.push(leaf)
  }
  if (values.length > 0) {
    const leaf = literalsIn(values)
    if (typeof leaf === "string") return leaf
    members.unshift(leaf)
  }
  if (members.length === 0) return "is a union of nothing"
  if (members.length === 1) return members[0]
  return {
    expected: members.map((member) => member.expected).join(" or "),
    read: (parser) => {
      for (const member of members) {
        const value = member.read(parser)
        if (value !== undefined) return value
      }
      return undefined
    },
    accepts: (value) => members.some((member) => member.accepts(value)),
    write: (writer, tag, value) => members.find((member) => member.accepts(value))!.write(writer, tag, value)
  }
}

// More than any schema has; a schema that is only a promise of itself would never end.
const maxSteps = 100

/**
 * The wire's side of a schema: what is left when all transformations have been undone.
 *
 * @category getters
 * @since 0.1.0
 */
export const wireSide = (ast: SchemaAST.AST): SchemaAST.AST => {
  let node = ast
  for (let steps = 0; steps < maxSteps; steps++) {
    if (node.encoding !== undefined) node = node.encoding[node.encoding.length - 1].to
    else if (node._tag === "Suspend") node = node.thunk()
    else return node
  }
  return SchemaAST.never
}
