import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option, Redacted } from "effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as NodeCookieFile from "../../src/layers/NodeCookieFile.ts"
import * as CookieFile from "../../src/services/CookieFile.ts"

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "effect-flowee-cookie-"))),
  (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
)

const build = (file: string) =>
  Effect.map(Layer.build(NodeCookieFile.layer({ path: file })), Context.get(CookieFile.CookieFile))

describe("NodeCookieFile", () => {
  it.live("creates the file for its own user only", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryDirectory
      const file = path.join(directory, "cookie")
      const { obtain } = yield* build(file)
      const cookie = Redacted.value(yield* obtain)
      assert.match(cookie, /^[A-Za-z0-9+/]{43}=$/)
      assert.strictEqual(Buffer.from(cookie, "base64").length, 32)
      assert.strictEqual(fs.readFileSync(file, "utf8"), `${cookie}\n`)
      assert.strictEqual(fs.statSync(file).mode & 0o777, 0o600)
      assert.deepStrictEqual(fs.readdirSync(directory), ["cookie"])
      assert.strictEqual(Redacted.value(yield* obtain), cookie)
    }))

  it.live("makes another cookie for another file", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryDirectory
      const first = yield* build(path.join(directory, "first"))
      const second = yield* build(path.join(directory, "second"))
      assert.notStrictEqual(Redacted.value(yield* first.obtain), Redacted.value(yield* second.obtain))
    }))

  it.live("gives one cookie to servers that start in the same moment", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryDirectory
      for (let round = 0; round < 20; round++) {
        const file = path.join(directory, `cookie-${round}`)
        const servers = yield* Effect.all([build(file), build(file), build(file)])
        const cookies = yield* Effect.all(servers.map((server) => server.obtain), { concurrency: "unbounded" })
        assert.deepStrictEqual(new Set(cookies.map(Redacted.value)).size, 1)
        assert.strictEqual(fs.readFileSync(file, "utf8"), `${Redacted.value(cookies[0]!)}\n`)
      }
      assert.strictEqual(fs.readdirSync(directory).length, 20)
    }))

  it.live("gives a client what the server made, and nothing before that", () =>
    Effect.gen(function*() {
      const file = path.join(yield* temporaryDirectory, "cookie")
      const server = yield* build(file)
      const client = yield* build(file)
      assert.isTrue(Option.isNone(yield* client.read))
      assert.isFalse(fs.existsSync(file))
      const cookie = yield* server.obtain
      assert.deepStrictEqual(Option.map(yield* client.read, Redacted.value), Option.some(Redacted.value(cookie)))
    }))
})
