import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Result, Schema, Stream } from "effect"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as MessageServer from "../../src/services/MessageServer.ts"
import * as ReconnectPolicy from "../../src/services/ReconnectPolicy.ts"
import { serve } from "../utils/dialling.ts"
import * as Groups from "../utils/groups.ts"
import * as Native from "../utils/native.ts"
import { pass, type RawPeer, settle, until, withBed } from "../utils/network.ts"

const { Broke, Counter, reasonOf } = Groups

const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

const totalOf = (total: number) => Result.getOrThrow(Groups.total.reply.encode({ total }))

/** A client whose server speaks in raw bytes. */
const rawServer = (bed: Parameters<Parameters<typeof withBed>[0]>[0], options?: MessageClient.Options) =>
  Effect.gen(function*() {
    const { accept } = yield* serve(bed, Groups.server)
    const connection = yield* Groups.dialling(bed)
    const peer = yield* accept
    yield* settle
    return { accept, connection, peer, client: MessageClient.make(Counter, connection, options) }
  })

/** The requests that a peer received. */
const heard = (peer: RawPeer) =>
  Effect.map(peer.rest, (hex) => Native.receive(Native.fromHex(hex), Native.whole, { keep: true }).messages)

const say = (peer: RawPeer, ...messages: ReadonlyArray<Message.Message>) => peer.send(Native.encode(...messages))

describe("a message group", () => {
  it("has no two members of one name, and no two requests of one id", () => {
    assert.throws(() => MessageGroup.make(Groups.add, Groups.add), `two members have the name "add"`)
    assert.throws(
      () => MessageGroup.make(Groups.add, MessageGroup.command("plus", { serviceId: 40, messageId: 0 })),
      "two members have the request 40/0"
    )
    const other = MessageGroup.notification("other", { serviceId: 40, messageId: 10 })
    assert.throws(() => MessageGroup.make(Groups.changed, other), "two members have the notification 40/10")
    assert.throws(() => MessageGroup.merge(Counter, MessageGroup.make(Groups.add)), `the name "add"`)
  })

  it("may have a request and a notification of one id", () => {
    const told = MessageGroup.notification("told", { serviceId: 40, messageId: 0 })
    assert.strictEqual(MessageGroup.make(Groups.add, told).members.length, 2)
  })

  it("refuses bodies without a form on the wire, and errors with the tags of the failure itself", () => {
    const untagged = { serviceId: 1, messageId: 0, request: Schema.Struct({ a: Schema.Int }) }
    assert.throws(() => MessageGroup.call("a", untagged), `Field "a" cannot go on the wire: it has no tag`)
    for (const tag of [20, 21, 22]) {
      const error = Schema.Struct({ a: Schema.Int.pipe(Wire.tag(tag)) })
      assert.throws(
        () => MessageGroup.call("a", { serviceId: 1, messageId: 0, error }),
        `the error of "a" has tag ${tag}, but its tags are those from 23 up`
      )
    }
  })

  it("is the sum of groups that are merged, in order", () => {
    const merged = MessageGroup.merge(Counter, Groups.Clock)
    assert.deepStrictEqual(
      merged.members.map(({ name }) => name),
      ["add", "spend", "total", "list", "reset", "changed", "now"]
    )
  })
})

describe("a client of a served group", () => {
  it.effect("calls, with and without arguments, and commands", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client } = yield* Groups.counting(bed)
        assert.deepStrictEqual(yield* client.add({ amount: 3 }), { total: 3 })
        assert.deepStrictEqual(yield* client.add({ amount: 4, note: "more" }), { total: 7 })
        assert.deepStrictEqual(yield* client.list(), [0, 1, 2])
        assert.deepStrictEqual(yield* client.list({ upTo: 5 }), [0, 1, 2, 3, 4])
        assert.deepStrictEqual(yield* client.list({ upTo: 0 }), [])
        yield* client.reset({ to: 100 })
        assert.deepStrictEqual(yield* client.total(), { total: 100 })
      })
    ))

  it.effect("may have many calls at the same time", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client } = yield* Groups.counting(bed)
        const totals = yield* Effect.forEach(
          Array.from({ length: 500 }),
          () => Effect.map(client.add({ amount: 1 }), ({ total }) => total),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(totals, Array.from({ length: 500 }, (_, i) => i + 1))
      })
    ))

  it.effect("serves several groups, merged or not, on one connection", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const merged = MessageGroup.merge(Counter, Groups.Clock)
        yield* Groups.serving(
          bed,
          MessageServer.layer(merged, { ...Groups.makeCounter(), now: () => Effect.succeed({ now: 5 }) })
        )
        const connection = yield* Groups.dialling(bed)
        const both = MessageClient.make(merged, connection)
        const clock = MessageClient.make(Groups.Clock, connection)
        assert.deepStrictEqual(yield* both.add({ amount: 1 }), { total: 1 })
        assert.deepStrictEqual(yield* both.now(), { now: 5 })
        assert.deepStrictEqual(yield* clock.now(), { now: 5 })
      })
    ))

  it.effect("is told what it did wrong: a declared error as itself, another as text", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client } = yield* Groups.counting(bed, {
          ...Groups.makeCounter(),
          add: () => Effect.fail(new CommandFailure.CommandFailed({ text: "not today" })),
          list: () => Effect.fail(new CommandFailure.CommandFailed({ text: "no list \u{1f512}" }))
        })
        const broke = yield* Effect.flip(client.spend({ amount: 5 }))
        assert(broke instanceof Broke)
        assert.deepStrictEqual({ ...broke }, { ...new Broke({ missing: 5 }) })
        // Recovered from by its own tag.
        const handled = client.spend({ amount: 5 }).pipe(
          Effect.catchTag("Broke", ({ missing }) => Effect.succeed(missing))
        )
        assert.strictEqual(yield* handled, 5)
        const failed = yield* Effect.flip(client.add({ amount: 1 }))
        assert.strictEqual(failed._tag, "CallError")
        assert.strictEqual(failed.reason._tag, "CommandFailed")
        assert.strictEqual(failed.message, "add: not today")
        assert.strictEqual((yield* reasonOf(client.list())).message, "no list \u{1f512}")
        const byReason = client.add({ amount: 1 }).pipe(
          Effect.catchReason("CallError", "CommandFailed", ({ text }) => Effect.succeed(text))
        )
        assert.strictEqual(yield* byReason, "not today")
      })
    ))

  it.effect("has a text where a call with a declared error fails with another", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client } = yield* Groups.counting(bed, {
          ...Groups.makeCounter(),
          spend: () => Effect.fail(new CommandFailure.CommandFailed({ text: "closed" }))
        })
        const error = yield* Effect.flip(client.spend({ amount: 5 }))
        assert(error._tag === "CallError")
        assert.strictEqual(error.message, "spend: closed")
      })
    ))

  it.effect("is told no more than that of a handler that dies, throws, is interrupted or replies nonsense", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client } = yield* Groups.counting(bed, {
          ...Groups.makeCounter(),
          add: () => Effect.die(new Error("secret of the server")),
          total: () => {
            throw new Error("thrown at once")
          },
          list: () => Effect.interrupt,
          spend: () => Effect.succeed({ total: 1.5 })
        })
        for (const call of [client.add({ amount: 1 }), client.total(), client.list(), client.spend({ amount: 1 })]) {
          const error = yield* Effect.flip(call as Effect.Effect<unknown, MessageClient.CallError>)
          assert.match(error.message, /^[a-z]+: Internal error$/)
        }
        const errors = bed.logs.filter((line) => line.startsWith("Error"))
        assert.lengthOf(errors, 3)
        assert.include(errors[0], `The handler of "add" died`)
        assert.include(errors[0], "secret of the server")
        assert.include(errors[1], "thrown at once")
        assert.include(errors[2], "total (tag 1)")
      })
    ))

  it.effect("sends nothing that the schema does not take, and names the argument", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, connection } = yield* Groups.counting(bed)
        yield* client.total()
        const before = (yield* connection.stats).messagesSent
        const reason = yield* reasonOf(client.add({ amount: 1.5 }))
        assert(reason._tag === "BodyEncodeError")
        assert.deepInclude(reason.reason, { path: ["amount"], tag: 1, found: "the double 1.5" })
        const failed = yield* reasonOf(client.reset({ to: "7" as never }))
        assert.match(failed.message, /to \(tag 1\): expected an integer.*; found the string "7"/)
        assert.strictEqual((yield* connection.stats).messagesSent, before)
      })
    ))

  it.effect("gives up after its timeout, that of the call first, and takes no late reply for another", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed, { timeout: "10 seconds" })
        const slow = yield* start(reasonOf(client.total()))
        const quick = yield* start(reasonOf(client.total(undefined, { timeout: "1 second" })))
        yield* pass("999 millis")
        assert.isUndefined(quick.pollUnsafe())
        yield* pass("1 millis")
        const reason = yield* Fiber.join(quick)
        assert.strictEqual(reason.message, "request 40/4: no reply within 1s")
        assert.strictEqual(reason._tag, "RequestTimedOut")
        yield* pass("9 seconds")
        assert.strictEqual((yield* Fiber.join(slow))._tag, "RequestTimedOut")
        const late = yield* heard(peer)
        const next = yield* start(client.total())
        yield* settle
        const reply = (message: Message.Message, total: number) => Message.reply(message, { body: totalOf(total) })
        yield* say(peer, ...late.map((message) => reply(message, 1)))
        const [asked] = yield* heard(peer)
        yield* say(peer, reply(asked!, 2))
        assert.deepStrictEqual(yield* Fiber.join(next), { total: 2 })
      })
    ))

  it.effect("takes its answer from the group's reply id alone", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed)
        const asked = yield* start(client.list())
        yield* settle
        const [request] = yield* heard(peer)
        yield* say(peer, Message.reply(request!, { messageId: 1, body: Uint8Array.of(0x08, 0x05) }))
        assert.deepStrictEqual(yield* Fiber.join(asked), [5])
        const wrong = yield* start(reasonOf(client.list()))
        yield* settle
        const [again] = yield* heard(peer)
        yield* say(peer, Message.reply(again!, { body: Uint8Array.of(0x08, 0x05) }))
        const reason = yield* Fiber.join(wrong)
        assert.strictEqual(reason._tag, "UnexpectedReply")
        assert.strictEqual(reason.message, "the reply is message 40/7, which does not answer this call")
      })
    ))

  it.effect("says where a reply differs from its declaration, and stays connected", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, connection, peer } = yield* rawServer(bed)
        const state = yield* connection.state
        for (
          const [bytes, problem] of [
            ["", /total \(tag 1\) is missing/],
            ["0b0100", /total \(tag 1\): expected an integer.*; found 1 byte/],
            ["08", /malformed|ends|cut/i],
            ["08010802", /total \(tag 1\) came twice/]
          ] as const
        ) {
          const asked = yield* start(reasonOf(client.total()))
          yield* settle
          const [request] = yield* heard(peer)
          yield* say(peer, Message.reply(request!, { body: Native.fromHex(bytes) }))
          const reason = yield* Fiber.join(asked)
          assert.strictEqual(reason._tag, "BodyDecodeError")
          assert.match(reason.message, problem)
        }
        assert.strictEqual(yield* connection.state, state)
      })
    ))

  it.effect("is told of a failure that makes no sense too", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed)
        for (const bytes of ["", "a00105", "ff"]) {
          const asked = yield* start(Effect.flip(client.spend({ amount: 1 })))
          yield* settle
          const [request] = yield* heard(peer)
          const { header } = Message.reply(request!)
          yield* say(peer, Message.make({ ...CommandFailure.address, header, body: Native.fromHex(bytes) }))
          const error = yield* Fiber.join(asked)
          assert(error._tag === "CallError" && error.reason._tag === "CommandFailed")
          assert.include(error.message, "the reason could not be read")
        }
      })
    ))

  it.effect("sends the header values of the declaration, those of the call over them", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed)
        const first = yield* start(client.total())
        const second = yield* start(client.total({}, { header: { 10: 1, 12: 8 }, priority: "high" }))
        yield* settle
        const sent = yield* heard(peer)
        assert.sameDeepMembers(sent.map(({ header }) => Header.entries(header).filter(([tag]) => tag !== 11)), [
          [[12, 7]],
          [[10, 1], [12, 8]]
        ])
        yield* Fiber.interruptAll([first, second])
      })
    ))

  it.effect("asks again after a reconnect when that does no harm, and only then", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, client, peer } = yield* rawServer(bed)
        const total = yield* start(client.total())
        const add = yield* start(reasonOf(client.add({ amount: 1 })))
        yield* settle
        assert.lengthOf(yield* heard(peer), 2)
        yield* peer.close
        yield* pass("5 seconds")
        assert.strictEqual((yield* Fiber.join(add))._tag, "RequestInterrupted")
        const next = yield* accept
        yield* settle
        const [again] = yield* heard(next)
        assert.deepInclude(again!, { serviceId: 40, messageId: 4 })
        assert.deepStrictEqual(yield* heard(next), [])
        yield* say(next, Message.reply(again!, { body: totalOf(9) }))
        assert.deepStrictEqual(yield* Fiber.join(total), { total: 9 })
      })
    ))

  it.effect("asks again so often as it was told to", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { accept, client, peer } = yield* rawServer(bed, { retries: 1, timeout: "1 hour" })
        const total = yield* start(reasonOf(client.total()))
        yield* settle
        yield* peer.close
        yield* pass("1 minute")
        const second = yield* accept
        assert.lengthOf(yield* heard(second), 1)
        assert.isUndefined(total.pollUnsafe())
        yield* second.close
        yield* pass("1 minute")
        assert.strictEqual((yield* Fiber.join(total))._tag, "RequestInterrupted")
        assert.deepStrictEqual(yield* heard(yield* accept), [])
      })
    ))

  it.effect("is interrupted without a trace", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, connection, peer } = yield* rawServer(bed)
        const asked = yield* start(client.total())
        yield* settle
        yield* Fiber.interrupt(asked)
        assert.strictEqual((yield* connection.stats).pendingRequests, 0)
        const [request] = yield* heard(peer)
        yield* say(peer, Message.reply(request!, { body: Uint8Array.of(8, 1) }))
        yield* settle
        assert.strictEqual((yield* connection.stats).messagesUnhandled, 0)
      })
    ))

  it.effect("fails at once when the connection is closed for good", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const host = yield* bed.host("10.0.0.7")
        const connection = yield* Effect.scoped(Effect.orDie(host.manager.connect("10.0.0.9:1235")))
        const client = MessageClient.make(Counter, connection)
        assert.strictEqual((yield* reasonOf(client.total()))._tag, "ConnectionClosed")
        assert.strictEqual((yield* reasonOf(client.reset({ to: 1 })))._tag, "ConnectionClosed")
        assert.deepStrictEqual(yield* Stream.runCollect(client.changed), [])
      })
    ))
})

describe("notifications", () => {
  it.effect("reach each stream that is read, in order, until the connection is closed", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, listener } = yield* Groups.counting(bed)
        yield* client.total()
        const first = yield* start(Stream.runCollect(Stream.take(client.changed, 3)))
        const second = yield* start(Stream.runCollect(Stream.take(client.changed, 2)))
        yield* settle
        const peer = yield* Groups.accepted(listener)
        for (const total of [1, 2, 3, 4]) yield* MessageServer.notify(peer, Groups.changed, { total })
        assert.deepStrictEqual(yield* Fiber.join(first), [{ total: 1 }, { total: 2 }, { total: 3 }])
        assert.deepStrictEqual(yield* Fiber.join(second), [{ total: 1 }, { total: 2 }])
      })
    ))

  it.effect("are not mistaken for replies that nobody waits for, nor the reverse", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, peer } = yield* rawServer(bed)
        const seen: Array<number> = []
        const reader = yield* start(
          Stream.runForEach(client.changed, ({ total }) => Effect.sync(() => seen.push(total)))
        )
        const push = { serviceId: 40, messageId: 10, body: Uint8Array.of(8, 1) }
        yield* say(peer, Message.make({ ...push, header: { 11: 999 } }), Message.make(push))
        yield* settle
        assert.deepStrictEqual(seen, [1])
        yield* Fiber.interrupt(reader)
      })
    ))

  it.effect("end their stream with an error when they make no sense, and the connection stays", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, connection, peer } = yield* rawServer(bed)
        const reader = yield* start(Effect.flip(Stream.runCollect(client.changed)))
        yield* settle
        yield* say(peer, Message.make({ serviceId: 40, messageId: 10, body: Uint8Array.of(0x0c) }))
        const error = yield* Fiber.join(reader)
        assert.strictEqual(error._tag, "CallError")
        assert.match(error.message, /^changed: .*total \(tag 1\): expected an integer/)
        assert.strictEqual((yield* connection.state)._tag, "Connected")
      })
    ))

  it.effect("that cannot be encoded are refused where they are sent", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, listener } = yield* Groups.counting(bed)
        yield* client.total()
        const peer = yield* Groups.accepted(listener)
        const reason = yield* reasonOf(MessageServer.notify(peer, Groups.changed, { total: 0.5 }))
        assert.strictEqual(reason._tag, "BodyEncodeError")
      })
    ))
})

describe("a server of a group", () => {
  it.effect("refuses what it does not know, echoing the header, or ignores it", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* Groups.serving(
          bed,
          Layer.mergeAll(
            MessageServer.layer(Counter, Groups.makeCounter()),
            MessageServer.layer(Groups.Clock, { now: () => Effect.succeed({ now: 1 }) }, { unknown: "ignore" })
          )
        )
        const connection = yield* Groups.dialling(bed)
        const refused = yield* connection.request(
          Message.make({ serviceId: 40, messageId: 99, header: { 10: 1, 12: 5, 14: 70_000 } })
        )
        assert.isTrue(CommandFailure.isFailure(refused))
        assert.strictEqual(CommandFailure.read(refused).text, "Unsupported command")
        assert.deepStrictEqual(Header.entries(refused.header).slice(1), [[12, 5], [14, 70_000]])
        const details = Result.getOrThrow(Wire.codec(CommandFailure.Body).decode(refused))
        assert.deepStrictEqual(details, { text: "Unsupported command", serviceId: 40, messageId: 99 })
        const ignored = yield* start(Effect.exit(
          connection.request(Message.make({ serviceId: 41, messageId: 99 }), { timeout: "1 second" })
        ))
        yield* pass("1 second")
        assert.isTrue(Exit.isFailure(yield* Fiber.join(ignored)))
      })
    ))

  it.effect("tells who sends a malformed request, and goes on", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, connection } = yield* Groups.counting(bed)
        for (
          const [bytes, problem] of [
            ["", "amount (tag 1) is missing"],
            ["0c", "amount (tag 1): expected an integer"],
            ["0801100a", "note (tag 2): expected a well-formed string"],
            ["ff", "the body"]
          ] as const
        ) {
          const reply = yield* connection.request(
            Message.make({ serviceId: 40, messageId: 0, body: Native.fromHex(bytes) })
          )
          assert.isTrue(CommandFailure.isFailure(reply), bytes)
          assert.include(CommandFailure.read(reply).text, `malformed request: ${problem}`)
        }
        // A command has no answer, so nobody is told.
        yield* connection.send(Message.make({ serviceId: 40, messageId: 8, body: Uint8Array.of(0x0c) }))
        assert.deepStrictEqual(yield* client.total(), { total: 0 })
        assert.isTrue(bed.logs.some((line) => line.includes(`The command "reset" is malformed: to (tag 1)`)))
      })
    ))

  it.effect("outlives random requests", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client, connection } = yield* Groups.counting(bed)
        const random = new Native.Random(Native.seed)
        for (let i = 0; i < 2000; i++) {
          const message = Message.make({
            serviceId: 40,
            messageId: random.pick([0, 2, 4, 6, 8, 9]),
            body: random.bytes(random.below(12))
          })
          if (message.messageId === 8) yield* connection.send(message)
          else if (message.messageId !== 6) yield* connection.request(message)
        }
        assert.isTrue(Number.isInteger((yield* client.total()).total), `seed ${Native.seed}`)
      })
    ))

  it.effect("logs a command that fails, and goes on", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { client } = yield* Groups.counting(bed, {
          ...Groups.makeCounter(),
          reset: () => Effect.fail(new CommandFailure.CommandFailed({ text: "no reset here" }))
        })
        yield* client.reset({ to: 5 })
        assert.deepStrictEqual(yield* client.total(), { total: 0 })
        assert.isTrue(
          bed.logs.some((line) => line.includes(`The handler of "reset" failed`) && line.includes("no reset"))
        )
      })
    ))

  it.effect("answers in order, one request at a time, unless told otherwise", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const gates = Array.from({ length: 5 }, () => Deferred.makeUnsafe<void>())
        let running = 0
        let most = 0
        const list: Groups.CounterHandlers["list"] = ({ upTo = 0 }) =>
          Effect.gen(function*() {
            most = Math.max(most, ++running)
            yield* Deferred.await(gates[upTo]!)
            running -= 1
            return [upTo]
          })
        const { client } = yield* Groups.counting(bed, { ...Groups.makeCounter(), list }, { concurrency: 3 })
        const answers: Array<number> = []
        const asked = yield* start(Effect.forEach(
          [0, 1, 2, 3, 4],
          (upTo) => Effect.tap(client.list({ upTo }), ([got]) => Effect.sync(() => answers.push(got!))),
          { concurrency: "unbounded" }
        ))
        yield* settle
        assert.strictEqual(running, 3)
        for (const i of [2, 1, 3, 4, 0]) {
          yield* Deferred.succeed(gates[i]!, undefined)
          yield* settle
        }
        yield* Fiber.join(asked)
        assert.deepStrictEqual(answers, [2, 1, 3, 4, 0])
        assert.strictEqual(most, 3)
      })
    ))

  it.effect("interrupts what it does for a peer that goes", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        for (const concurrency of [1, 4]) {
          let interrupted = 0
          let started = false
          const list: Groups.CounterHandlers["list"] = () =>
            Effect.onInterrupt(
              Effect.andThen(
                Effect.sync(() => {
                  started = true
                }),
                Effect.never
              ),
              () =>
                Effect.sync(() => {
                  interrupted += 1
                })
            )
          yield* Effect.scoped(Effect.gen(function*() {
            const { client, connection } = yield* Groups.counting(
              bed,
              { ...Groups.makeCounter(), list },
              { concurrency }
            )
            yield* start(client.list())
            yield* until("the handler runs", () => started)
            yield* connection.disconnect
            yield* pass("10 seconds")
            assert.strictEqual(interrupted, 1, `concurrency ${concurrency}`)
          }))
        }
        assert.isFalse(bed.logs.some((line) => line.startsWith("Error")))
      })
    ))

  it.effect("may have handlers for each peer, that know its connection and its message", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const events: Array<string> = []
        let peers = 0
        yield* Groups.serving(
          bed,
          MessageServer.layerPerPeer(Groups.Clock, (connection) =>
            Effect.gen(function*() {
              const peer = ++peers
              events.push(`made ${peer} ${connection.side}`)
              yield* Effect.addFinalizer(() => Effect.sync(() => events.push(`released ${peer}`)))
              return {
                now: (_, { message }) => Effect.succeed({ now: peer * 100 + Header.get(message.header, 12)! })
              }
            }))
        )
        const answers: Array<unknown> = []
        for (const from of ["10.0.0.7", "10.0.0.8"]) {
          const host = yield* bed.host(from)
          yield* Effect.scoped(Effect.gen(function*() {
            const connection = yield* Effect.orDie(host.manager.connect(Groups.server))
            const client = MessageClient.make(Groups.Clock, connection)
            answers.push(yield* client.now({}, { header: { 12: 1 } }), yield* client.now({}, { header: { 12: 2 } }))
          }))
          yield* pass("10 seconds")
        }
        assert.deepStrictEqual(answers, [{ now: 101 }, { now: 102 }, { now: 201 }, { now: 202 }])
        assert.deepStrictEqual(events, ["made 1 accepted", "released 1", "made 2 accepted", "released 2"])
      })
    ))

  it.effect("can be on both sides of a connection, with no answers to answers", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const Meta = MessageGroup.make(MessageGroup.call("version", { serviceId: 0, messageId: 0 }))
        const merged = MessageGroup.merge(Meta, Counter)
        const handlers = () => ({ ...Groups.makeCounter(), version: () => Effect.succeed({}) })
        const { listener } = yield* Groups.serving(bed, MessageServer.layer(merged, handlers()))
        const host = yield* bed.host(Groups.clientHost)
        yield* Groups.build(host, MessageServer.layer(merged, handlers()))
        const connection = yield* Effect.orDie(
          host.manager.connect(Groups.server, { reconnect: ReconnectPolicy.reference })
        )
        const here = MessageClient.make(merged, connection)
        yield* here.add({ amount: 1 })
        const peer = yield* Groups.accepted(listener)
        const there = MessageClient.make(merged, peer)
        assert.deepStrictEqual(yield* there.add({ amount: 5 }), { total: 5 })
        const before = [(yield* connection.stats).messagesReceived, (yield* peer.stats).messagesReceived]
        // What the other side is sent, a reply that nobody waits for, a failure of nothing.
        yield* MessageServer.notify(peer, Groups.changed, { total: 1 })
        yield* peer.send(Message.make({ serviceId: 40, messageId: 1, header: { 11: 77 } }))
        yield* peer.send(Message.make(CommandFailure.address))
        yield* settle
        const after = [(yield* connection.stats).messagesReceived, (yield* peer.stats).messagesReceived]
        assert.deepStrictEqual(after, [before[0]! + 3, before[1]!])
      })
    ))

  it.effect("needs what its handlers need", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        class Start extends Context.Service<Start, number>()("test/Start") {}
        class Step extends Context.Service<Step, number>()("test/Step") {}
        const Needy = MessageGroup.make(Groups.add, Groups.reset)
        let sum = 0
        const layer = MessageServer.layer(Needy, {
          add: ({ amount }) => Effect.map(Step, (step) => ({ total: sum += amount * step })),
          reset: ({ to }) => Effect.map(Start, (start) => void (sum = start + to))
        })
        type Needs = typeof layer extends Layer.Layer<never, infer _E, infer R> ? R : never
        holds<[Start | Step] extends [Needs] ? true : false>()
        yield* Groups.serving(bed, Layer.provide(layer, [Layer.succeed(Start, 1000), Layer.succeed(Step, 10)]))
        const client = MessageClient.make(Needy, yield* Groups.dialling(bed))
        yield* client.reset({ to: 1 })
        assert.deepStrictEqual(yield* client.add({ amount: 2 }), { total: 1021 })
      })
    ))
})

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

const holds = <_A extends true>(): void => undefined

type Client = MessageClient.MessageClient<(typeof Counter)["members"][number]>

describe("the types of clients and handlers", () => {
  it("are those of the declared schemas", () => {
    type Call = MessageClient.CallError
    holds<Equals<keyof Client, "add" | "spend" | "total" | "list" | "reset" | "changed">>()
    holds<Equals<ReturnType<Client["add"]>, Effect.Effect<{ readonly total: number }, Call>>>()
    holds<Equals<ReturnType<Client["spend"]>, Effect.Effect<{ readonly total: number }, Call | Groups.Broke>>>()
    holds<Equals<ReturnType<Client["list"]>, Effect.Effect<ReadonlyArray<number>, Call>>>()
    holds<Equals<ReturnType<Client["reset"]>, Effect.Effect<void, Call>>>()
    holds<Equals<Client["changed"], Stream.Stream<{ readonly total: number }, Call>>>()
    holds<Equals<keyof Groups.CounterHandlers, "add" | "spend" | "total" | "list" | "reset">>()
    // An error that is not declared.
    type Failing = () => Effect.Effect<{ readonly total: number }, Groups.Broke>
    holds<Equals<[Failing] extends [Groups.CounterHandlers["add"]] ? true : false, false>>()
    holds<Equals<[Failing] extends [Groups.CounterHandlers["spend"]] ? true : false, true>>()
    const refused = (client: Client, handlers: Groups.CounterHandlers) => [
      // @ts-expect-error a required argument
      () => client.add(),
      // @ts-expect-error a value of another type
      () => client.add({ amount: "3" }),
      // @ts-expect-error a name that is not declared
      () => client.subtract,
      // @ts-expect-error a handler for each call and command
      (): Groups.CounterHandlers => ({ add: handlers.add })
    ]
    assert.lengthOf(refused({} as Client, {} as Groups.CounterHandlers), 4)
  })
})
