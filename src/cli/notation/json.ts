/**
 * JSON, one value a line.
 */
import * as Result from "effect/Result"

/**
 * What stands in a line in place of a value that could not be made.
 *
 * @internal
 */
export const error = (reason: string): string => JSON.stringify({ error: reason })

/** @internal */
export const parse = (line: string): Result.Result<unknown, string> =>
  Result.try({
    try: (): unknown => JSON.parse(line),
    catch: (cause) => `the line is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`
  })

const replacer = (_key: string, value: unknown): unknown => typeof value === "bigint" ? value.toString() : value

/**
 * A value as JSON: integers beyond what JSON programs can hold as text.
 *
 * @internal
 */
export const format = (value: unknown): string => JSON.stringify(value, replacer)
