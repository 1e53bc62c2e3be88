/**
 * The inputs that are kept: each one that ever failed, with a word on what it showed. One file for each target, a line
 * of hexadecimal digits for each input; a line that begins with `#` says what the next ones are about.
 */
import * as Fs from "node:fs"
import { fromHex } from "../../utils/native.ts"

const folder = new URL("../corpus/", import.meta.url)

const inputsOf = (text: string): ReadonlyArray<Uint8Array> =>
  text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    if (!/^(?:[0-9a-f]{2}| )*$/.test(line)) throw new Error(`"${line}" is not hexadecimal digits`)
    return fromHex(line)
  })

/** The names of the targets of which inputs are kept. */
export const names = (): ReadonlyArray<string> =>
  Fs.readdirSync(folder).filter((file) => file.endsWith(".hex")).map((file) => file.slice(0, -".hex".length))

export const read = (name: string): ReadonlyArray<Uint8Array> => {
  const file = new URL(`${name}.hex`, folder)
  return Fs.existsSync(file) ? inputsOf(Fs.readFileSync(file, "utf8")) : []
}
