import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, type Stream } from "effect"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as MessageServer from "../../src/services/MessageServer.ts"
import * as Groups from "../utils/groups.ts"
import { withBed } from "../utils/network.ts"

const { Broke, Counter, reasonOf } = Groups

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
