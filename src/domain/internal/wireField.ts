/**
 * What a field does besides travelling: the checks and transformations of its schema, and what happens when it is
 * absent. Machinery of `Wire`; there is no reason to use it alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as SchemaAST from "effect/SchemaAST"
import * as WireConversion from "./wireConversion.ts"
import type * as WireLayout from "./wireLayout.ts"
import * as WireLeaf from "./wireLeaf.ts"

/**
 * What a layout reads and writes: the type of a schema, or its encoded form, for a transformation of the whole.
 *
 * @category models
 * @since 0.1.0
 */
export type Aim = "type" | "encoded"

/**
 * From the wire and back. Either may be missing when there is nothing to do.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conversions {
  readonly decode: WireConversion.Conversion | undefined
  readonly encode: WireConversion.Conversion | undefined
}

/**
 * What a field does besides travelling.
 *
 * @category models
 * @since 0.1.0
 */
export interface Behaviour extends Conversions {
  readonly absent: WireLayout.Absent
}

/**
 * No conversions.
 *
 * @category constants
 * @since 0.1.0
 */
export const none: Conversions = { decode: undefined, encode: undefined }

/**
 * The behaviour of a field of one value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofValue = (name: string, ast: SchemaAST.AST, leaf: WireLayout.Leaf, aim: Aim): Behaviour =>
  keyed(name, ast, aim) ?? {
    absent: isOptional(ast, aim) ? "omitted" : "fails",
    ...(aim === "type" ? valueConversions(ast, leaf) : none)
  }

/**
 * The behaviour of a field that is a list.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofList = (
  name: string,
  ast: SchemaAST.AST,
  nonEmpty: boolean,
  elements: Conversions,
  aim: Aim
): Behaviour =>
  keyed(name, ast, aim) ?? {
    absent: isOptional(ast, aim) ? "omitted" : nonEmpty ? "fails" : "empty",
    ...(aim === "type" ? listConversions(ast, elements) : none)
  }

/**
 * What becomes of each value of a list when it is read; nothing where that is a part of what becomes of the list.
 *
 * @category constructors
 * @since 0.1.0
 */
export const elementDecode = (
  ast: SchemaAST.AST,
  elements: Conversions,
  aim: Aim
): WireConversion.Conversion | undefined => aim === "type" && !needsParser(ast) ? elements.decode : undefined

/** A key that is transformed, and may be absent on one side or the other, is decoded as a whole: with its absence. */
const keyed = (name: string, ast: SchemaAST.AST, aim: Aim): Behaviour | undefined =>
  aim === "type" && ast.encoding !== undefined && (isOptional(ast, "type") || isOptional(ast, "encoded"))
    ? {
      absent: "converted",
      decode: WireConversion.decodeKey(name, ast),
      encode: WireConversion.encodeKey(name, ast)
    }
    : undefined

const isOptional = (ast: SchemaAST.AST, aim: Aim): boolean =>
  aim === "encoded" && ast.encoding !== undefined
    ? isOptional(ast.encoding[ast.encoding.length - 1].to, aim)
    : SchemaAST.isOptional(ast)

/**
 * The conversions of one value, of a field or of an element of a list.
 *
 * @category constructors
 * @since 0.1.0
 */
export const valueConversions = (ast: SchemaAST.AST, leaf: WireLayout.Leaf): Conversions => {
  if (needsParser(ast)) return whole(ast)
  const checks = WireConversion.checks(ast, leaf === WireLeaf.int ? WireLeaf.isIntegerCheck : never)
  if (checks === undefined) return none
  // Checks are written for values of the right type, which those of an application need not be.
  return {
    decode: checks,
    encode: WireConversion.andThen(WireConversion.expecting(leaf.accepts, leaf.expected), checks)
  }
}

const listConversions = (ast: SchemaAST.AST, elements: Conversions): Conversions => {
  if (needsParser(ast)) return whole(ast)
  const checks = WireConversion.checks(ast, never)
  const encodeEach = elements.encode && WireConversion.each(elements.encode)
  const encode = WireConversion.andThen(checks, encodeEach)
  return {
    // Each element has been converted when it was read.
    decode: checks,
    encode: encode && WireConversion.andThen(WireConversion.expecting(Array.isArray, "a list"), encode)
  }
}

const never = () => false

/**
 * Whether only the parser of Effect knows what a schema takes.
 *
 * @category guards
 * @since 0.1.0
 */
export const needsParser = (ast: SchemaAST.AST): boolean => {
  if (ast.encoding !== undefined) return true
  switch (ast._tag) {
    case "Suspend":
    case "TemplateLiteral":
      return true
    case "Arrays":
    case "Objects":
      return ast.encodingChecks !== undefined
    case "Union":
      return ast.types.some((member) => needsParser(member) || hasChecks(member))
    default:
      return false
  }
}

const hasChecks = (ast: SchemaAST.AST): boolean => ast.checks?.some((check) => !WireLeaf.isIntegerCheck(check)) ?? false

/**
 * All that a schema has: from its encoded form to its type, and back.
 *
 * @category constructors
 * @since 0.1.0
 */
export const whole = (ast: SchemaAST.AST): Conversions => ({
  decode: WireConversion.decode(ast),
  encode: WireConversion.encode(ast)
})

/**
 * The checks of a struct as a whole.
 *
 * @category constructors
 * @since 0.1.0
 */
export const structChecks = (ast: SchemaAST.AST): Conversions => {
  const checks = WireConversion.checks(ast, never)
  return checks === undefined
    ? none
    : { decode: checks, encode: WireConversion.andThen(WireConversion.expecting(isObject, "an object"), checks) }
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null
