import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Result, Stream } from "effect"
import * as HubAddressMonitor from "../../../src/domain/hub/HubAddressMonitor.ts"
import type * as HubHash from "../../../src/domain/hub/HubHash.ts"
import * as HubTransactionMonitor from "../../../src/domain/hub/HubTransactionMonitor.ts"
import * as Message from "../../../src/domain/Message.ts"
import type * as MessageGroup from "../../../src/domain/MessageGroup.ts"
import type * as HubError from "../../../src/services/hub/HubError.ts"
import type * as HubEvent from "../../../src/services/hub/HubEvent.ts"
import * as FakeHub from "../../utils/fakeHub.ts"
import { frames } from "../../utils/hubTrace.ts"
import { amount, height, offset, same, scriptHash, second, txId } from "../../utils/hubValues.ts"
import * as Native from "../../utils/native.ts"
import { pass, settle, withBed } from "../../utils/network.ts"

type Events = HubEvent.AddressEvent | HubEvent.TransactionEvent | HubEvent.DoubleSpendEvent

/** Reads a stream, and keeps what it gives. */
const read = Effect.fnUntraced(function*<A extends Events>(stream: Stream.Stream<A, HubError.HubError>) {
  const seen: Array<A> = []
  const fiber = yield* Effect.forkChild(
    Effect.result(Stream.runForEach(stream, (event) => Effect.sync(() => seen.push(event)))),
    { startImmediately: true }
  )
  yield* settle
  return { fiber, news: () => seen.splice(0) }
})

const failureOf = <A>(fiber: Fiber.Fiber<Result.Result<A, HubError.HubError>>) =>
  Effect.map(Fiber.join(fiber), (result) => Result.isFailure(result) ? result.failure : undefined)

const encode = <Payload>(
  { messageId, payload, serviceId }: MessageGroup.Notification<string, Payload>,
  value: Payload
): Message.Message => Message.make({ serviceId, messageId, body: Result.getOrThrow(payload.encode(value)) })

/** The keys that a request asks for. */
const keysOf = (request: Message.Message): ReadonlyArray<unknown> =>
  request.serviceId === 17
    ? Result.getOrThrow(HubAddressMonitor.subscribeAddresses.request.decode(request)).scriptHashes
    : Result.getOrThrow(HubTransactionMonitor.subscribeTransactions.request.decode(request)).txIds

/** A Hub that agrees to all subscriptions, and remembers who is told of what. */
const agreeing = () => {
  const known = new Set<unknown>()
  const answer: FakeHub.Answer = (request) => {
    if (request.serviceId !== 17 && request.serviceId !== 20) return []
    const keys = keysOf(request)
    const isSubscription = request.messageId === 0
    for (const key of keys) {
      if (isSubscription) known.add(key)
      else known.delete(key)
    }
    const body = Result.getOrThrow(HubAddressMonitor.subscribeAddresses.reply.encode({ count: keys.length }))
    const messageId = request.serviceId === 20 ? 1 : request.messageId + 1
    return [Message.reply(request, { messageId, body })]
  }
  return { answer, known }
}

const scripts = ["a1", "b2", "c3"].map((byte) => scriptHash(same(byte))) as [
  HubHash.ScriptHash,
  HubHash.ScriptHash,
  HubHash.ScriptHash
]
const [a, b, c] = scripts
const ids = ["11", "22"].map((byte) => txId(same(byte))) as [HubHash.TxId, HubHash.TxId]

const found = (...matches: ReadonlyArray<readonly [script: HubHash.ScriptHash, id: HubHash.TxId]>) =>
  encode(HubAddressMonitor.addressFound, {
    scriptHashes: matches.map(([script]) => script),
    matches: matches.map(([, txId]) => ({ txId, amount: amount(5n) }))
  })

describe("the streams of a client", () => {
  it.effect("say when they hold: when the Hub has agreed, and once", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { answer } = agreeing()
        const held: Array<Message.Message> = []
        let isHolding = true
        const fake = yield* FakeHub.start(bed, (request, connection) => {
          if (!isHolding) return answer(request, connection)
          held.push(...answer(request, connection))
          return []
        })
        const hub = yield* FakeHub.client(bed)
        const told: Array<string> = []
        const options = (what: string) => ({ onSubscribed: Effect.sync(() => void told.push(what)) })
        const addresses = yield* read(hub.addresses([a], options("addresses")))
        yield* read(hub.transactions([ids[0]], options("transactions")))
        yield* read(hub.doubleSpends(options("double spends")))
        assert.includeMembers([...fake.heard()], ["17/0", "20/0", "21/0"])
        assert.deepStrictEqual(told.splice(0), ["double spends"], "which is not answered")
        isHolding = false
        yield* fake.push(...held)
        yield* settle
        assert.deepStrictEqual(told.splice(0).sort(), ["addresses", "transactions"])
        yield* fake.push(found([a, ids[0]]))
        yield* settle
        assert.deepStrictEqual(addresses.news().map(({ _tag }) => _tag), ["Found"])

        for (const connection of yield* fake.connections) yield* connection.disconnect
        yield* pass("10 seconds")
        assert.sameMembers([...fake.heard()], ["17/0", "20/0", "21/0", "0/0"])
        assert.deepStrictEqual(addresses.news().map(({ _tag }) => _tag), ["Gap"])
        assert.deepStrictEqual(told, [], "a gap says that it holds again")
      })
    ))

  it.effect("tell what the recorded Hub told of a payment and of a double spend", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const fake = yield* FakeHub.start(bed, FakeHub.recorded("hub-regtest-spend"))
        const hub = yield* FakeHub.client(bed)
        const addresses = yield* read(hub.addresses([second.minerScript]))
        const transactions = yield* read(hub.transactions([second.payment]))
        const doubleSpends = yield* read(hub.doubleSpends())
        assert.deepStrictEqual(fake.heard(), ["17/0", "20/0", "21/0"])
        const requests = frames.filter(({ isFromHub, message, trace }) =>
          !isFromHub && message?.serviceId === 2 && message.messageId === 2 && trace === "hub-regtest-spend"
        ).map(({ message }) => message!)
        for (const { body, header } of requests.slice(0, 4)) {
          yield* Effect.ignore(hub.connection.request(Message.make({ serviceId: 2, messageId: 2, header, body })))
        }
        yield* hub.generateBlocks({ address: second.miner, blocks: 1 })
        yield* settle
        const payment = { txId: second.payment, amount: amount(4_899_999_000n), scriptHash: second.minerScript }
        const rival = requests[3]!.body.slice(3)
        const mined = { height: height(126), offset: offset(181) }
        assert.deepStrictEqual<ReadonlyArray<unknown>>(addresses.news(), [
          { _tag: "Found", ...payment },
          { _tag: "DoubleSpend", ...payment, transaction: rival },
          {
            _tag: "Found",
            scriptHash: second.minerScript,
            txId: second.coinbase,
            amount: amount(5_000_001_000n),
            height: height(126),
            offset: offset(81)
          },
          { _tag: "Found", ...payment, ...mined }
        ])
        assert.deepStrictEqual<ReadonlyArray<unknown>>(transactions.news(), [
          { _tag: "Found", txId: second.payment },
          { _tag: "DoubleSpend", txId: second.payment, transaction: rival },
          { _tag: "Found", txId: second.payment, ...mined }
        ])
        assert.deepStrictEqual<ReadonlyArray<unknown>>(doubleSpends.news(), [
          { _tag: "DoubleSpend", txId: second.payment, transaction: rival }
        ])
        // What was recorded is also how it is given up.
        yield* Fiber.interrupt(addresses.fiber)
        yield* settle
        assert.deepStrictEqual(fake.heard().slice(-1), ["17/2"])
        assert.deepInclude(yield* hub.connection.stats, { pendingRequests: 0, messagesUnhandled: 0 })
      })
    ))

  it.effect("share what they are subscribed to, and are told of their own alone", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { answer, known } = agreeing()
        const fake = yield* FakeHub.start(bed, answer)
        const hub = yield* FakeHub.client(bed)
        const one = yield* read(hub.addresses([a, b]))
        const two = yield* read(hub.addresses([b, c, c]))
        assert.deepStrictEqual(fake.requests.map(keysOf), [[a, b], [c]])
        const three = yield* read(hub.addresses([a]))
        assert.lengthOf(fake.heard(), 2)
        yield* fake.push(found([a, ids[0]], [b, ids[1]]), found([c, ids[0]]), found([second.minerScript, ids[0]]))
        yield* settle
        const scriptsOf = (events: ReadonlyArray<HubEvent.AddressEvent>) =>
          events.map((event) => event._tag === "Found" ? event.scriptHash : event._tag)
        assert.deepStrictEqual(scriptsOf(one.news()), [a, b])
        assert.deepStrictEqual(scriptsOf(two.news()), [b, c])
        assert.deepStrictEqual(scriptsOf(three.news()), [a])
        yield* Fiber.interrupt(one.fiber)
        yield* settle
        assert.deepStrictEqual(fake.heard(), [], "others want these")
        yield* Fiber.interrupt(two.fiber)
        yield* settle
        assert.deepStrictEqual(fake.requests.slice(2).map(keysOf), [[b, c]])
        assert.deepStrictEqual([...known], [a])
        yield* fake.push(found([a, ids[1]]))
        yield* settle
        assert.deepStrictEqual(scriptsOf(three.news()), [a])
        yield* Fiber.interrupt(three.fiber)
        yield* settle
        assert.deepStrictEqual([...known], [])
      })
    ))

  it.effect("subscribe again after each reconnect, all at once, and say that there was a gap", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { answer, known } = agreeing()
        const fake = yield* FakeHub.start(bed, answer)
        const hub = yield* FakeHub.client(bed)
        const one = yield* read(hub.addresses([a, b]))
        const two = yield* read(hub.addresses([c]))
        const transactions = yield* read(hub.transactions([...ids]))
        const doubleSpends = yield* read(hub.doubleSpends())
        yield* pass("100 seconds")
        fake.heard()
        known.clear()
        yield* bed.network.refuse(FakeHub.hubHost)
        yield* bed.network.cut(FakeHub.hubHost)
        yield* pass("3 seconds")
        // Who comes while there is no connection has missed nothing.
        const late = yield* read(hub.addresses([a, second.minerScript]))
        yield* bed.network.heal()
        yield* pass("10 seconds")
        assert.sameMembers([...fake.heard()], ["17/0", "20/0", "21/0", "0/0"])
        assert.sameMembers([...known], [a, b, c, second.minerScript, ...ids])
        const gap: HubEvent.Gap = { _tag: "Gap", reason: "Disconnected", since: 100_000, until: 104_000 }
        assert.deepStrictEqual(one.news(), [gap])
        assert.deepStrictEqual(two.news(), [gap])
        assert.deepStrictEqual(transactions.news(), [gap])
        assert.deepStrictEqual(doubleSpends.news(), [gap])
        assert.deepStrictEqual(late.news(), [])
        yield* fake.push(found([a, ids[0]]))
        yield* settle
        assert.lengthOf(one.news(), 1)
        assert.lengthOf(late.news(), 1)
        yield* bed.network.cut(FakeHub.hubHost)
        yield* pass("40 seconds")
        assert.deepStrictEqual(late.news().map(({ _tag }) => _tag), ["Gap"])
      })
    ))

  it.effect("ask for a key again that another one gave up in the same moment", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { answer, known } = agreeing()
        yield* FakeHub.start(bed, answer)
        const hub = yield* FakeHub.client(bed)
        yield* hub.connection.connected
        for (let turns = 0; turns < 30; turns++) {
          const one = yield* Effect.forkChild(Stream.runDrain(hub.addresses([a])), { startImmediately: true })
          for (let i = 0; i < turns; i++) yield* Effect.yieldNow
          const two = yield* Effect.forkChild(Stream.runDrain(hub.addresses([a, b])), { startImmediately: true })
          yield* Fiber.interrupt(one)
          yield* settle
          assert.sameMembers([...known], [a, b], `after ${turns} turns`)
          yield* Fiber.interrupt(two)
          yield* settle
          assert.deepStrictEqual([...known], [], `after ${turns} turns`)
        }
      })
    ))

  it.effect("fail when the Hub refuses, in its words", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const replies = [
          { count: 0, error: "no more than 1000 of these" },
          { count: 1 }
        ]
        yield* FakeHub.start(bed, (request) => {
          if (request.messageId !== 0) return []
          const body = Result.getOrThrow(HubAddressMonitor.subscribeAddresses.reply.encode(replies.shift()!))
          return [Message.reply(request, { body })]
        })
        const hub = yield* FakeHub.client(bed)
        const one = yield* failureOf((yield* read(hub.addresses([a, b]))).fiber)
        assert.strictEqual(one?.message, "subscribeAddresses: no more than 1000 of these")
        assert.strictEqual(one?.reason._tag, "CommandFailed")
        const two = yield* failureOf((yield* read(hub.addresses([a, b]))).fiber)
        assert.strictEqual(two?.message, "subscribeAddresses: the Hub took 1 of 2")
      })
    ))

  it.effect("fail when the Hub has no such service, and the connection stays", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* FakeHub.start(bed, () => [])
        const hub = yield* FakeHub.client(bed)
        yield* hub.connection.connected
        const state = yield* hub.connection.state
        const { fiber } = yield* read(hub.transactions([...ids]))
        yield* pass("30 seconds")
        const error = yield* failureOf(fiber)
        assert.strictEqual(error?.message, "subscribeTransactions: request 20/0: no reply within 30s")
        assert.strictEqual(yield* hub.connection.state, state)
      })
    ))

  it.effect("wait for a Hub that is not there, as long as it takes", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const hub = yield* FakeHub.client(bed)
        const { news } = yield* read(hub.addresses([a]))
        yield* Effect.forEach(Array.from({ length: 120 }), () => pass("1 second"))
        const fake = yield* FakeHub.start(bed, agreeing().answer)
        yield* Effect.forEach(Array.from({ length: 60 }), () => pass("1 second"))
        yield* fake.push(found([a, ids[0]]))
        yield* settle
        assert.deepStrictEqual(news().map(({ _tag }) => _tag), ["Found"])
      })
    ))

  it.effect("say where they were too slow, once for all that is missing", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const fake = yield* FakeHub.start(bed, agreeing().answer)
        const hub = yield* FakeHub.client(bed)
        const seen: Array<string> = []
        yield* Effect.forkChild(
          Stream.runForEach(hub.addresses([a], { bufferSize: 3 }), (event) => {
            seen.push(event._tag === "Found" ? String(event.amount) : event._tag)
            return Effect.sleep("1 second")
          }),
          { startImmediately: true }
        )
        yield* settle
        const push = (value: number) =>
          Effect.andThen(
            fake.push(encode(HubAddressMonitor.addressFound, {
              scriptHashes: [a],
              matches: [{ txId: ids[0], amount: amount(BigInt(value)) }]
            })),
            settle
          )
        for (let i = 0; i < 10; i++) yield* push(i)
        yield* Effect.forEach(Array.from({ length: 10 }), () => pass("1 second"))
        yield* push(10)
        yield* pass("1 second")
        assert.deepStrictEqual(seen, ["0", "1", "2", "3", "Gap", "10"])
        // A program that reads nothing does not keep the others from being answered.
        assert.deepInclude(yield* hub.connection.stats, { messagesUnhandled: 0 })
      })
    ))

  it.effect(
    "fail with typed errors only when notifications are mutated, and the connection stays",
    () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const fake = yield* FakeHub.start(bed, agreeing().answer)
          const hub = yield* FakeHub.client(bed)
          yield* hub.connection.connected
          const state = yield* hub.connection.state
          const random = new Native.Random(Native.seed)
          const streams: { readonly [id: string]: Stream.Stream<Events, HubError.HubError> } = {
            "17": hub.addresses([a, second.minerScript]),
            "20": hub.transactions([second.payment]),
            "21": hub.doubleSpends()
          }
          const outcomes: { [outcome: string]: number } = {}
          const pushed = frames.flatMap(({ meaning, message }) =>
            meaning.kind === "notification" && message!.serviceId !== 18 ? [message!] : []
          )
          assert.isAtLeast(pushed.length, 7)
          for (const original of pushed) {
            for (let run = 0; run < 200; run++) {
              const body = original.body.slice()
              for (let flips = random.below(4); flips >= 0; flips--) {
                const where = random.below(body.length)
                body[where] = body[where]! ^ (1 << random.below(8))
              }
              const reader = yield* Effect.forkChild(
                Effect.result(Stream.runHead(streams[original.serviceId]!)),
                { startImmediately: true }
              )
              yield* settle
              const { messageId, serviceId } = original
              yield* fake.push(
                Message.make({ serviceId, messageId, body: body.subarray(0, body.length - random.below(3)) })
              )
              yield* settle
              const exit = reader.pollUnsafe()
              if (exit === undefined) yield* Fiber.interrupt(reader)
              const result = exit === undefined ? undefined : yield* Fiber.join(reader)
              const outcome = result === undefined
                ? "nothing"
                : Result.isSuccess(result)
                ? "event"
                : result.failure.reason._tag
              outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
            }
          }
          const context = `seed ${Native.seed}: ${JSON.stringify(outcomes)}`
          assert.sameMembers(Object.keys(outcomes), ["nothing", "event", "BodyDecodeError"], context)
          assert.strictEqual(yield* hub.connection.state, state, context)
        })
      ),
    60_000
  )

  it.effect("hold many keys, asked for in messages of a bounded size", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const { answer, known } = agreeing()
        const fake = yield* FakeHub.start(bed, answer)
        const hub = yield* FakeHub.client(bed)
        const many = Array.from({ length: 12_000 }, (_, i) => scriptHash(i.toString(16).padStart(64, "0")))
        const { fiber, news } = yield* read(hub.addresses(many))
        assert.deepStrictEqual(fake.requests.map((request) => keysOf(request).length), [5000, 5000, 2000])
        yield* fake.push(found([many[11_999]!, ids[0]]))
        yield* settle
        assert.lengthOf(news(), 1)
        yield* Fiber.interrupt(fiber)
        yield* settle
        assert.strictEqual(known.size, 0)
      })
    ))

  it.effect("fail when their connection is closed for good by something else than this side", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        yield* FakeHub.start(bed, agreeing().answer)
        const host = yield* bed.host(FakeHub.clientHost)
        const hub = yield* FakeHub.clientOn(host)
        const { fiber } = yield* read(hub.addresses([a]))
        yield* host.close
        const error = yield* failureOf(fiber)
        assert.isUndefined(error, "the program itself closed its network")
        const after = yield* read(hub.addresses([a]))
        assert.isTrue(Result.isSuccess(yield* Fiber.join(after.fiber)))
      })
    ))
})
