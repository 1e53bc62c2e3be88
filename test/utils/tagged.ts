import * as Fs from "node:fs"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import { toHex } from "./native.ts"

const { ValueType } = TaggedParser

/** One value of a recorded body. Which of the last four it has depends on its type. */
export interface Field {
  readonly tag: number
  readonly type: "int" | "string" | "bytes" | "bool" | "double"
  readonly value: string | boolean
  readonly hex: string
  readonly utf8Hex: string
  readonly bits: string
}

/** Bodies that the reference implementation wrote. */
export const vectors: ReadonlyArray<{ readonly fields: ReadonlyArray<Field>; readonly hex: string }> = JSON.parse(
  Fs.readFileSync(new URL("../vectors/tagged.json", import.meta.url), "utf8")
).cases

const valueOf = (parser: TaggedParser.TaggedParser): string => {
  switch (parser.type) {
    case ValueType.Int:
      return `int ${parser.int} ${typeof parser.int}`
    case ValueType.Text:
      return `text ${toHex(parser.utf8())} ${parser.text()}`
    case ValueType.Bytes:
      return `bytes ${toHex(parser.bytes())}`
    case ValueType.Bool:
      return `bool ${parser.bool}`
    case ValueType.Double:
      return `double ${parser.double}`
    case ValueType.None:
      return "none"
  }
}

/** What a parser found, in a form that compares: one line for each value, then how it ended. */
export const run = (parser: TaggedParser.TaggedParser): Array<string> => {
  const lines: Array<string> = []
  while (parser.next()) lines.push(`${parser.tag} ${valueOf(parser)}`)
  const reason = parser.failure?.reason
  lines.push(reason === undefined ? `end ${parser.offset}` : `${reason._tag} ${reason.offset}`)
  return lines
}
