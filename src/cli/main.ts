/**
 * The program behind the command `flowee`.
 */
import * as Fs from "node:fs"
import * as Flowee from "./flowee.ts"
import * as Main from "./terminal/main.ts"

const { version } = JSON.parse(Fs.readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string
}

Main.run(Flowee.flowee, { version })
