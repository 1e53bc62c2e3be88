import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"

const root = new URL("../", import.meta.url)

describe.each([["README.md", 2], ["docs/testing.md", 1], ["docs/reliability.md", 0], ["docs/access.md", 1]])(
  "%s",
  (name, examples) => {
    const text = Fs.readFileSync(new URL(name, root), "utf8")
    const fences = [...text.matchAll(/(?:<!-- (\S+) -->\n)?```ts\n(.*?)```/gs)]

    it("has examples", () => assert.isAtLeast(fences.length, examples))

    it("shows examples that are compiled", () => {
      for (const [, file, code] of fences) {
        assert.isDefined(file, `no file is named for: ${code}`)
        assert.strictEqual(code, Fs.readFileSync(new URL(file!, root), "utf8"))
      }
    })

    it("links to files that exist", () => {
      for (const [, target] of text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
        assert.isTrue(Fs.existsSync(new URL(target!, new URL(name, root))), target)
      }
    })
  }
)
