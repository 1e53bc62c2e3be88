/**
 * What schemas are annotated with for the wire. Machinery of `Wire`; there is no reason to use it alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as SchemaAST from "effect/SchemaAST"

/**
 * The annotation of a key that holds its tag.
 *
 * @category constants
 * @since 0.1.0
 */
export const tagKey = "~effect-flowee/Wire/tag"

/**
 * The annotation of an array that says how its elements are told apart, a {@link List}.
 *
 * @category constants
 * @since 0.1.0
 */
export const listKey = "~effect-flowee/Wire/list"

/**
 * The annotation of a number that says how it travels, a {@link NumberForm}.
 *
 * @category constants
 * @since 0.1.0
 */
export const numberKey = "~effect-flowee/Wire/number"

/**
 * How the elements of a list are told apart: by separators, or by the tags they start with.
 *
 * @category models
 * @since 0.1.0
 */
export type List =
  | { readonly kind: "records"; readonly separators: "between" | "after" }
  | { readonly kind: "group"; readonly startTag: number | undefined }

/**
 * How a number travels that is read from an integer or a double.
 *
 * @category models
 * @since 0.1.0
 */
export type NumberForm = "intOrDouble" | "double"

/**
 * The tag of a field, wherever in its chain of transformations it was given.
 *
 * @category getters
 * @since 0.1.0
 */
export const tagOf = (ast: SchemaAST.AST): unknown => {
  const own = ast.context?.annotations?.[tagKey]
  if (own !== undefined) return own
  if (ast.encoding !== undefined) return tagOf(ast.encoding[ast.encoding.length - 1].to)
  // What `Schema.optional` makes of a field that has a tag.
  return ast._tag === "Union" ? ast.types.map(tagOf).find((tag) => tag !== undefined) : undefined
}

/**
 * How the elements of an array are told apart; `undefined` for one without an annotation.
 *
 * @category getters
 * @since 0.1.0
 */
export const listOf = (ast: SchemaAST.Arrays): List | undefined => ast.annotations?.[listKey] as List | undefined

/**
 * How a number travels; `undefined` when its type says it.
 *
 * @category getters
 * @since 0.1.0
 */
export const numberFormOf = (ast: SchemaAST.Number): NumberForm | undefined =>
  // A schema with checks keeps its annotations on the last of them, and more checks may have followed.
  [ast, ...ast.checks ?? []].map(({ annotations }) => annotations?.[numberKey]).find((form) => form !== undefined) as
    | NumberForm
    | undefined
