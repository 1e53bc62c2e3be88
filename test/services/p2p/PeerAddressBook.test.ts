import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Option, Random, Scope } from "effect"
import { TestClock } from "effect/testing"
import type * as AddressEntry from "../../../src/domain/p2p/AddressEntry.ts"
import * as DisconnectReason from "../../../src/services/DisconnectReason.ts"
import type * as PeerAddressBook from "../../../src/services/p2p/PeerAddressBook.ts"
import * as PeerError from "../../../src/services/p2p/PeerError.ts"
import * as Transport from "../../../src/services/Transport.ts"
import * as Books from "../../utils/addressBook.ts"
import { run, unreachable } from "../../utils/openBook.ts"

const a = Books.address("8.8.8.8:8333")
const b = Books.address("9.9.9.9:8333")

type Book = PeerAddressBook.PeerAddressBook["Service"]

const points = (book: Book, address = a) => Effect.map(book.get(address), (entry) => Option.getOrThrow(entry).points)

const chosen = (entry: Option.Option<AddressEntry.AddressEntry>) =>
  Option.getOrUndefined(Option.map(entry, Books.format))

const failure = (problem: Transport.TransportError["problem"]) =>
  new Transport.TransportError({ problem, address: "8.8.8.8:8333" })

describe("PeerAddressBook", () => {
  it.effect("hands an address out once, until the scope is closed", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* book.choose(), Option.none())
        assert.strictEqual((yield* book.add([a])).added, 1)
        const scope = yield* Scope.make()
        const lease = yield* Scope.provide(book.choose({ services: 5n }), scope)
        assert.strictEqual(chosen(lease), "8.8.8.8:8333")
        assert.strictEqual(Option.getOrThrow(lease).use, "Dialling")
        assert.deepStrictEqual(yield* book.choose(), Option.none())
        assert.deepStrictEqual(yield* book.claim(a), Option.none())
        assert.isFalse(yield* book.remove(a))
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual(chosen(yield* Effect.scoped(book.claim(a))), "8.8.8.8:8333")
        assert.strictEqual(yield* points(book), 0)
        assert.isTrue(yield* book.remove(a))
        assert.strictEqual(yield* book.size, 0)
      })))

  it.effect("gives the address back when whoever holds it is interrupted", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* book.add([a])
        const fiber = yield* Effect.forkChild(
          Effect.scoped(Effect.andThen(book.choose(), Effect.never)),
          { startImmediately: true }
        )
        assert.deepStrictEqual(yield* Effect.scoped(book.choose()), Option.none())
        fiber.interruptUnsafe()
        yield* Effect.yieldNow
        assert.isTrue(Option.isSome(yield* Effect.scoped(book.choose())))
      })))

  it.effect("learns from how an attempt went", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* book.add([a])
        yield* Effect.scoped(Effect.gen(function*() {
          yield* book.choose()
          assert.strictEqual(yield* points(book), 100)
          assert.isTrue(yield* book.connected(a, 37n))
          assert.strictEqual(yield* points(book), 0)
          assert.isTrue(yield* book.punish(a, 300))
          yield* TestClock.adjust("1 minute")
          assert.isTrue(yield* book.goodHeaders(a))
        }))
        const entry = Option.getOrThrow(yield* book.get(a))
        assert.strictEqual(entry.points, 100)
        assert.strictEqual(entry.services, 37n)
        assert.strictEqual(entry.lastGoodHeaders, 60_000)
        assert.deepStrictEqual(entry.contact, { _tag: "Connected", at: 60_000 })
        assert.strictEqual(entry.use, "Free")
        // What the user adds again starts anew.
        assert.strictEqual((yield* book.add([a])).known, 1)
        assert.strictEqual(yield* points(book), 0)
      })))

  it.effect.each<[name: string, reason: PeerAddressBook.Ending, points: number]>([
    ["unreachable", failure("Unreachable"), 1000],
    ["name not found", failure("NameNotFound"), 550],
    ["refused", failure("Refused"), 101],
    ["reset", failure("Reset"), 101],
    ["closed", failure("Closed"), 101],
    ["timed out", failure("TimedOut"), 280],
    ["other", failure("Other"), 280],
    [
      "not connected in time",
      new DisconnectReason.ConnectTimedOut({ endPoint: "8.8.8.8:8333", after: Duration.seconds(1) }),
      280
    ],
    ["unresponsive", new DisconnectReason.PeerUnresponsive({ missing: "pong", after: Duration.seconds(1) }), 280],
    ["banned", new DisconnectReason.PeerBanned({ address: "8.8.8.8" }), 1000],
    ["refused, as a peer says it", new PeerError.Disconnected({ reason: failure("Refused") }), 101],
    ["no handshake", new PeerError.HandshakeTimedOut({ missing: "verack", after: Duration.seconds(1) }), 280],
    ["not wanted any more", new PeerError.Dismissed({ because: "enough" }), 0],
    ["our own address", new PeerError.SelfConnection(), 0],
    ["closed here", new DisconnectReason.ClosedHere(), 0],
    ["a thread of ours died", new DisconnectReason.VerificationFailed(), 0]
  ])("counts a failure: %s", ([, reason, expected]) =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* book.add([a])
        yield* Effect.scoped(Effect.andThen(book.choose(), book.failed(a, reason)))
        assert.strictEqual(yield* points(book), expected)
      })))

  it.effect("bars an address with 1000 points, for a while", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* book.add([a])
        yield* book.punish(a, 1001)
        assert.deepStrictEqual(yield* book.choose(), Option.none())
        yield* TestClock.adjust("1 hour")
        assert.isTrue(Option.isSome(yield* book.choose()))
      })))

  it.effect("says what is not in the book", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        assert.isFalse(yield* book.connected(a, 1n))
        assert.isFalse(yield* book.failed(a, unreachable))
        assert.isFalse(yield* book.goodHeaders(a))
        assert.isFalse(yield* book.punish(a, 1))
        assert.isFalse(yield* book.assign(a, 1))
        assert.isFalse(yield* book.remove(a))
        assert.deepStrictEqual(yield* book.get(a), Option.none())
        assert.strictEqual(yield* book.size, 0)
      })))

  it.effect("never lets a peer serve two wallets", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* book.add([a])
        assert.isTrue(yield* book.assign(a, 0))
        assert.isTrue(yield* book.assign(a, 0))
        assert.isFalse(yield* book.assign(a, 1))
        assert.deepStrictEqual(yield* book.choose({ segment: 1 }), Option.none())
        assert.strictEqual(chosen(yield* Effect.scoped(book.choose({ segment: 0 }))), "8.8.8.8:8333")
        assert.isTrue(yield* book.assign(a, undefined))
        assert.isTrue(yield* book.assign(a, 1))
        assert.isTrue(Exit.isFailure(yield* Effect.exit(book.assign(a, -1))))
      })))

  it.effect("keeps to what is wanted", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* book.add([a], { services: 1n })
        yield* book.add([b])
        assert.strictEqual(chosen(yield* Effect.scoped(book.choose({ services: 4n }))), "9.9.9.9:8333")
        const exceptGroups = new Set(["9.9.0.0/16"])
        assert.strictEqual(chosen(yield* Effect.scoped(book.choose({ exceptGroups }))), "8.8.8.8:8333")
        assert.deepStrictEqual(yield* book.choose({ exceptGroups, services: 4n }), Option.none())
      })))

  it.effect("dials the best of those that are drawn", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* book.add(Array.from({ length: 10 }, (_, i) => Books.publicAddress(i << 16)))
        for (let i = 0; i < 9; i++) yield* book.punish(Books.publicAddress(i << 16), 10 * (i + 1))
        for (let i = 0; i < 20; i++) {
          assert.strictEqual(chosen(yield* Effect.scoped(book.choose())), "60.9.0.0:8333")
        }
      })))

  it.effect("chooses the same again with the same seed", () => {
    const draw = run({}, (book) =>
      Effect.gen(function*() {
        yield* book.add(Array.from({ length: 500 }, (_, i) => Books.publicAddress(i << 16)))
        return yield* Effect.forEach(Array.from({ length: 20 }), () => Effect.map(book.choose(), chosen))
      }))
    return Effect.gen(function*() {
      const first = yield* Random.withSeed(draw, "a")
      assert.strictEqual(new Set(first).size, 20)
      assert.deepStrictEqual(yield* Random.withSeed(draw, "a"), first)
      assert.notDeepEqual(yield* Random.withSeed(draw, "b"), first)
    })
  })

  it.effect("refuses options that cannot be used", () =>
    Effect.gen(function*() {
      const options: ReadonlyArray<Partial<PeerAddressBook.Options>> = [
        { capacity: 255 },
        { capacity: 1_000_001 },
        { enough: -1 },
        { seedInterval: "1 millis" },
        { saveAfter: 0 }
      ]
      for (const option of options) {
        const error = yield* Effect.flip(run(option, () => Effect.void))
        assert.strictEqual(error._tag, "BadOption")
      }
    }))
})
