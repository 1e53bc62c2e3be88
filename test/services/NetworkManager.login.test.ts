import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Redacted, Result } from "effect"
import type { Scope } from "effect"
import * as LoginCookie from "../../src/domain/LoginCookie.ts"
import * as Message from "../../src/domain/Message.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import * as CookieFile from "../../src/services/CookieFile.ts"
import * as Native from "../utils/native.ts"
import { address, type Bed, type Host, pass, settle, until, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"
const secret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="
const ping = "0600 087e 2c 04"
const pong = "0600087e3404"

const loginWith = (cookie: string): Uint8Array =>
  Native.encode(Result.getOrThrow(LoginCookie.encode(Redacted.make(cookie))))

const login = loginWith(secret)

/** Message 5/`id` with a body of one byte. */
const message = (id: number): Uint8Array =>
  Native.encode(Message.make({ serviceId: 5, messageId: id, body: Uint8Array.of(id) }))

const fileOf = (obtain: CookieFile.CookieFile["Service"]["obtain"]): CookieFile.CookieFile["Service"] => ({
  read: Effect.succeedNone,
  obtain
})

/** The check as it is by default: it ends in the call that begins it. */
const atOnce = ConnectionAuthorizer.cookie(fileOf(Effect.succeed(Redacted.make(secret))))

/** A check that takes a turn of the scheduler or more, as with a real file. */
const later = ConnectionAuthorizer.cookie(
  fileOf(Effect.as(Effect.andThen(Effect.yieldNow, Effect.yieldNow), Redacted.make(secret)))
)

interface Served {
  readonly host: Host
  /** `program`, and `handler 5/1` and `service 5/1` for what was handed out. */
  readonly events: Array<string>
}

/** A host that demands a login, with a program for each connection and a handler for service 5. */
const serve = (
  bed: Bed,
  authorizer: Effect.Effect<ConnectionAuthorizer.Authorizer, unknown>
): Effect.Effect<Served, never, Scope.Scope> =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9")
    const events: Array<string> = []
    const note = (who: string) => (message: Message.Message) => {
      events.push(`${who} ${message.serviceId}/${message.messageId} ${Message.borrow(message)[0]}`)
    }
    yield* host.manager.register(5, () => Effect.succeed(note("service")))
    yield* host.manager.bind(server, {
      authorizer: yield* authorizer,
      onConnection: (connection) => {
        events.push("program")
        return connection.handle(note("handler"))
      }
    })
    return { host, events }
  }).pipe(Effect.orDie)

const score = (host: Host) => host.banList.score(address("10.0.0.7:1"))

describe("a cookie login", () => {
  for (const [name, authorizer] of [["at once", atOnce], ["later", later]] as const) {
    describe(`that is checked ${name}`, () => {
      it.effect("opens the connection; messages right behind it are handed out after it, in order", () =>
        withBed((bed) =>
          Effect.gen(function*() {
            const { events, host } = yield* serve(bed, authorizer)
            const peer = yield* bed.dial("10.0.0.7", server)
            yield* peer.send(Native.concat([login, message(1), message(2), message(3), Native.fromHex(ping)]))
            yield* settle
            assert.strictEqual(events[0], "program")
            for (const who of ["service", "handler"]) {
              const handed = events.filter((event) => event.startsWith(who))
              assert.deepStrictEqual(handed, [1, 2, 3].map((id) => `${who} 5/${id} ${id}`))
            }
            assert.strictEqual(events.length, 7)
            assert.strictEqual(yield* peer.rest, pong)
            assert.strictEqual(yield* score(host), 0)
            // The login is over: nothing happens at its deadline.
            yield* pass("10 seconds")
            assert.strictEqual(yield* peer.status, "open")
            yield* peer.send(message(4))
            yield* settle
            assert.strictEqual(events.at(-1)?.slice(-5), "5/4 4")
          })
        ))

      it.effect("works at every split of its bytes", () =>
        withBed((bed) =>
          Effect.gen(function*() {
            const { events } = yield* serve(bed, authorizer)
            const bytes = Native.concat([login, message(1)])
            for (let at = 1; at < bytes.length; at += 1) {
              events.length = 0
              const peer = yield* bed.dial("127.0.0.1", server)
              yield* peer.send(bytes.subarray(0, at))
              yield* settle
              yield* peer.send(bytes.subarray(at))
              yield* settle
              assert.sameMembers(events, ["program", "service 5/1 1", "handler 5/1 1"], `split at ${at}`)
              yield* peer.close
            }
          })
        ))

      it.effect("with another cookie ends the connection, costs points, and opens nothing", () =>
        withBed((bed) =>
          Effect.gen(function*() {
            const { events, host } = yield* serve(bed, authorizer)
            const peer = yield* bed.dial("10.0.0.7", server)
            yield* peer.send(Native.concat([loginWith(`${secret.slice(0, -2)}Y=`), message(1)]))
            yield* settle
            assert.strictEqual(yield* peer.status, "Closed")
            assert.deepStrictEqual(events, [])
            assert.strictEqual(yield* score(host), 200)
            assert.strictEqual(yield* peer.rest, "")
          })
        ))

      for (
        const [what, bytes] of [
          ["a message of another service", message(1)],
          ["a message of the login service with another id", Native.packet("0801 1001 04")],
          ["a login without a cookie", Native.packet("0801 1000 04")],
          ["a login whose cookie is bytes", Native.packet("0801 1000 04", Native.fromHex("13 02 4141"))],
          ["a login with a malformed body", Native.packet("0801 1000 04", Native.fromHex("12 7f 41"))],
          ["a login with an empty cookie", Native.packet("0801 1000 04", Native.fromHex("12 00"))],
          [
            "a login in chunks",
            Native.encode(Message.make({ serviceId: 1, messageId: 0, body: new Uint8Array(9000) }))
          ]
        ] as const
      ) {
        it.effect(`a first message that is ${what} is refused`, () =>
          withBed((bed) =>
            Effect.gen(function*() {
              const { events, host } = yield* serve(bed, authorizer)
              const peer = yield* bed.dial("10.0.0.7", server)
              // A good login comes too late.
              yield* peer.send(Native.concat([bytes, login, message(2)]))
              yield* settle
              assert.strictEqual(yield* peer.status, "Closed")
              assert.deepStrictEqual(events, [])
              assert.strictEqual(yield* score(host), 200)
            })
          ))
      }
    })
  }

  it.effect("that does not come within 4 s ends the connection; pings are no login, and silence is not punished", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { events, host } = yield* serve(bed, atOnce)
        const silent = yield* bed.dial("10.0.0.7", server)
        const pinging = yield* bed.dial("10.0.0.8", server)
        yield* pinging.send(ping)
        yield* pass("3999 millis")
        assert.strictEqual(yield* silent.status, "open")
        assert.strictEqual(yield* pinging.status, "open")
        yield* pass("1 millis")
        assert.strictEqual(yield* silent.status, "Closed")
        assert.strictEqual(yield* pinging.status, "Closed")
        assert.strictEqual(yield* score(host), 0)
        assert.deepStrictEqual(events, [])
      })
    ))

  it.effect("that is checked for too long ends the connection, and the check is interrupted", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        let interrupted = 0
        const { events, host } = yield* serve(
          bed,
          Effect.succeed({
            authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
            checkLogin: () => Effect.onInterrupt(Effect.never, () => Effect.sync(() => void interrupted++))
          })
        )
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* pass("1 seconds")
        yield* peer.send(login)
        yield* pass("2999 millis")
        assert.strictEqual(yield* peer.status, "open")
        yield* pass("1 millis")
        assert.strictEqual(yield* peer.status, "Closed")
        assert.strictEqual(interrupted, 1)
        assert.strictEqual(yield* score(host), 0)
        assert.deepStrictEqual(events, [])
      })
    ))

  it.effect("holds up what the peer says behind it: it is not read while the check goes on", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const answer = yield* Deferred.make<ConnectionAuthorizer.LoginVerdict>()
        const { events } = yield* serve(
          bed,
          Effect.succeed({
            authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
            checkLogin: () => Deferred.await(answer)
          })
        )
        const peer = yield* bed.dial("10.0.0.7", server)
        const flood = Native.concat(Array.from({ length: 20_000 }, () => message(1)))
        const writing = yield* Effect.forkChild(peer.send(login, flood))
        yield* settle
        assert.isAtMost((yield* bed.network.links)[0]!.toListener.delivered, 65_536)
        yield* Deferred.succeed(answer, ConnectionAuthorizer.accept())
        yield* Fiber.join(writing)
        yield* until("all is handed out", () => events.length === 40_001)
      }), { window: 100_000 }))

  it.effect("of two peers at once is checked for each alone", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const answers: Array<Deferred.Deferred<ConnectionAuthorizer.LoginVerdict>> = []
        const { events } = yield* serve(
          bed,
          Effect.succeed({
            authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
            checkLogin: () => {
              const answer = Deferred.makeUnsafe<ConnectionAuthorizer.LoginVerdict>()
              answers.push(answer)
              return Deferred.await(answer)
            }
          })
        )
        const peers = yield* Effect.forEach(["10.0.0.6", "10.0.0.7", "10.0.0.8"], (from) => bed.dial(from, server))
        for (const peer of peers) yield* peer.send(Native.concat([login, message(1)]))
        yield* settle
        assert.strictEqual(answers.length, 3)
        yield* Deferred.succeed(answers[2]!, ConnectionAuthorizer.accept())
        yield* settle
        assert.sameMembers(events, ["program", "service 5/1 1", "handler 5/1 1"])
        yield* Deferred.succeed(answers[0]!, ConnectionAuthorizer.reject("no"))
        yield* settle
        assert.deepStrictEqual(yield* Effect.forEach(peers, (peer) => peer.status), ["Closed", "open", "open"])
        assert.strictEqual(events.length, 3)
        yield* Deferred.succeed(answers[1]!, ConnectionAuthorizer.accept())
        yield* settle
        assert.strictEqual(events.length, 6)
      })
    ))

  it.effect("of a peer that has gone meanwhile opens nothing", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const answer = yield* Deferred.make<ConnectionAuthorizer.LoginVerdict>()
        const { events } = yield* serve(
          bed,
          Effect.succeed({
            authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
            checkLogin: () => Deferred.await(answer)
          })
        )
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(Native.concat([login, message(1)]))
        yield* settle
        yield* bed.network.cut("10.0.0.7")
        yield* settle
        yield* Deferred.succeed(answer, ConnectionAuthorizer.accept())
        yield* settle
        assert.deepStrictEqual(events, [])
        assert.deepStrictEqual(yield* bed.network.links, [])
      })
    ))

  it.effect("is compared with the file as it is at that time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        let current = secret
        const { events } = yield* serve(
          bed,
          ConnectionAuthorizer.cookie(fileOf(Effect.sync(() => Redacted.make(current))))
        )
        current = "bmV3"
        const old = yield* bed.dial("10.0.0.7", server)
        yield* old.send(login)
        const fresh = yield* bed.dial("10.0.0.8", server)
        yield* fresh.send(loginWith("bmV3"))
        yield* settle
        assert.strictEqual(yield* old.status, "Closed")
        assert.strictEqual(yield* fresh.status, "open")
        assert.deepStrictEqual(events, ["program"])
      })
    ))

  it.effect("that cannot be checked is refused and logged, and the peer is not to blame", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        let isBroken = false
        const obtain = Effect.suspend(() =>
          isBroken
            ? Effect.fail(new CookieFile.CookieError({ problem: "Exposed", path: "/run/cookie" }))
            : Effect.succeed(Redacted.make(secret))
        )
        const { events, host } = yield* serve(bed, ConnectionAuthorizer.cookie(fileOf(obtain)))
        isBroken = true
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(login)
        yield* settle
        assert.strictEqual(yield* peer.status, "Closed")
        assert.deepStrictEqual(events, [])
        assert.strictEqual(yield* score(host), 0)
        const line = bed.logs.find((line) => line.startsWith("Error A login could not be checked"))
        assert.include(line, "the cookie file /run/cookie is open to all users")
        assert.include(line, "side=accepted")
        isBroken = false
        const next = yield* bed.dial("10.0.0.8", server)
        yield* next.send(login)
        yield* settle
        assert.strictEqual(yield* next.status, "open")
      })
    ))

  it.effect("that fails five times bans the address, and cuts its other connections", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { maxConnectionsPerAddress: 10 })
        yield* host.manager.bind(server, { authorizer: yield* atOnce, limitRate: false })
        const good = yield* bed.dial("10.0.0.7", server)
        yield* good.send(login)
        const other = yield* bed.dial("10.0.0.8", server)
        yield* other.send(login)
        for (let i = 1; i <= 5; i++) {
          assert.strictEqual(yield* good.status, "open")
          const bad = yield* bed.dial("10.0.0.7", server)
          yield* bad.send(message(1))
          yield* settle
          assert.strictEqual(yield* bad.status, "Closed")
        }
        assert.strictEqual(yield* good.status, "Closed")
        assert.strictEqual(yield* other.status, "open")
        assert.isTrue(yield* host.banList.isBanned(address("10.0.0.7:1")))
      })
    ))

  it.effect("has to come within 64 KB", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { events, host } = yield* serve(bed, atOnce)
        const peer = yield* bed.dial("10.0.0.7", server)
        const long = Native.encode(Message.make({ serviceId: 1, messageId: 0, body: new Uint8Array(70_000) }))
        yield* peer.send(long.subarray(0, 66_000))
        yield* settle
        assert.strictEqual(yield* peer.status, "Closed")
        assert.strictEqual(yield* score(host), 200)
        assert.deepStrictEqual(events, [])
      })
    ))

  it.effect("is waited for before anything is sent to the peer, however much that is", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9", { normalLaneMessages: 4 })
        const listener = yield* host.manager.bind(server, { authorizer: yield* atOnce })
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* settle
        const [connection] = yield* listener.connections
        assert.strictEqual((yield* connection!.state)._tag, "LoggingIn")
        for (let i = 0; i < 4; i++) yield* connection!.send(Message.make({ serviceId: 5, messageId: i }))
        yield* connection!.send(Message.make({ serviceId: 5, messageId: 9 }), { priority: "high" })
        yield* peer.send(ping)
        yield* settle
        assert.strictEqual(yield* peer.rest, pong)
        yield* peer.send(login)
        yield* settle
        assert.strictEqual(
          yield* peer.rest,
          [9, 0, 1, 2, 3].map((id) => `07000805100${id}04`).join("")
        )
        assert.strictEqual((yield* connection!.state)._tag, "Connected")
      })
    ))

  it.effect("a second login is a message like others", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { events, host } = yield* serve(bed, atOnce)
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(Native.concat([login, loginWith("other")]))
        yield* settle
        assert.strictEqual(yield* peer.status, "open")
        assert.deepStrictEqual(events, ["program", "handler 1/0 18"])
        assert.strictEqual(yield* score(host), 0)
      })
    ))
})
