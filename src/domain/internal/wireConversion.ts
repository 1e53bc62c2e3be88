/**
 * The checks and transformations of a schema, between what the wire gives and what the schema says. Machinery of
 * `Wire`; there is no reason to use it alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import type * as BodyError from "../BodyError.ts"

/**
 * Turns one value into another; the result may also be a {@link Refusal} or {@link omitted}. Never throws.
 *
 * @category models
 * @since 0.1.0
 */
export type Conversion = (value: unknown) => unknown

/**
 * Why a value was not converted.
 *
 * @category models
 * @since 0.1.0
 */
export class Refusal {
  /** Where in the value the problem is. */
  readonly path: BodyError.Path
  readonly problem: string
  constructor(path: BodyError.Path, problem: string) {
    this.path = path
    this.problem = problem
  }
}

/**
 * What a conversion gives for a key that is left out.
 *
 * @category constants
 * @since 0.1.0
 */
export const omitted: unique symbol = Symbol("omitted")

/**
 * Runs the checks of a schema, those that a reader has made anyway left out. `undefined` when none is left.
 *
 * @category constructors
 * @since 0.1.0
 */
export const checks = (
  ast: SchemaAST.AST,
  isMadeAnyway: (check: SchemaAST.Check<unknown>) => boolean
): Conversion | undefined => {
  const filters = ast.checks?.filter((check) => !isMadeAnyway(check)).flatMap(filtersOf) ?? []
  if (filters.length === 0) return undefined
  return guarded((value) => {
    for (const filter of filters) {
      const issue = filter.run(value, ast, parseOptions)
      if (issue !== undefined) return refuse(new SchemaIssue.Filter(filter, issue))
    }
    return value
  })
}

/**
 * Refuses what is not accepted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const expecting = (accepts: (value: unknown) => boolean, expected: string): Conversion => (value) =>
  accepts(value) ? value : new Refusal([], `expected ${expected}`)

const parseOptions: SchemaAST.ParseOptions = {}

const filtersOf = (check: SchemaAST.Check<unknown>): ReadonlyArray<SchemaAST.Filter<unknown>> =>
  check._tag === "Filter" ? [check] : check.checks.flatMap(filtersOf)

/**
 * From the wire's side of a schema to its type.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decode = (ast: SchemaAST.AST): Conversion => converted(SchemaParser.decodeUnknownResult(schemaOf(ast)))

/**
 * From the type of a schema to the wire's side.
 *
 * @category constructors
 * @since 0.1.0
 */
export const encode = (ast: SchemaAST.AST): Conversion => converted(SchemaParser.encodeUnknownResult(schemaOf(ast)))

/**
 * As {@link decode}, for a key that may be left out on one side or the other: `undefined` stands for a key without a
 * value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const decodeKey = (name: string, ast: SchemaAST.AST): Conversion => keyed(name, decode(keyOf(name, ast)))

/**
 * As {@link encode}, for a key that may be left out on one side or the other: `undefined` stands for a key without a
 * value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const encodeKey = (name: string, ast: SchemaAST.AST): Conversion => keyed(name, encode(keyOf(name, ast)))

const keyed = (name: string, convert: Conversion): Conversion => (value) => {
  const out = convert(value === undefined ? {} : { [name]: value })
  if (out instanceof Refusal) return new Refusal(out.path.slice(1), out.problem)
  return Object.hasOwn(out as object, name) ? (out as Record<string, unknown>)[name] : omitted
}

const keyOf = (name: string, ast: SchemaAST.AST): SchemaAST.AST =>
  new SchemaAST.Objects([new SchemaAST.PropertySignature(name, ast)], [])

/**
 * Converts each element of an array.
 *
 * @category combinators
 * @since 0.1.0
 */
export const each = (convert: Conversion): Conversion => (values) => {
  const out: Array<unknown> = []
  for (const value of values as ReadonlyArray<unknown>) {
    const element = convert(value)
    if (element instanceof Refusal) return new Refusal([out.length, ...element.path], element.problem)
    out.push(element)
  }
  return out
}

/**
 * One conversion after the other. Either may be missing.
 *
 * @category combinators
 * @since 0.1.0
 */
export const andThen = (first: Conversion | undefined, second: Conversion | undefined): Conversion | undefined => {
  if (first === undefined) return second
  if (second === undefined) return first
  return (value) => {
    const out = first(value)
    return out instanceof Refusal ? out : second(out)
  }
}

const schemaOf = (ast: SchemaAST.AST) => Schema.make<Schema.Codec<unknown, unknown>>(ast)

const converted = (run: (value: unknown) => Result.Result<unknown, SchemaIssue.Issue>): Conversion =>
  guarded((value) => {
    const result = run(value)
    return result._tag === "Success" ? result.success : refuse(result.failure)
  })

/** Code of an application may throw for what it did not expect. It must not do so for what a peer sends. */
const guarded = (convert: Conversion): Conversion => (value) => {
  try {
    return convert(value)
  } catch (error) {
    return new Refusal([], `the schema's own code failed: ${shorten(messageOf(error))}`)
  }
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  // A parser of Effect throws an error around what was thrown in it.
  return Cause.isCause(error.cause) ? messageOf(Cause.squash(error.cause)) : error.message
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const refuse = (issue: SchemaIssue.Issue): Refusal => {
  const { message, path = [] } = format(issue).issues[0]
  return new Refusal(
    path.map((step) => typeof step === "object" ? toStep(step.key) : toStep(step)),
    shorten(message.startsWith("Expected ") ? `expected ${message.slice("Expected ".length)}` : message)
  )
}

const toStep = (key: PropertyKey): string | number => typeof key === "number" ? key : String(key)

// Messages may quote what a peer sent.
const shorten = (message: string): string => message.length > 200 ? `${message.slice(0, 199)}…` : message
