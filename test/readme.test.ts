import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"

const readme = Fs.readFileSync(new URL("../README.md", import.meta.url), "utf8")
const fences = [...readme.matchAll(/(?:<!-- (\S+) -->\n)?```ts\n(.*?)```/gs)]

describe("README.md", () => {
  it("has examples", () => assert.isAtLeast(fences.length, 2))

  it("shows examples that are compiled", () => {
    for (const [, file, code] of fences) {
      assert.isDefined(file, `no file is named for: ${code}`)
      assert.strictEqual(code, Fs.readFileSync(new URL(`../${file}`, import.meta.url), "utf8"))
    }
  })

  it("links to files that exist", () => {
    for (const [, target] of readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      assert.isTrue(Fs.existsSync(new URL(`../${target}`, import.meta.url)), target)
    }
  })
})
