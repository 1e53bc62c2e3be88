import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import type * as Admission from "../../src/internal/admission.ts"
import * as Asker from "../../src/internal/serving/asker.ts"
import * as Host from "../../src/internal/serving/host.ts"
import type * as Protocol from "../../src/internal/serving/protocol.ts"
import * as RemoteAdmission from "../../src/internal/serving/remoteAdmission.ts"
import * as BanList from "../../src/services/BanList.ts"
import { address } from "../utils/network.ts"

const listener = address("0.0.0.0:1235")

const limits: Admission.Limits = {
  maxConnections: 8,
  maxConnectionsPerAddress: 4,
  maxNewPerSecond: 500,
  limitRate: true,
  evict: true,
  salt: 7
}

/** A host, and threads that speak to it as they do by messages. */
const makeThreads = (options: Partial<Admission.Limits> = {}) =>
  Effect.gen(function*() {
    const banList = Context.get(yield* Layer.build(BanList.layerMemory()), BanList.BanList)
    const evicted: Array<string> = []
    const threads = new Map<number, RemoteAdmission.RemoteAdmission>()
    const host = new Host.Host(banList, yield* Clock.Clock, (thread, message) => {
      if (message._tag === "Evicted") threads.get(thread)?.onEvicted(message.place)
    })
    const run = Effect.runSyncWith(yield* Effect.context<never>())
    const start = (thread: number) => {
      const asker: Asker.Asker = new Asker.Asker((message: Protocol.FromThread) => {
        if (message._tag !== "Ask") return
        const plain = structuredClone(message)
        run(Effect.map(host.answer(plain, thread), (answer) =>
          queueMicrotask(() =>
            asker.onAnswer(message.id, Effect.succeed(structuredClone(answer)))
          )))
      })
      const remote = RemoteAdmission.make(asker)
      threads.set(thread, remote)
      const admission = remote.admissions(listener, { ...limits, ...options })
      return (from: string) =>
        Effect.gen(function*() {
          const entered = yield* admission.enter(address(`${from}:9`), () =>
            void evicted.push(`${thread} ${from}`))
          if (typeof entered === "string" || !entered.isOpen || (yield* entered.settle)) return entered
          entered.leave()
          return "TooManyConnections"
        })
    }
    return { host, evicted, first: start(0), second: start(1) }
  })

const isIn = (entered: Admission.Place | string): boolean => typeof entered !== "string"

describe("threads that serve together", () => {
  it.effect("share the limits: in all, per address, per /64", () =>
    Effect.scoped(Effect.gen(function*() {
      const { first, second } = yield* makeThreads({ evict: false })
      for (let i = 0; i < 2; i++) {
        assert.isTrue(isIn(yield* first(`[2001:db8::${i}]`)))
        assert.isTrue(isIn(yield* second(`[2001:db8::1:${i}]`)))
      }
      assert.strictEqual(yield* first("[2001:db8::ffff]"), "TooManyFromAddress")
      assert.strictEqual(yield* second("[2001:db8::ffff]"), "TooManyFromAddress")
      for (let i = 0; i < 4; i++) assert.isTrue(isIn(yield* first("127.0.0.1")))
      assert.strictEqual(yield* second("127.0.0.1"), "TooManyConnections")
    })))

  it.effect("share the rate of newcomers", () =>
    Effect.scoped(Effect.gen(function*() {
      const { first, second } = yield* makeThreads({ maxNewPerSecond: 2, maxConnections: 100 })
      assert.isTrue(isIn(yield* first("10.1.0.1")))
      assert.strictEqual(yield* second("10.1.0.2"), "TooManyNewcomers")
      assert.isTrue(isIn(yield* second("10.2.0.1")))
      assert.strictEqual(yield* first("10.3.0.1"), "TooManyNewcomers")
      yield* TestClock.adjust("1 second")
      assert.isTrue(isIn(yield* second("10.3.0.1")))
    })))

  it.effect("make room for each other's newcomers, and say so to the thread that serves who has to go", () =>
    Effect.scoped(Effect.gen(function*() {
      const { evicted, first, second } = yield* makeThreads()
      const crowd: Array<Admission.Place | string> = []
      for (let i = 0; i < 8; i++) {
        yield* TestClock.adjust(1)
        crowd.push(yield* first(`10.1.0.${i}`))
      }
      assert.isTrue(isIn(yield* second("10.2.0.1")))
      assert.deepStrictEqual(evicted, ["0 10.1.0.7"])
      // It still counts until it has gone.
      assert.strictEqual(yield* second("10.3.0.1"), "TooManyConnections")
      const gone = crowd[7]!
      if (typeof gone !== "string") gone.leave()
      assert.isTrue(isIn(yield* first("10.3.0.1")))
      assert.deepStrictEqual(evicted, ["0 10.1.0.7", "0 10.1.0.6"])
    })))

  it.effect("never evict who has logged in, and rather those that were of no use", () =>
    Effect.scoped(Effect.gen(function*() {
      const { evicted, first, second } = yield* makeThreads({ maxConnections: 16 })
      for (let i = 0; i < 16; i++) {
        yield* TestClock.adjust(1)
        const place = yield* (i % 2 === 0 ? first : second)(`10.1.0.${i}`)
        if (typeof place === "string") continue
        if (i === 15) place.keep()
        if (i === 14) place.noteUse()
      }
      assert.isTrue(isIn(yield* second("10.2.0.1")))
      assert.deepStrictEqual(evicted, ["1 10.1.0.13"])
    })))

  it.effect("have the places of one that died", () =>
    Effect.scoped(Effect.gen(function*() {
      const { first, host, second } = yield* makeThreads({ evict: false })
      for (let i = 0; i < 8; i++) yield* first(`10.1.0.${i}`)
      assert.strictEqual(yield* second("10.1.0.9"), "TooManyConnections")
      host.forget(0)
      for (let i = 0; i < 8; i++) assert.isTrue(isIn(yield* second(`10.1.0.${i}`)))
      assert.strictEqual(yield* second("10.1.0.9"), "TooManyConnections")
    })))
})
