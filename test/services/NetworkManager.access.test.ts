import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Layer, Metric, Option, Redacted, Result, Schedule, Schema } from "effect"
import { NetAddress } from "effect/net"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as Header from "../../src/domain/Header.ts"
import * as Identity from "../../src/domain/Identity.ts"
import * as LoginCookie from "../../src/domain/LoginCookie.ts"
import * as Message from "../../src/domain/Message.ts"
import * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as Access from "../../src/services/Access.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import type * as CookieFile from "../../src/services/CookieFile.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as MessageServer from "../../src/services/MessageServer.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as NetworkMetrics from "../../src/services/NetworkMetrics.ts"
import * as NetworkService from "../../src/services/NetworkService.ts"
import * as Native from "../utils/native.ts"
import { address, type Bed, type Host, pass, type RawPeer, settle, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"
const cookie = Redacted.make("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=")
const login = Native.encode(Result.getOrThrow(LoginCookie.encode(cookie)))
const otherLogin = Native.encode(Result.getOrThrow(LoginCookie.encode(Redacted.make("guess"))))

const loginFile: CookieFile.CookieFile["Service"] = {
  read: Effect.succeedSome(cookie),
  obtain: Effect.succeed(cookie)
}

class CurrentUser extends Context.Service<CurrentUser, { readonly name: string }>()("test/CurrentUser") {}

const named = (name: string): Access.Access =>
  Access.make({ identity: Identity.Identity.Named({ name }), context: Context.make(CurrentUser, { name }) })

const say = (serviceId: number, messageId = 0) => Native.encode(Message.make({ serviceId, messageId }))

const request = (serviceId: number) => Message.make({ serviceId, messageId: 0 })

/** A request of a raw peer. */
const askAs = (id: number, serviceId: number) =>
  Message.make({ serviceId, messageId: 0, header: Header.set(Header.empty, Header.requestId, id) })

const textOf = (message: Message.Message): string => new TextDecoder().decode(message.body)

const nameOf = Identity.Identity.$match({
  Anonymous: () => "nobody",
  CookieHolder: () => "cookie",
  CertificateHolder: ({ certificate }) => certificate.commonName ?? "?",
  Named: ({ name }) => name
})

const Who = MessageGroup.make(
  MessageGroup.call("whoAmI", {
    serviceId: 50,
    messageId: 0,
    request: Schema.Struct({}),
    reply: Schema.Struct({ name: Schema.String.pipe(Wire.tag(1)) })
  })
)

/** Says who asks. */
const whoIs = (serviceId: number, access?: Access.Requirement) =>
  NetworkService.layerHandler(serviceId, (message, connection) =>
    Effect.gen(function*() {
      const body = new TextEncoder().encode(nameOf(yield* Access.identity))
      yield* connection.send(Message.reply(message, { body }))
    }), { access })

/** Says the name of the user that each peer brings along. */
const greeter = (serviceId: number) =>
  NetworkService.layerHandler(
    serviceId,
    (message, connection) =>
      Effect.flatMap(CurrentUser, ({ name }) =>
        connection.send(Message.reply(message, { body: new TextEncoder().encode(`Hello, ${name}!`) }))),
    {
      access: Access.having(CurrentUser)
    }
  )

const serve = (host: Host, services: Layer.Layer<never, NetworkManager.NetworkError, NetworkManager.NetworkManager>) =>
  Effect.orDie(Effect.provideContext(Layer.build(services), host.context))

/** What a peer hears when it asks a service: the text of the reply or of the refusal. */
const ask = (bed: Bed, from: string, serviceId: number, withLogin = false) =>
  Effect.gen(function*() {
    const host = yield* bed.host(from)
    const connection = yield* host.manager.connect(server, withLogin ? { login: loginFile } : {})
    const reply = yield* connection.request(request(serviceId))
    return CommandFailure.isFailure(reply) ? `failed: ${CommandFailure.read(reply).text}` : textOf(reply)
  }).pipe(Effect.scoped, Effect.orDie)

const byAddress = (accesses: Record<string, Access.Access>) =>
  ConnectionAuthorizer.make(({ remoteAddress }) => {
    const access = accesses[NetAddress.formatSocketAddress(remoteAddress).split(":")[0]!]
    return Effect.succeed(
      access === undefined ? ConnectionAuthorizer.reject("unknown") : ConnectionAuthorizer.accept(access)
    )
  })

const refusedOf = (host: Host) =>
  Effect.map(host.manager.connections, Effect.forEach((connection) => connection.stats)).pipe(
    Effect.flatten,
    Effect.map((all) => all.reduce((sum, { messagesRefused }) => sum + messagesRefused, 0))
  )

describe("the access of a connection", () => {
  it.effect("says who asks, to handlers of services and to programs, each their own", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const seen: Array<string> = []
        yield* serve(host, Layer.merge(whoIs(42), greeter(43)))
        yield* host.manager.bind(server, {
          authorizer: byAddress({
            "10.0.0.1": named("anna"),
            "10.0.0.2": named("ben"),
            "10.0.0.3": Access.anonymous
          }),
          onConnection: (connection) =>
            Effect.gen(function*() {
              seen.push(`${nameOf(yield* Access.identity)} ${nameOf((yield* connection.access).identity)}`)
            })
        })
        assert.strictEqual(yield* ask(bed, "10.0.0.1", 42), "anna")
        assert.strictEqual(yield* ask(bed, "10.0.0.2", 42), "ben")
        assert.strictEqual(yield* ask(bed, "10.0.0.3", 42), "nobody")
        assert.strictEqual(yield* ask(bed, "10.0.0.1", 43), "Hello, anna!")
        assert.strictEqual(yield* ask(bed, "10.0.0.2", 43), "Hello, ben!")
        assert.strictEqual(yield* ask(bed, "10.0.0.3", 43), "failed: Not permitted")
        assert.deepStrictEqual(seen.slice(0, 3), ["anna anna", "ben ben", "nobody nobody"])
      }).pipe(Effect.scoped)
    ))

  it.effect("says who asks to the handlers of a message group, and keeps others out", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        // That of the group demands a user, and no layer has to provide one.
        const group: Layer.Layer<never, NetworkManager.NetworkError, NetworkManager.NetworkManager> = MessageServer
          .layer(
            Who,
            { whoAmI: () => Effect.map(CurrentUser, ({ name }) => ({ name })) },
            { access: Access.having(CurrentUser), concurrency: 3 }
          )
        yield* serve(host, group)
        yield* host.manager.bind(server, {
          authorizer: byAddress({ "10.0.0.1": named("anna"), "10.0.0.3": Access.anonymous })
        })
        const askGroup = (from: string) =>
          Effect.gen(function*() {
            const caller = yield* bed.host(from)
            return yield* MessageClient.make(Who, yield* caller.manager.connect(server)).whoAmI({})
          }).pipe(Effect.scoped)
        assert.deepStrictEqual(yield* askGroup("10.0.0.1"), { name: "anna" })
        const error = yield* Effect.flip(askGroup("10.0.0.3"))
        assert.include(error.message, "Not permitted")
      }).pipe(Effect.scoped)
    ))

  it.effect("is not that of the fiber that registered the service or made the listener", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* Effect.gen(function*() {
          yield* serve(host, whoIs(42))
          yield* host.manager.register(43, (connection) =>
            Effect.map(Access.identity, (identity) =>
            (message: Message.Message) =>
              connection.send(Message.reply(message, { body: new TextEncoder().encode(nameOf(identity)) }))))
          yield* host.manager.bind(server)
        }).pipe(Effect.provideService(Access.Current, named("root")))
        assert.strictEqual(yield* ask(bed, "10.0.0.3", 42), "nobody")
        assert.strictEqual(yield* ask(bed, "10.0.0.3", 43), "nobody")
      }).pipe(Effect.scoped)
    ))

  it.effect("goes before what the service was registered with", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* Effect.provideService(serve(host, greeter(43)), CurrentUser, { name: "root" })
        yield* host.manager.bind(server, { authorizer: byAddress({ "10.0.0.1": named("anna") }) })
        assert.strictEqual(yield* ask(bed, "10.0.0.1", 43), "Hello, anna!")
      }).pipe(Effect.scoped)
    ))

  it.effect("of whom we dial keeps connections apart", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const accepted: Array<RawPeer> = []
        yield* bed.listen("10.0.0.5:1", (peer) => accepted.push(peer))
        const hub = named("hub")
        for (const access of [undefined, hub, hub, Access.anonymous]) {
          yield* host.manager.connect("10.0.0.5:1", { access })
        }
        yield* settle
        assert.strictEqual(accepted.length, 2)
      }).pipe(Effect.scoped)
    ))

  it.effect("of whom we dial is anonymous, or what we say", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        yield* serve(host, Layer.merge(whoIs(42), greeter(43)))
        const accepted: Array<RawPeer> = []
        yield* bed.listen("10.0.0.5:1", (peer) => accepted.push(peer))
        yield* bed.listen("10.0.0.6:1", (peer) => accepted.push(peer))
        const heard: Array<number> = []
        const plain = yield* host.manager.connect("10.0.0.5:1")
        yield* Effect.forkScoped(plain.handle((message) => void heard.push(message.serviceId)))
        yield* host.manager.connect("10.0.0.6:1", { access: named("hub") })
        yield* settle
        for (const peer of accepted) yield* peer.send(Native.encode(askAs(1, 42), askAs(2, 43)))
        yield* settle
        const [first, second] = yield* Effect.forEach(accepted, (peer) => Effect.map(peer.rest, Native.fromHex))
        const show = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1")
        assert.include(show(first!), "nobody")
        assert.notInclude(show(first!), "Hello")
        // The handlers of a handle hear all.
        assert.deepStrictEqual(heard, [42, 43])
        assert.include(show(second!), "hub")
        assert.include(show(second!), "Hello, hub!")
      }).pipe(Effect.scoped)
    ))
})

describe("a message to a service that the peer may not address", () => {
  it.effect("is handed to nobody, counted, told once, answered when it is a request, and costs no points", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const events: Array<string> = []
        yield* host.manager.register(5, () => Effect.succeed((message) => void events.push(`5/${message.messageId}`)))
        yield* host.manager.register(6, () => Effect.succeed((message) => void events.push(`6/${message.messageId}`)))
        yield* host.manager.bind(server, {
          authorizer: byAddress({ "10.0.0.7": Access.make({ services: [5] }) }),
          onConnection: (connection) =>
            connection.handle((message) => void events.push(`all ${message.serviceId}/${message.messageId}`))
        })
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(Native.concat([say(5, 1), say(6, 2), say(5, 3), say(7, 4), say(0, 2)]))
        yield* settle
        assert.sameMembers(events, ["all 5/1", "all 5/3", "5/1", "5/3"])
        assert.strictEqual(yield* peer.rest, "")
        yield* peer.send(Native.encode(askAs(9, 6)))
        yield* settle
        assert.include(Buffer.from(Native.fromHex(yield* peer.rest)).toString("latin1"), "Not permitted")
        // Nobody answers a failure: it would go back and forth.
        yield* peer.send(Native.encode(Message.make({ ...CommandFailure.address, header: askAs(9, 0).header })))
        yield* settle
        assert.strictEqual(yield* peer.rest, "")
        assert.strictEqual(yield* refusedOf(host), 5)
        const dropped = Metric.withAttributes(NetworkMetrics.messagesDropped, { cause: "NotPermitted" })
        assert.strictEqual((yield* Metric.value(dropped)).count, 5)
        assert.strictEqual(bed.logs.filter((line) => line.includes("Refused message")).length, 1)
        assert.strictEqual(yield* host.banList.score(address("10.0.0.7:1")), 0)
        assert.strictEqual(yield* peer.status, "open")
      }).pipe(Effect.scoped, Effect.provideService(Metric.MetricRegistry, new Map()))
    ))

  it.effect("is held back from programs too when the service demands more, unless another handler is for all", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const events: Array<string> = []
        const note = (who: string) => () =>
          Effect.succeed((message: Message.Message) => void events.push(`${who} ${message.serviceId}`))
        yield* host.manager.register(5, note("inner"), { access: Access.identified })
        yield* host.manager.bind(server, {
          onConnection: (connection) => connection.handle((message) => void events.push(`all ${message.serviceId}`))
        })
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(Native.concat([say(5), say(6)]))
        yield* settle
        assert.deepStrictEqual(events, ["all 6"])
        yield* host.manager.register(5, note("open"))
        yield* peer.send(say(5))
        yield* settle
        assert.sameMembers(events, ["all 6", "all 5", "open 5"])
      }).pipe(Effect.scoped)
    ))

  it.effect("is refused where finding out fails", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const broken = Access.when(() => {
          throw new Error("a bug")
        })
        yield* serve(host, whoIs(42, broken))
        yield* host.manager.bind(server)
        assert.strictEqual(yield* ask(bed, "10.0.0.7", 42), "failed: Not permitted")
        assert.isTrue(bed.logs.some((line) => line.includes("Whom a service is for could not be found out")))
      }).pipe(Effect.scoped)
    ))

  it.effect("is no way to make the server hold answers without end", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const listener = yield* host.manager.bind(server, {
          authorizer: byAddress({ "10.0.0.7": Access.make({ services: [] }) })
        })
        const peer = yield* bed.dial("10.0.0.7", server)
        const flood = Native.concat(Array.from({ length: 50_000 }, (_, id) => Native.encode(askAs(id, 6))))
        yield* Effect.forkScoped(peer.send(flood))
        yield* pass("1 second")
        const [stats] = yield* Effect.flatMap(listener.connections, Effect.forEach((connection) => connection.stats))
        assert.isAtMost(stats!.queuedNormal, 2000)
        assert.isAbove(stats!.messagesRefused, 0)
      }).pipe(Effect.scoped), { window: 1000 }))

  it.effect("may be a reply to what the peer was asked", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const reply = yield* Deferred.make<string>()
        yield* host.manager.bind(server, {
          authorizer: byAddress({ "10.0.0.7": Access.make({ services: [] }) }),
          onConnection: (connection) =>
            Effect.flatMap(connection.request(request(9)), (message) => Deferred.succeed(reply, textOf(message)))
        })
        const caller = yield* bed.host("10.0.0.7")
        const connection = yield* caller.manager.connect(server)
        yield* Effect.forkScoped(
          connection.handle((message) =>
            connection.send(Message.reply(message, { body: new TextEncoder().encode("here") }))
          )
        )
        assert.strictEqual(yield* Deferred.await(reply), "here")
      }).pipe(Effect.scoped)
    ))
})

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

describe("before the verdict", () => {
  it.effect("nobody may do anything, and what waits is judged by it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        const verdict = yield* Deferred.make<ConnectionAuthorizer.LoginVerdict>()
        const events: Array<number> = []
        yield* host.manager.register(5, () => Effect.succeed(() => void events.push(5)))
        yield* host.manager.register(6, () => Effect.succeed(() => void events.push(6)))
        const listener = yield* host.manager.bind(server, {
          authorizer: {
            authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
            checkLogin: () => Deferred.await(verdict)
          }
        })
        const peer = yield* bed.dial("10.0.0.7", server)
        yield* peer.send(Native.concat([login, say(5), say(6), say(5)]))
        yield* settle
        const [connection] = yield* listener.connections
        assert.deepStrictEqual((yield* connection!.access).services, new Set())
        assert.deepStrictEqual(events, [])
        yield* Deferred.succeed(verdict, ConnectionAuthorizer.accept(Access.make({ services: [6] })))
        yield* settle
        assert.deepStrictEqual(events, [6])
        assert.strictEqual(yield* refusedOf(host), 2)
      }).pipe(Effect.scoped)
    ))

  it.effect("one that is none lets nobody in", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.9")
        for (const answer of ["Accept", true, undefined, null, { _tag: "accept" }]) {
          const { address: at } = yield* host.manager.bind("10.0.0.9:0", {
            authorizer: ConnectionAuthorizer.make(() => Effect.succeed(answer as never))
          })
          const peer = yield* bed.dial("10.0.0.7", at)
          yield* settle
          assert.strictEqual(yield* peer.status, "Closed", String(answer))
        }
        assert.deepStrictEqual(yield* host.manager.connections, [])
      }).pipe(Effect.scoped)
    ))
})
