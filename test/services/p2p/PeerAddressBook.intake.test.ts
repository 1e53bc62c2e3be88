import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Option } from "effect"
import { NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as Network from "../../../src/domain/Network.ts"
import * as PeerAddress from "../../../src/domain/p2p/PeerAddress.ts"
import type * as PeerAddressBook from "../../../src/services/p2p/PeerAddressBook.ts"
import * as Books from "../../utils/addressBook.ts"
import * as Legacy from "../../utils/legacy.ts"
import { run } from "../../utils/openBook.ts"

const peer = Books.address("9.9.9.9:8333")

const addresses = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => Books.timed(Books.publicAddress((from + i) * 4099)))

const told = (texts: ReadonlyArray<string>) => texts.map((text) => Books.timed(Books.address(text)))

const nothing: PeerAddressBook.Intake = {
  added: 0,
  known: 0,
  dropped: { rateLimited: 0, notReachable: 0, ownAddress: 0, noRoom: 0 }
}

const sum = ({ added, dropped, known }: PeerAddressBook.Intake) =>
  added + known + dropped.rateLimited + dropped.notReachable + dropped.ownAddress + dropped.noRoom

describe("PeerAddressBook, what it is told", () => {
  it.effect("hears one address unasked, and then one in ten seconds", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        const first = yield* book.addFrom(peer, addresses(1000))
        assert.deepStrictEqual(first, { ...nothing, added: 1, dropped: { ...nothing.dropped, rateLimited: 999 } })
        yield* TestClock.adjust("99 seconds")
        assert.strictEqual((yield* book.addFrom(peer, addresses(1000, 5000))).added, 9)
        // Another port, or another address of its group in IPv6, is no new peer.
        const again = yield* book.addFrom(Books.address("9.9.9.9:1"), addresses(1000, 10_000))
        assert.strictEqual(again.dropped.rateLimited, 1000)
        assert.strictEqual((yield* book.addFrom(Books.address("9.9.9.8:1"), addresses(2, 20_000))).added, 1)
        assert.strictEqual(yield* book.size, 11)
      })))

  it.effect("hears the whole answer of a peer that was asked", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* book.add([peer])
        yield* TestClock.adjust("1 second")
        yield* book.askedForAddresses(peer)
        assert.strictEqual(Option.getOrThrow(yield* book.get(peer)).askedAt, 1000)
        const answer = yield* book.addFrom(peer, addresses(1000))
        assert.strictEqual(answer.dropped.rateLimited, 0)
        assert.strictEqual(answer.added + answer.dropped.noRoom, 1000)
        assert.isAtLeast(answer.added, 600)
        assert.isAtLeast((yield* book.addFrom(peer, addresses(1000))).dropped.rateLimited, 998)
      })))

  it.effect("tells why each address was not taken", () =>
    run({ own: [Books.address("7.7.7.7:8333")] }, (book) =>
      Effect.gen(function*() {
        yield* book.askedForAddresses(peer)
        const intake = yield* book.addFrom(
          peer,
          told([
            "8.8.8.8:8333",
            "8.8.8.8:8333",
            "8.8.4.4:0",
            "127.0.0.1:8333",
            "10.1.1.1:8333",
            "[::1]:8333",
            "[fd00::1]:8333",
            "[::]:0",
            "7.7.7.7:8333"
          ])
        )
        const dropped = { ...nothing.dropped, notReachable: 6, ownAddress: 1 }
        assert.deepStrictEqual(intake, { added: 1, known: 1, dropped })
      })))

  it.effect("believes the user about private networks, and strangers only on regtest", () =>
    Effect.gen(function*() {
      const local = Books.address("127.0.0.1:18444")
      const counts = (options: Partial<PeerAddressBook.Options>) =>
        run(options, (book) =>
          Effect.gen(function*() {
            const byUser = yield* book.add([local, Books.address("0.0.0.0:1")])
            const byPeer = yield* book.addFrom(peer, told(["127.0.0.2:18444"]))
            return [byUser.added, byPeer.added]
          }))
      assert.deepStrictEqual(yield* counts({}), [1, 0])
      assert.deepStrictEqual(yield* counts({ allowLocal: true }), [1, 1])
      assert.deepStrictEqual(yield* counts({ network: Network.regtest }), [1, 1])
      assert.deepStrictEqual(yield* counts({ network: Network.regtest, allowLocal: false }), [1, 0])
    }))

  it.effect("takes no time of the future, and finds a mapped address again", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("10 days")
        const now = 10 * Books.day
        const address = Books.address("8.8.8.8:8333")
        yield* book.addFrom(peer, [Books.timed(Books.address("[::ffff:8.8.8.8]:8333"), { time: 0xffff_ffff })])
        const entry = Option.getOrThrow(yield* book.get(address))
        assert.deepStrictEqual(entry.contact, { _tag: "Heard", at: now })
        assert.strictEqual(entry.points, 10)
        assert.deepStrictEqual(entry.source, { _tag: "Peer", group: "9.9.0.0/16" })
      })))

  it.effect("forgets an address that is ours, and does not take it again", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        const own = Books.address("8.8.8.8:8333")
        yield* book.add([own])
        yield* book.addOwn(own)
        assert.strictEqual(yield* book.size, 0)
        assert.strictEqual((yield* book.add([own])).dropped.ownAddress, 1)
      })))

  it.effect(
    "keeps a thousand honest addresses through two hundred thousand that liars send",
    () =>
      run({}, (book) =>
        Effect.gen(function*() {
          const seed = 77
          const random = Legacy.makeRandom(seed)
          const honest: Array<NetAddress.InetAddress> = []
          for (let source = 0; honest.length < 1000; source++) {
            const honestPeer = Books.address(`${20 + source}.1.1.1:8333`)
            yield* book.askedForAddresses(honestPeer)
            const batch = Array.from({ length: 200 }, () => Books.publicAddress(random.below(1 << 24)))
            yield* book.addFrom(honestPeer, batch.map((address) => Books.timed(address)))
            for (const address of batch) {
              if (honest.length < 1000 && Option.isSome(yield* book.get(address))) honest.push(address)
            }
          }
          // Each liar of one group is asked as often as one can be, and sends as much as a message holds.
          for (let i = 0; i < 200; i++) {
            const liar = Books.address(`66.6.${i >> 8}.${i & 255}:8333`)
            yield* book.askedForAddresses(liar)
            const lies = Array.from({ length: 1000 }, () => Books.publicAddress(random.below(1 << 24)))
            const intake = yield* book.addFrom(liar, lies.map((address) => Books.timed(address)))
            assert.strictEqual(sum(intake), 1000)
          }
          for (const address of honest) {
            assert.isTrue(Option.isSome(yield* book.get(address)), `seed ${seed}: ${NetAddress.formatInet(address)}`)
          }
          const lies = (yield* book.entries).filter(({ source }) =>
            source._tag === "Peer" && source.group === "66.6.0.0/16"
          )
          assert.isAtMost(lies.length, 20_000 / 16)
          assert.isAtLeast(lies.length, 500)
        })).pipe(Effect.provide(Logger.layer([]))),
    60_000
  )

  it.effect("tells others a part of what it knows", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        yield* TestClock.adjust("10 days")
        yield* TestClock.adjust("5 hours")
        assert.deepStrictEqual(yield* book.sample(), [])
        yield* book.askedForAddresses(peer)
        yield* book.addFrom(peer, addresses(100).map((told) => ({ ...told, time: 10 * 86_400 + 7000 })))
        const barred = PeerAddress.toInetAddress(addresses(1)[0]!)
        yield* book.punish(barred, 1000)
        const size = yield* book.size
        yield* book.add([Books.address("8.8.8.8:8333"), Books.address("10.0.0.1:8333")])
        const sample = yield* book.sample()
        assert.strictEqual(sample.length, Math.floor((size + 2) * 0.23))
        const names = sample.map((address) => NetAddress.formatInet(PeerAddress.toInetAddress(address)))
        assert.strictEqual(new Set(names).size, sample.length)
        for (const hidden of ["8.8.8.8:8333", "10.0.0.1:8333", NetAddress.formatInet(barred)]) {
          assert.notInclude(names, hidden)
        }
        for (const { services, time } of sample) {
          assert.strictEqual(time, 10 * 86_400)
          assert.strictEqual(services, 5n)
        }
        assert.strictEqual((yield* book.sample(3)).length, 3)
        assert.strictEqual((yield* book.sample(-1)).length, 0)
        assert.notDeepEqual(yield* book.sample(), sample)
      })))

  it.effect("tells at most 1000", () =>
    run({}, (book) =>
      Effect.gen(function*() {
        for (let i = 0; i < 12; i++) {
          const source = Books.address(`${30 + i}.1.1.1:8333`)
          yield* book.askedForAddresses(source)
          yield* book.addFrom(source, addresses(1000, i * 1000))
        }
        assert.isAtLeast(yield* book.size, 6000)
        assert.strictEqual((yield* book.sample()).length, 1000)
        assert.strictEqual((yield* book.sample(5000)).length, 1000)
      })))
})
