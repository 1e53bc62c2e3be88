import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Result } from "effect"
import { inspect } from "node:util"
import * as LoginCookie from "../../src/domain/LoginCookie.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import * as Native from "../utils/native.ts"
import { settle, withBed } from "../utils/network.ts"

const secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="

const made = Result.getOrThrow(LoginCookie.encode(Redacted.make(secret)))
const login = Native.encode(made)

describe("the cookie", () => {
  const forms = (text: string): ReadonlyArray<string> => [
    text,
    Buffer.from(text).toString("hex"),
    Buffer.from(text).toString("base64").slice(0, 30),
    Array.from(Buffer.from(text)).slice(0, 8).join(", "),
    Array.from(Buffer.from(text)).slice(0, 8).join(","),
    Array.from(Buffer.from(text).subarray(0, 6), (byte) => byte.toString(16)).join(" ")
  ]
  const assertHidden = (shown: string) => {
    for (const form of forms(secret)) assert.notInclude(shown, form)
  }

  it.effect("is never in the logs, whatever becomes of the login", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const checking = yield* ConnectionAuthorizer.cookie({
          read: Effect.succeedNone,
          obtain: Effect.succeed(Redacted.make(`${secret}!`))
        })
        const dying: ConnectionAuthorizer.Authorizer = {
          authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
          checkLogin: (message) => Effect.andThen(Effect.logError("Cannot check", message), Effect.fail(message))
        }
        const host = yield* bed.host("10.0.0.9")
        yield* host.manager.bind("10.0.0.9:1", { authorizer: checking })
        yield* host.manager.bind("10.0.0.9:2", { authorizer: dying })
        for (const to of ["10.0.0.9:1", "10.0.0.9:2"]) {
          const peer = yield* bed.dial("10.0.0.7", to)
          yield* peer.send(login)
        }
        yield* settle
        assert.isTrue(bed.logs.some((line) => line.includes("could not be checked")))
        assertHidden(bed.logs.join("\n"))
        assertHidden(inspect(yield* host.banList.list, { depth: 20 }))
      })
    ))

  it("is not shown by an inspected message, received or made", () => {
    const { messages } = Native.receive(login, Native.whole, { keep: true })
    const { messages: unkept } = Native.receive(login, Native.whole)
    for (const message of [made, ...messages, ...unkept]) {
      for (const depth of [0, 2, 20]) {
        const shown = inspect(message, { depth, showHidden: true })
        assert.include(shown, "Message")
        assertHidden(shown)
        assertHidden(inspect({ nested: [message] }, { depth: 20 }))
      }
      assertHidden(JSON.stringify(message))
    }
  })
})
