import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Result } from "effect"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as MessageServer from "../../src/services/MessageServer.ts"
import * as ReconnectPolicy from "../../src/services/ReconnectPolicy.ts"
import * as Groups from "../utils/groups.ts"
import * as Native from "../utils/native.ts"
import { pass, settle, until, withBed } from "../utils/network.ts"

const { Counter, start } = Groups

const holds = <_A extends true>(): void => undefined

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
