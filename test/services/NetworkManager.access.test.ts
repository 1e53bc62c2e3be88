import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, Metric } from "effect"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Access from "../../src/services/Access.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as MessageServer from "../../src/services/MessageServer.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as NetworkMetrics from "../../src/services/NetworkMetrics.ts"
import {
  ask,
  askAs,
  byAddress,
  CurrentUser,
  greeter,
  login,
  named,
  nameOf,
  refusedOf,
  request,
  say,
  serve,
  server,
  textOf,
  Who,
  whoIs
} from "../utils/access.ts"
import * as Native from "../utils/native.ts"
import { address, pass, type RawPeer, settle, withBed } from "../utils/network.ts"

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
