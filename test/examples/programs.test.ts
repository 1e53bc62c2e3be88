import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { runExample } from "../utils/example.ts"

const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").slice(0, -1)

describe("the chat", () => {
  it("takes fewer than 60 lines", () => {
    const code = Fs.readFileSync(new URL("../../examples/chat.ts", import.meta.url), "utf8")
    assert.isBelow(linesOf(code).length, 60)
  })

  it.live("lets two people talk", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runExample("chat.ts", [])
      assert.strictEqual(code, 0, stderr)
      assert.deepStrictEqual(linesOf(stdout), [
        "Anna enters; present: Anna",
        "Ben enters; present: Anna, Ben",
        "Anna: Hello, Ben!",
        "Ben: Hello, Anna!"
      ])
    }))
})

describe("watching an address", () => {
  it.live("tells of three payments", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runExample("watchAddress.ts", [])
      assert.strictEqual(code, 0, stderr)
      const [title, ...payments] = linesOf(stdout)
      assert.match(title!, /^watching bchreg:\w+$/)
      assert.strictEqual(payments.length, 3)
      for (const payment of payments) {
        assert.match(payment, /^5000000000 satoshis, in block \d+: transaction [0-9a-f]{64}$/)
      }
    }))
})

describe("access", () => {
  it.live("tells strangers from those who have logged in", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runExample("access.ts", [])
      assert.strictEqual(code, 0, stderr)
      const [strangers, refused, ...operators] = linesOf(stdout)
      assert.strictEqual(strangers, "sunny, for Anonymous")
      assert.include(refused, "Not permitted")
      assert.deepStrictEqual(operators, ["sunny, for CookieHolder", "the operator has 7 coins"])
    }))
})
