import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Docs from "./docs.ts"

const page = Fs.readFileSync(Path.join(import.meta.dirname, "..", "..", "docs", "reliability.md"), "utf8")

const begin = "<!-- soak: written by npm run soak -- --docs -->"
const end = "<!-- /soak -->"

describe("the results of a soak in the docs", () => {
  it("have their place in the page, and nothing else changes", () => {
    const section = `${begin}\n\nnew\n\n${end}`
    const once = Docs.replaced(page, section)
    const [from, to] = [page.indexOf(begin), page.indexOf(end)]
    assert.strictEqual(once, page.slice(0, from) + section + page.slice(to + end.length))
    assert.strictEqual(Docs.replaced(once, section), once)
  })

  it("are not written where there is no place for them", () => {
    assert.throws(() => Docs.replaced("a page", "new"), /no place/)
  })
})
