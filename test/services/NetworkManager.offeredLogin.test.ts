import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schedule } from "effect"
import * as Message from "../../src/domain/Message.ts"
import * as Access from "../../src/services/Access.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import {
  ask,
  askAs,
  cookie,
  login,
  loginFile,
  otherLogin,
  refusedOf,
  request,
  serve,
  server,
  textOf,
  whoIs
} from "../utils/access.ts"
import * as Native from "../utils/native.ts"
import { address, type Bed, pass, settle, withBed } from "../utils/network.ts"

describe("a login that is offered, and not demanded", () => {
  const offering = Effect.fnUntraced(function*(bed: Bed) {
    const host = yield* bed.host("10.0.0.9")
    yield* serve(host, Layer.mergeAll(whoIs(42), whoIs(43), whoIs(44, Access.identified)))
    const authorizer = yield* ConnectionAuthorizer.cookie(loginFile, { open: [42, 44] })
    yield* host.manager.bind(server, { authorizer, limitRate: false })
    return host
  })

  it.effect("opens all services; without it the open ones answer, those that demand more excepted", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* offering(bed)
        assert.strictEqual(yield* ask(bed, "10.0.0.1", 42), "nobody")
        assert.strictEqual(yield* ask(bed, "10.0.0.1", 43), "failed: Not permitted")
        assert.strictEqual(yield* ask(bed, "10.0.0.1", 44), "failed: Not permitted")
        for (const id of [42, 43, 44]) assert.strictEqual(yield* ask(bed, "10.0.0.2", id, true), "cookie")
        assert.strictEqual(yield* host.banList.score(address("10.0.0.1:1")), 0)
      }).pipe(Effect.scoped)
    ))

  it.effect("costs points when it is wrong, and ends the connection", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* offering(bed)
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(Native.concat([otherLogin, Native.encode(askAs(1, 42))]))
        yield* settle
        assert.strictEqual(yield* peer.status, "Closed")
        assert.strictEqual(yield* peer.rest, "")
        assert.strictEqual(yield* host.banList.score(address("10.0.0.7:1")), 200)
      }).pipe(Effect.scoped)
    ))

  it.effect("comes first or not at all: one behind a message is refused like others and checked by nobody", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* offering(bed)
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(Native.concat([Native.encode(askAs(1, 42)), login, Native.encode(askAs(2, 43))]))
        yield* settle
        const heard = Buffer.from(Native.fromHex(yield* peer.rest)).toString("latin1")
        assert.include(heard, "nobody")
        assert.include(heard, "Not permitted")
        assert.notInclude(heard, "cookie")
        assert.strictEqual(yield* refusedOf(host), 2)
      }).pipe(Effect.scoped)
    ))

  it.effect("is waited for 4 s: who is silent is let in without, and a login that comes later ends the connection", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* offering(bed)
        const quiet = yield* bed.dial("10.0.0.6", server)
        const late = yield* bed.dial("10.0.0.7", server)
        const half = yield* bed.dial("10.0.0.8", server)
        yield* half.send(login.subarray(0, 10))
        yield* pass("4 seconds")
        for (const connection of yield* host.manager.connections) {
          assert.strictEqual((yield* connection.state)._tag, "Connected")
          assert.deepStrictEqual((yield* connection.access).services, new Set([42, 44]))
        }
        yield* quiet.send(Native.encode(askAs(1, 42)))
        yield* late.send(Native.concat([login, Native.encode(askAs(1, 43))]))
        yield* half.send(Native.concat([login.subarray(10), Native.encode(askAs(1, 43))]))
        yield* settle
        assert.include(Buffer.from(Native.fromHex(yield* quiet.rest)).toString("latin1"), "nobody")
        for (const peer of [late, half]) {
          assert.strictEqual(yield* peer.status, "Closed")
          assert.strictEqual(yield* peer.rest, "")
        }
        assert.strictEqual(yield* host.banList.score(address("10.0.0.7:1")), 0)
        yield* pass("20 seconds")
        assert.strictEqual(yield* quiet.status, "open")
      }).pipe(Effect.scoped)
    ))

  it.effect("does not hold up a large first message to an open service", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const lengths: Array<number> = []
        yield* host.manager.register(42, () => Effect.succeed((message) => void lengths.push(message.bodyLength)))
        yield* host.manager.bind(server, {
          authorizer: yield* ConnectionAuthorizer.cookie(loginFile, { open: [42] })
        })
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(Native.encode(Message.make({ serviceId: 42, messageId: 0, body: new Uint8Array(200_000) })))
        yield* settle
        assert.deepStrictEqual(lengths, [200_000])
        assert.strictEqual(yield* host.banList.score(address("10.0.0.7:1")), 0)
      }).pipe(Effect.scoped)
    ))

  it.effect("is made anew with each socket, and the access is that of the socket", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* offering(bed)
        let current = Option.some(cookie)
        const caller = yield* bed.host("10.0.0.7")
        const connection = yield* caller.manager.connect(server, {
          login: { ...loginFile, read: Effect.sync(() => current) },
          reconnect: Schedule.spaced("1 second")
        })
        const answer = Effect.map(connection.request(request(42)), textOf)
        assert.strictEqual(yield* answer, "cookie")
        current = Option.none()
        yield* connection.disconnect
        yield* pass("1 second")
        assert.strictEqual(yield* answer, "nobody")
        current = Option.some(cookie)
        yield* connection.disconnect
        yield* pass("1 second")
        assert.strictEqual(yield* answer, "cookie")
      }).pipe(Effect.scoped)
    ))
})
