import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Stream } from "effect"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import { adjusting, expectChain, layer, refusal } from "../../utils/chainOfHeaders.ts"
import * as Legacy from "../../utils/legacy.ts"
import { MinedChain } from "../../utils/minedChain.ts"

const { regtest } = ChainParams

const ids = (hashes: ReadonlyArray<Uint8Array>) => hashes.map(HashHex.format)

/** What a reader of the events believes the chain to be. */
class Follower {
  readonly #hashes: Array<Uint8Array> = []

  constructor(hashes: ReadonlyArray<Uint8Array>) {
    this.#hashes.push(...hashes)
  }

  get last(): Uint8Array {
    return this.#hashes.at(-1)!
  }

  readonly follow = (event: HeaderChain.Event) =>
    Effect.gen({ self: this }, function*() {
      const chain = yield* HeaderChain.HeaderChain
      const lost = this.#hashes.splice(event.forkHeight + 1)
      assert.deepStrictEqual(ids(lost), event._tag === "Extended" ? [] : ids(event.disconnected))
      for (let height = event.forkHeight + 1; height <= event.tip.height; height++) {
        this.#hashes.push(Option.getOrThrow(yield* chain.hashAt(height)))
      }
      assert.strictEqual(HashHex.format(this.last), HashHex.format(event.tip.hash))
    })
}

describe("HeaderChain reorganises", () => {
  it.effect("when another chain has more work, and not when it has as much", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const ours = new MinedChain(regtest).mine(10)
      const theirs = ours.fork(6).mine(5, { salt: 1 })
      yield* chain.accept(ours.packed(1))
      const { hash, work } = theirs.fork(10)
      assert.deepStrictEqual(yield* chain.accept(theirs.packed(7, 10)), {
        _tag: "SideBranch",
        added: 4,
        isKept: true,
        forkHeight: 6,
        tip: { height: 10, hash, work, time: theirs.time(10) }
      })
      yield* expectChain(ours)
      assert.isTrue(yield* chain.isKnown(theirs.hashes[8]!))
      assert.deepStrictEqual(yield* chain.heightOf(theirs.hashes[8]!), Option.none())
      assert.deepStrictEqual(yield* chain.accept(theirs.packed(11)), {
        _tag: "Accepted",
        added: 1,
        forkHeight: 6,
        disconnected: 4,
        tip: { height: 11, hash: theirs.hash, work: theirs.work, time: theirs.time(11) }
      })
      yield* expectChain(theirs)
      for (const lost of ours.hashes.slice(7)) {
        assert.deepStrictEqual(yield* chain.heightOf(lost), Option.none())
        assert.isTrue(yield* chain.isKnown(lost))
      }
      // And back, by two blocks on top of what was lost.
      ours.mine(2)
      yield* chain.accept(ours.packed(11))
      yield* expectChain(ours)
    }).pipe(Effect.provide(layer())))

  it.effect("to a shorter chain with more work", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const slow = new MinedChain(adjusting).mine(30, { spacing: 1200 })
      const fast = new MinedChain(adjusting).mine(12, { spacing: 300, salt: 1 })
      assert.isAbove(Number(fast.work), Number(slow.work))
      yield* chain.accept(slow.packed(1))
      assert.deepInclude(yield* chain.accept(fast.packed(1)), { _tag: "Accepted", disconnected: 30, forkHeight: 0 })
      yield* expectChain(fast)
      assert.deepInclude(yield* chain.accept(slow.packed(1)), { _tag: "AlreadyKnown" })
    }).pipe(Effect.provide(layer({ params: adjusting }))))

  it.effect("to a branch of 4500 headers that comes in three batches, part of each known", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const ours = new MinedChain(regtest).mine(4400)
      const theirs = ours.fork(100).mine(4500, { salt: 1 })
      for (const from of [1, 2001, 4001]) yield* chain.accept(ours.packed(from, Math.min(from + 1999, 4400)))
      assert.deepInclude(yield* chain.accept(theirs.packed(51, 2050)), {
        _tag: "SideBranch",
        added: 1950,
        forkHeight: 100
      })
      assert.deepInclude(yield* chain.accept(theirs.packed(2001, 4000)), { _tag: "SideBranch", added: 1950 })
      assert.deepInclude(yield* chain.accept(theirs.packed(4001)), {
        _tag: "Accepted",
        added: 600,
        forkHeight: 100,
        disconnected: 4300
      })
      yield* expectChain(theirs)
    }).pipe(Effect.provide(layer())))

  it.effect("and finds all that a branch was made of, wherever the next one begins", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const ours = new MinedChain(regtest).mine(20)
      const a = ours.fork(10).mine(8, { salt: 1 })
      const b = a.fork(14).mine(4, { salt: 2 })
      const c = ours.fork(15).mine(4, { salt: 3 })
      yield* chain.accept(ours.packed(1))
      for (const side of [a.packed(11), b.packed(15), c.packed(16)]) {
        assert.deepInclude(yield* chain.accept(side), { _tag: "SideBranch" })
      }
      yield* chain.accept(a.mine(3, { salt: 1 }).packed(19))
      yield* expectChain(a)
      // Both hang on parts of another branch now.
      yield* chain.accept(c.mine(3, { salt: 3 }).packed(20))
      yield* expectChain(c)
      yield* chain.accept(b.mine(5, { salt: 2 }).packed(19))
      yield* expectChain(b)
      yield* chain.accept(ours.mine(4).packed(21))
      yield* expectChain(ours)
    }).pipe(Effect.provide(layer())))
})

describe("HeaderChain keeps branches within bounds", () => {
  it.effect("and drops those with the least work", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const ours = new MinedChain(regtest).mine(50)
      yield* chain.accept(ours.packed(1))
      const side = (fork: number, count: number, salt: number) => ours.fork(fork).mine(count, { salt })
      const [low, middle, high] = [side(10, 5, 1), side(20, 5, 2), side(30, 5, 3)]
      assert.deepInclude(yield* chain.accept(low.packed(11)), { isKept: true })
      assert.deepInclude(yield* chain.accept(middle.packed(21)), { isKept: true })
      assert.deepInclude(yield* chain.accept(high.packed(31)), { isKept: true })
      assert.isFalse(yield* chain.isKnown(low.hash))
      assert.isTrue(yield* chain.isKnown(middle.hash))
      assert.deepInclude(yield* chain.accept(low.packed(11)), { isKept: false })
      assert.strictEqual((yield* refusal(low.mine(1).packed(16)))._tag, "UnknownParent")
      // Eleven headers are too many, whatever their work is.
      assert.deepInclude(yield* chain.accept(side(35, 11, 4).packed(36)), { isKept: false })
      assert.deepInclude(yield* chain.accept(side(40, 7, 5).packed(41)), { isKept: true })
      assert.isFalse(yield* chain.isKnown(high.hash))
      assert.isFalse(yield* chain.isKnown(middle.hash))
    }).pipe(Effect.provide(layer({ maxSideBranches: 2, maxSideHeaders: 10 }))))

  it.effect("and has none when it may have none", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const ours = new MinedChain(regtest).mine(5)
      const theirs = ours.fork(3).mine(3, { salt: 1 })
      yield* chain.accept(ours.packed(1))
      assert.deepInclude(yield* chain.accept(theirs.packed(4, 5)), { _tag: "SideBranch", isKept: false })
      yield* chain.accept(theirs.packed(4))
      yield* expectChain(theirs)
      assert.isFalse(yield* chain.isKnown(ours.hash))
    }).pipe(Effect.provide(layer({ maxSideBranches: 0, maxSideHeaders: 0 }))))
})

describe("HeaderChain events", () => {
  it.effect("come one by one to a reader that keeps up, and in one to another", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const ours = new MinedChain(regtest).mine(10)
      const theirs = ours.fork(7).mine(5, { salt: 1 })
      const third = ours.fork(5).mine(9, { salt: 2 })
      yield* chain.accept(ours.packed(1, 8))
      const slow = yield* chain.subscribe
      assert.strictEqual(slow.tip.height, 8)
      const seen: Array<string> = []
      const fast = yield* chain.events.pipe(
        Stream.runForEach((event) =>
          Effect.sync(() =>
            seen.push(
              `${event._tag} ${event.forkHeight} ${
                event._tag === "Extended" ? "" : event.disconnected.length
              } ${event.tip.height}`
            )
          )
        ),
        Effect.forkChild({ startImmediately: true })
      )
      for (const packed of [ours.packed(9), theirs.packed(8, 9), theirs.packed(10), third.packed(6)]) {
        yield* chain.accept(packed)
        yield* Effect.yieldNow
      }
      yield* Fiber.interrupt(fast)
      assert.deepStrictEqual(seen, [
        "Extended 8  10",
        "Reorganised 7 3 12",
        "Reorganised 5 7 14"
      ])
      const event = Option.getOrThrow(yield* Stream.runHead(slow.events))
      assert.deepInclude(event, { _tag: "Reorganised", forkHeight: 5 })
      assert.strictEqual(event.tip.height, 14)
      assert.deepStrictEqual(event._tag === "Reorganised" ? ids(event.disconnected) : [], ids(ours.hashes.slice(6, 9)))
    }).pipe(Effect.provide(layer())))

  it.effect("end with the chain", () =>
    Effect.gen(function*() {
      const mined = new MinedChain(regtest).mine(3)
      const reader = yield* Effect.gen(function*() {
        const chain = yield* HeaderChain.HeaderChain
        const reader = yield* Effect.forkDetach(Stream.runCollect(chain.events), { startImmediately: true })
        yield* chain.accept(mined.packed(1))
        return reader
      }).pipe(Effect.provide(layer()))
      assert.deepStrictEqual((yield* Fiber.join(reader)).map(({ tip }) => tip.height), [3])
    }))
})

describe("HeaderChain agrees with a naive chain", () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    it.effect(`seed ${seed}`, () =>
      Effect.gen(function*() {
        const random = Legacy.makeRandom(seed)
        const chain = yield* HeaderChain.HeaderChain
        const chains = [new MinedChain(adjusting)]
        const known = new Set([HashHex.format(chains[0]!.hash)])
        let best = chains[0]!
        const subscription = yield* chain.subscribe
        const follower = new Follower(best.hashes)
        for (let step = 0; step < 150; step++) {
          const base = chains[random.below(chains.length)]!
          const fork = random.below(3) === 0 ? base.height : Math.max(0, base.height - random.below(6))
          const mined = base.fork(fork)
          for (let i = random.below(6); i >= 0; i--) {
            mined.mine(1, { spacing: 300 + random.below(1200), salt: seed * 1000 + random.below(3) })
          }
          const first = Math.max(0, fork + 1 - random.below(8))
          const fresh = ids(mined.hashes.slice(fork + 1)).filter((id) => !known.has(id)).length
          const outcome = yield* chain.accept(mined.packed(first))
          if (fresh === 0) assert.deepStrictEqual(outcome, { _tag: "AlreadyKnown" }, `step ${step}`)
          else if (mined.work > best.work) {
            assert.deepInclude(outcome, { _tag: "Accepted", added: fresh }, `step ${step}`)
            best = mined
          } else assert.deepInclude(outcome, { _tag: "SideBranch", added: fresh, isKept: true }, `step ${step}`)
          for (const id of ids(mined.hashes)) known.add(id)
          chains.push(mined)
          if (random.below(4) > 0) continue
          yield* expectChain(best)
          if (HashHex.equals(follower.last, best.hash)) continue
          yield* follower.follow(Option.getOrThrow(yield* Stream.runHead(subscription.events)))
          assert.strictEqual(HashHex.format(follower.last), HashHex.format(best.hash))
        }
        yield* expectChain(best)
      }).pipe(Effect.provide(layer({ params: adjusting, maxSideBranches: 1000, maxSideHeaders: 1_000_000 }))))
  }
})
