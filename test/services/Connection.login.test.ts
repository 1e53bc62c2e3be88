import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Layer, Option, PlatformError, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"
import { inspect } from "node:util"
import * as CookieFile from "../../src/services/CookieFile.ts"
import { dial, dialPair, numbered, receivedIds, serve, server, stateOf } from "../utils/dialling.ts"
import { encode, toHex } from "../utils/native.ts"
import { pass, settle, withBed } from "../utils/network.ts"

const secret = "c2VjcmV0IGNvb2tpZQ=="

/** `ServiceId 1, MessageId 0`, and the cookie as string with tag 2 (wire format, section 3). */
const loginPacket = (cookie: string): string => {
  const length = 2 + 5 + 2 + cookie.length
  return `${length.toString(16).padStart(2, "0")}00 0801 1000 04 12 ${cookie.length.toString(16).padStart(2, "0")} ${
    Buffer.from(cookie).toString("hex")
  }`
}

/** A cookie file of which a test decides what is in it. */
const makeLogin = (cookie: { current: string | undefined }): CookieFile.CookieFile["Service"] => ({
  read: Effect.sync(() => Option.map(Option.fromUndefinedOr(cookie.current), (text) => Redacted.make(text))),
  obtain: Effect.die("not a server")
})

const missingFiles = Layer.mergeAll(
  FileSystem.layerNoop({
    open: () => Effect.fail(PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "open" }))
  }),
  SecureRandom.layerWebCrypto
)

describe("the login of a connection", () => {
  it.effect("comes before all that was queued, high priority included", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const connection = yield* dial(bed, { login: makeLogin({ current: secret }) })
        yield* connection.sendAll([numbered(1), numbered(2)])
        yield* connection.sendAll([numbered(3), numbered(4)], { priority: "high" })
        const { accept } = yield* serve(bed)
        yield* pass("4 seconds")
        const peer = yield* accept
        yield* peer.expect(loginPacket(secret))
        assert.deepStrictEqual(yield* receivedIds(peer), [3, 4, 1, 2])
      })
    ))

  it.effect("comes with every connect, with the cookie of that time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const cookie: { current: string | undefined } = { current: "first" }
        const { accept, connection, peer } = yield* dialPair(bed, { login: makeLogin(cookie) })
        yield* peer.expect(loginPacket("first"))
        yield* pass("10 seconds")
        cookie.current = "second"
        yield* bed.network.cut(server)
        const second = yield* accept
        yield* second.expect(loginPacket("second"))
        yield* pass("10 seconds")
        cookie.current = undefined
        yield* second.close
        const third = yield* accept
        yield* connection.send(numbered(1))
        yield* settle
        assert.strictEqual(yield* third.rest, toHex(encode(numbered(1))))
        assert.strictEqual(yield* stateOf(connection), "connected to 10.0.0.9:1235")
      })
    ))

  it.effect("is the only thing that is sent on its own, once", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { peer } = yield* dialPair(bed, { login: makeLogin({ current: secret }) })
        yield* pass("89 seconds")
        yield* peer.expect(loginPacket(secret))
        assert.strictEqual(yield* peer.rest, "")
      })
    ))

  it.effect("is sent again when the link is cut within it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept } = yield* serve(bed)
        // A write is done when all of it is in the window.
        yield* bed.network.setConditions({ window: 1 })
        yield* bed.network.cutAfter(server, 5, "toListener")
        const connection = yield* dial(bed, { login: makeLogin({ current: secret }) })
        yield* connection.send(numbered(1))
        yield* accept
        const peer = yield* accept
        yield* bed.network.setConditions({ window: 10_000 })
        yield* peer.expect(loginPacket(secret))
        yield* settle
        assert.deepStrictEqual(yield* receivedIds(peer), [1])
      })
    ))

  it.effect("is left out without a cookie file, which is told in a warning, once", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const login = yield* CookieFile.make({ path: "/nowhere/.cookie" }).pipe(Effect.provide(missingFiles))
        const { accept, connection, peer } = yield* dialPair(bed, { login })
        yield* connection.send(numbered(1))
        yield* settle
        assert.strictEqual(yield* peer.rest, toHex(encode(numbered(1))))
        yield* pass("10 seconds")
        yield* peer.close
        yield* accept
        const warnings = bed.logs.filter((line) => line.startsWith("Warn"))
        assert.strictEqual(warnings.length, 1)
        assert.include(warnings[0]!, "Connecting without login: the cookie file /nowhere/.cookie does not exist")
        assert.include(warnings[0]!, "endPoint=10.0.0.9:1235")
      })
    ))

  it.effect("is left out with a cookie that is none", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { connection, peer } = yield* dialPair(bed, { login: makeLogin({ current: "x".repeat(1000) }) })
        yield* connection.send(numbered(1))
        yield* settle
        assert.strictEqual(yield* peer.rest, toHex(encode(numbered(1))))
        assert.strictEqual(bed.logs.filter((line) => line.startsWith("Warn Connecting without login")).length, 1)
      })
    ))

  it.effect("appears in no log, state or error", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, connection, peer } = yield* dialPair(bed, { login: makeLogin({ current: secret }) })
        yield* peer.send("ff ff ff")
        yield* pass("15 seconds")
        yield* (yield* accept).close
        yield* pass("1 minute")
        yield* accept
        const request = yield* Effect.forkChild(Effect.flip(connection.request(numbered(1))))
        yield* settle
        yield* bed.network.cut(server)
        const error = yield* Fiber.join(request)
        const said = [...bed.logs, inspect(connection), inspect(yield* connection.state), inspect(error)]
        for (const text of said) assert.notInclude(text, secret)
        assert.isTrue(bed.logs.length > 0)
      })
    ))

  it.effect("makes connections to one end point two, when the logins differ", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept } = yield* serve(bed)
        const { manager } = yield* bed.host("10.0.0.7")
        const login = makeLogin({ current: secret })
        yield* Effect.orDie(manager.connect(server, { login }))
        yield* Effect.orDie(manager.connect(server, { login }))
        yield* Effect.orDie(manager.connect(server))
        yield* (yield* accept).expect(loginPacket(secret))
        yield* accept
        yield* settle
        assert.strictEqual((yield* bed.network.links).length, 2)
      })
    ))
})
