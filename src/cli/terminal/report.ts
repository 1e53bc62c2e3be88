/**
 * What a command found out: a table for people, an object for programs.
 */
import * as Effect from "effect/Effect"
import type * as Stdio from "effect/Stdio"
import * as Json from "../notation/json.ts"
import * as TextValue from "../notation/textValue.ts"
import * as JsonFlag from "./json.ts"
import * as Output from "./output.ts"
import type * as Palette from "./palette.ts"

/** @internal */
export interface Report {
  /** What each value is, and the value. Rows with the same label belong together. */
  readonly rows: ReadonlyArray<readonly [label: string, value: string]>
  /** The same for programs. Amounts are in satoshis, times in seconds since 1970. */
  readonly json: object
}

const table = (rows: Report["rows"], palette: Palette.Palette): string => {
  const width = Math.max(0, ...rows.map(([label]) => label.length))
  return rows.map(([label, value]) => {
    return `${palette.dim(label.padEnd(width))}  ${palette.strong(TextValue.printable(value))}`
  }).join("\n")
}

/** @internal */
export const print = (report: Report): Effect.Effect<
  void,
  Output.OutputError,
  Stdio.Stdio | Effect.Services<typeof JsonFlag.Json>
> =>
  Effect.gen(function*() {
    const isJson = yield* JsonFlag.Json
    const palette = yield* Output.palette
    yield* Output.printLine(isJson ? Json.format(report.json) : table(report.rows, palette))
  })
