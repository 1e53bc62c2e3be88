/**
 * Bodies of tagged values, one a line: hexadecimal digits on one side, rows as JSON on the other.
 */
import * as Result from "effect/Result"
import * as Hex from "./hex.ts"
import * as Json from "./json.ts"
import * as TaggedRows from "./taggedRows.ts"

/**
 * From the digits of a body to the JSON of its rows, or of what is wrong with them.
 *
 * @internal
 */
export const decodeLine = (line: string): string => {
  const body = Hex.parse(line.trim())
  if (body === undefined) return Json.error("the line is not hexadecimal digits, two for each byte")
  return Result.match(TaggedRows.read(body), { onSuccess: (rows) => JSON.stringify(rows), onFailure: Json.error })
}

/**
 * From the JSON of rows to the digits of their body, or to the JSON of what is wrong with them.
 *
 * @internal
 */
export const encodeLine = (line: string): string =>
  Result.match(Result.flatMap(Json.parse(line), TaggedRows.write), { onSuccess: Hex.format, onFailure: Json.error })
