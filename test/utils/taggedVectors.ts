import * as Fs from "node:fs"

interface Field {
  readonly tag: number
  readonly type: "int" | "string" | "bytes" | "bool" | "double"
  readonly value?: string | boolean
  readonly utf8Hex?: string
  readonly hex?: string
  readonly bits?: string
}

const recorded = JSON.parse(
  Fs.readFileSync(new URL("../vectors/tagged.json", import.meta.url), "utf8")
) as { readonly cases: ReadonlyArray<{ readonly fields: ReadonlyArray<Field>; readonly hex: string }> }

/** Bodies of the reference implementation, and their values as `flowee decode --tagged --json` prints them. */
export const cases = recorded.cases.map(({ fields, hex }) => ({
  hex,
  rows: fields.map(({ bits, hex, tag, type, utf8Hex, value }) => [tag, type, bits ?? hex ?? utf8Hex ?? value])
}))
