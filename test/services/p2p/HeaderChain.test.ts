import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Result } from "effect"
import { TestClock } from "effect/testing"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as HeadersRefused from "../../../src/domain/p2p/HeadersRefused.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as HeaderStore from "../../../src/services/p2p/HeaderStore.ts"
import { adjusting, expectChain, late, layer, refusal } from "../../utils/chainOfHeaders.ts"
import * as Recorded from "../../utils/headerChain.ts"
import { MinedChain } from "../../utils/minedChain.ts"

const { mainnet, regtest } = ChainParams

const bundled = (...names: ReadonlyArray<string>) => names.map(Recorded.load)

const all = bundled("mainnet-headers-0-99", "mainnet-headers-91-104", "mainnet-headers-100-111")

const expectTip = Effect.fnUntraced(function*(height: number, hash: string) {
  const chain = yield* HeaderChain.HeaderChain
  const tip = yield* chain.tip
  assert.strictEqual(tip.height, height)
  assert.strictEqual(HashHex.format(tip.hash), hash)
})

const lastOfRegtest = 1_795_330_593

describe("HeaderChain on recorded headers", () => {
  it.effect("takes 2726 headers of regtest in two batches, two hours early", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime((lastOfRegtest - 7200) * 1000)
      const chain = yield* HeaderChain.HeaderChain
      const packed = Recorded.load("regtest-headers")
      const first = yield* chain.accept(packed.subarray(0, 2000 * 80))
      assert.deepInclude(first, { _tag: "Accepted", added: 2000, forkHeight: 0, disconnected: 0 })
      const second = yield* chain.accept(packed.subarray(2000 * 80))
      assert.deepInclude(second, { _tag: "Accepted", added: 726, forkHeight: 2000, disconnected: 0 })
      yield* expectTip(2726, "33da67fbedda465a045315dd1d6a3d59fbb1e3a1ef6d07d77d5cd9d4cbd92524")
      assert.strictEqual((yield* chain.tip).time, lastOfRegtest)
      assert.deepStrictEqual(yield* chain.headers(1, 10_000), packed)
      assert.deepStrictEqual(yield* chain.accept(packed.subarray(0, 2000 * 80)), { _tag: "AlreadyKnown" })
    }).pipe(Effect.provide(layer())))

  it.effect("refuses the last two headers of regtest a second earlier", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime((lastOfRegtest - 7201) * 1000)
      const chain = yield* HeaderChain.HeaderChain
      const packed = Recorded.load("regtest-headers")
      yield* chain.accept(packed.subarray(0, 2000 * 80))
      const reason = yield* refusal(packed.subarray(2000 * 80))
      assert.strictEqual(
        reason.message,
        "the header for height 2725 is refused: its time 1795330593 is 1 s over the two hours that it may be ahead of the clock"
      )
      assert.strictEqual((yield* chain.tip).height, 2000)
    }).pipe(Effect.provide(layer())))

  it.effect("takes headers as objects too", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const headers = Result.getOrThrow(BlockHeader.unpack(Recorded.load("mainnet-headers-0-99")))
      assert.deepInclude(yield* chain.accept(headers), { _tag: "Accepted", added: 99, forkHeight: 0 })
      yield* expectTip(99, "00000000cd9b12643e6854cb25939b39cd7a1ad0af31a9bd8b2efe67854b1995")
      assert.deepStrictEqual(yield* chain.headerAt(42), Option.some(headers[42]))
      assert.deepStrictEqual(yield* chain.headerAt(100), Option.none())
      assert.deepStrictEqual(yield* chain.headerAt(-1), Option.none())
      assert.deepStrictEqual(yield* chain.hashAt(1.5), Option.none())
    }).pipe(Effect.provide(layer({ params: mainnet }))))

  it.effect("loads the first hundred of mainnet", () =>
    expectTip(99, "00000000cd9b12643e6854cb25939b39cd7a1ad0af31a9bd8b2efe67854b1995").pipe(
      Effect.provide(layer({ params: mainnet, bundled: all.slice(0, 1) }))
    ))

  it.effect("loads what overlaps", () =>
    expectTip(104, "00000000fb11ef25014e02b315285a22f80c8f97689d7e36d723317defaabe5b").pipe(
      Effect.provide(layer({ params: mainnet, bundled: all.slice(0, 2) }))
    ))

  it.effect("finds heights by time", () =>
    Effect.gen(function*() {
      yield* expectTip(111, "000000004d6a6dd8b882deec7b54421949dddd2c166bd51ee7f62a52091a6c35")
      const chain = yield* HeaderChain.HeaderChain
      assert.strictEqual(yield* chain.heightAtTime(1_231_646_080), 81)
      assert.strictEqual(yield* chain.heightAtTime(1_231_662_000), 102)
      assert.strictEqual(yield* chain.heightAtTime(1_800_000_000), 112)
      assert.strictEqual(yield* chain.heightAtTime(0), 0)
    }).pipe(Effect.provide(layer({ params: mainnet, bundled: all }))))

  it.effect("refuses bundled headers that do not fit", () =>
    Effect.gen(function*() {
      const build = (...bundled: ReadonlyArray<Uint8Array>) =>
        Effect.flip(Effect.provide(HeaderChain.HeaderChain, layer({ params: mainnet, bundled })))
      const gap = yield* build(Recorded.load("mainnet-headers-100-111"))
      assert.strictEqual(
        gap.message,
        "the file bundled headers 1 holds no headers of this chain: the first follows block " +
          "00000000cd9b12643e6854cb25939b39cd7a1ad0af31a9bd8b2efe67854b1995, which is not known"
      )
      const broken = Recorded.load("mainnet-headers-0-99")
      broken[50 * 80 + 40]! ^= 1
      assert.match(
        (yield* build(broken)).message,
        /^the header file bundled headers 1 is corrupt at byte 4000: the header for height 50 is refused: its hash/
      )
      const cut = Recorded.load("mainnet-headers-0-99").subarray(0, 4010)
      assert.match((yield* build(cut)).message, /corrupt at byte 4000: .* it has 10 bytes in place of 80/)
    }))
})

describe("HeaderChain", () => {
  it.effect("begins with the genesis block", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      yield* expectChain(new MinedChain(regtest))
      assert.deepStrictEqual(yield* chain.accept(new Uint8Array(0)), { _tag: "AlreadyKnown" })
      assert.deepStrictEqual(yield* chain.accept([]), { _tag: "AlreadyKnown" })
      assert.deepStrictEqual(yield* chain.accept([regtest.genesis]), { _tag: "AlreadyKnown" })
      assert.strictEqual((yield* chain.tip).work, 2n)
    }).pipe(Effect.provide(layer())))

  it.effect("is not changed through what it was given or gave away", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const mined = new MinedChain(regtest).mine(5)
      const side = mined.fork(2).mine(2, { salt: 1 })
      for (const packed of [mined.packed(1), side.packed(3)]) {
        yield* chain.accept(packed)
        packed.fill(0)
      }
      for (const bytes of [...(yield* chain.locator), yield* chain.headers(0, 6), (yield* chain.tip).hash]) {
        bytes.fill(0)
      }
      Option.getOrThrow(yield* chain.hashAt(3)).fill(0)
      Option.getOrThrow(yield* chain.headerAt(3)).previous.fill(0)
      yield* expectChain(mined)
      yield* chain.accept(side.mine(2).packed(5))
      yield* expectChain(side)
    }).pipe(Effect.provide(layer())))

  it.effect("takes batches of several fibers one after the other", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const mined = new MinedChain(regtest).mine(300)
      const batches = Array.from({ length: 30 }, (_, i) => mined.packed(1 + i * 10, 10 + i * 10))
      yield* Effect.forEach(batches, (batch) => chain.accept(batch), { concurrency: "unbounded" })
      yield* expectChain(mined)
    }).pipe(Effect.provide(layer())))

  it.effect("is what is stored, when it is interrupted while it stores", () =>
    Effect.gen(function*() {
      const written: Array<number> = []
      const store = HeaderStore.HeaderStore.of({
        stored: { name: "slow", read: () => Effect.succeed(new Uint8Array(0)) },
        write: (height) =>
          Effect.andThen(Effect.sleep(height === 0 ? 0 : "1 second"), Effect.sync(() => written.push(height))),
        setAside: Effect.succeedNone,
        bundled: []
      })
      const mined = new MinedChain(regtest).mine(9)
      yield* TestClock.setTime(late * 1000)
      const chain = yield* Effect.forkChild(HeaderChain.make({ params: regtest }), { startImmediately: true }).pipe(
        Effect.tap(TestClock.adjust("1 second")),
        Effect.flatMap(Fiber.join),
        Effect.provideService(HeaderStore.HeaderStore, store),
        Effect.provide(NodeHash256.layer)
      )
      const first = yield* Effect.forkChild(chain.accept(mined.packed(1, 5)), { startImmediately: true })
      const second = yield* Effect.forkChild(chain.accept(mined.packed(6)), { startImmediately: true })
      yield* Fiber.interrupt(second)
      const interruption = yield* Effect.forkChild(Fiber.interrupt(first), { startImmediately: true })
      assert.strictEqual((yield* chain.tip).height, 0)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(interruption)
      assert.strictEqual((yield* chain.tip).height, 5)
      assert.deepStrictEqual(written, [0, 1])
    }))

  it.effect("refuses options that cannot be used", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.provide(HeaderChain.HeaderChain, layer({ maxSideHeaders: -1 })))
      assert.strictEqual(error.message, `option "maxSideHeaders": an integer from 0 to 1000000 is needed, not -1`)
    }))
})

describe("HeaderChain look-ups", () => {
  const mined = new MinedChain(regtest).mine(3000)

  const provideChain = Effect.provide(layer({ bundled: [mined.packed(1)] }))

  it.effect("makes locators", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const depths = [0, 3, 20, 60, 100, 200, 400, 600, 800, 1000]
      assert.deepStrictEqual(yield* chain.locator, depths.map((depth) => mined.hashes[3000 - depth]!))
    }).pipe(provideChain))

  it.effect("answers requests for headers", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const unknown = new Uint8Array(32).fill(9)
      const at = (height: number) => mined.hashes[height]!
      const expectAnswer = (request: HeaderChain.Request, from: number, to: number) =>
        Effect.map(chain.headersAfter(request), (packed) => assert.deepStrictEqual(packed, mined.packed(from, to)))

      yield* expectAnswer({ locator: [at(10)] }, 11, 2010)
      yield* expectAnswer({ locator: [unknown, at(2500), at(10)] }, 2501, 3000)
      yield* expectAnswer({ locator: [unknown] }, 1, 2000)
      yield* expectAnswer({ locator: [at(3000)] }, 3001, 3000)
      yield* expectAnswer({ locator: [at(10)], stop: at(20) }, 11, 20)
      yield* expectAnswer({ locator: [at(10)], stop: at(11) }, 11, 11)
      yield* expectAnswer({ locator: [at(10)], stop: at(2900) }, 11, 2010)
      yield* expectAnswer({ locator: [at(10)], stop: at(5) }, 11, 2010)
      yield* expectAnswer({ locator: [at(10)], stop: HashHex.zero }, 11, 2010)
      yield* expectAnswer({ locator: [at(10)], maximum: 7 }, 11, 17)
      yield* expectAnswer({ locator: [], stop: at(77) }, 77, 77)
      yield* expectAnswer({ locator: [], stop: unknown }, 1, 0)
      yield* expectAnswer({ locator: [] }, 1, 0)
    }).pipe(provideChain))

  it.effect("gives no more headers than there are", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      assert.deepStrictEqual(yield* chain.headers(2990, 100), mined.packed(2990))
      assert.deepStrictEqual(yield* chain.headers(1000, 1030), mined.packed(1000, 2029))
      for (const [height, count] of [[3001, 5], [5, 0], [5, -1], [Number.NaN, 5], [5, Number.NaN], [4e9, 4e9]]) {
        assert.strictEqual((yield* chain.headers(height!, count!)).length, 0, `${height} ${count}`)
      }
    }).pipe(provideChain))

  it.effect("knows no other hashes", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      for (let i = 0; i < 256; i++) {
        assert.deepStrictEqual(yield* chain.heightOf(new Uint8Array(32).fill(i)), Option.none())
      }
      assert.deepStrictEqual(yield* chain.heightOf(new Uint8Array(0)), Option.none())
      assert.isFalse(yield* chain.isKnown(HashHex.zero))
    }).pipe(provideChain))

  it.effect("finds the first block at or after a time when times are out of order", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      const waves = new MinedChain(regtest)
      const start = waves.time(0)
      for (let i = 1; i <= 2500; i++) waves.mineAt(start + i * 600 + (i % 5) * 700)
      yield* chain.accept(waves.packed(1, 2000))
      yield* chain.accept(waves.packed(2001))
      yield* chain.accept(waves.fork(2490).mine(20, { spacing: 60, salt: 1 }).packed(2491))
      const times: Array<number> = []
      for (let i = 0; i <= 2510; i++) times.push(Option.getOrThrow(yield* chain.headerAt(i)).time)
      for (let time = start - 500; time < start + 1_600_000; time += 997) {
        const naive = times.findIndex((found) => found >= time)
        assert.strictEqual(yield* chain.heightAtTime(time), naive === -1 ? 2511 : naive, `time ${time}`)
      }
    }).pipe(Effect.provide(layer())))

  it.effect("tells whether the tip is recent", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      yield* TestClock.setTime((mined.time(3000) + 3600) * 1000)
      assert.isTrue(yield* chain.isRecent("1 hour"))
      assert.isFalse(yield* chain.isRecent("59 minutes"))
    }).pipe(provideChain))
})

describe("HeaderChain refuses", () => {
  const mined = new MinedChain(regtest).mine(2100)

  const provideChain = Effect.provide(layer({ bundled: [mined.packed(1, 100)] }))

  const expectRefusal = Effect.fnUntraced(function*(packed: Uint8Array, message: RegExp, points = 1001) {
    const chain = yield* HeaderChain.HeaderChain
    const reason = yield* refusal(packed)
    assert.match(reason.message, message)
    assert.strictEqual(HeadersRefused.points(new HeadersRefused.HeadersRefused({ reason })), points)
    assert.strictEqual((yield* chain.tip).height, 100)
    assert.isFalse(yield* chain.isKnown(mined.hashes[101]!))
  })

  it.effect("more than 2000", () =>
    expectRefusal(new MinedChain(regtest).mine(2101).packed(101), /^there are 2001, and a message has at most 2000$/)
      .pipe(
        Effect.provide(layer({ bundled: [mined.packed(1, 100)] }))
      ))

  it.effect("what follows no known block, at no cost", () =>
    expectRefusal(mined.packed(102, 110), /^the first follows block [0-9a-f]{64}, which is not known$/, 0).pipe(
      provideChain
    ))

  it.effect("what is not in sequence, all of it", () =>
    Effect.gen(function*() {
      const gap = new Uint8Array([...mined.packed(101, 105), ...mined.packed(107, 110)])
      yield* expectRefusal(gap, /^the header for height 106 is refused: it follows block/)
    }).pipe(provideChain))

  it.effect("a part of a header", () =>
    Effect.gen(function*() {
      yield* expectRefusal(mined.packed(101).subarray(0, 250), /^the header for height 104 is refused: it has 10 bytes/)
      yield* expectRefusal(mined.packed(101).subarray(0, 7), /it has 7 bytes/)
      yield* expectRefusal(mined.packed(90, 100).subarray(0, 250), /height 93 is refused: it has 10 bytes/)
    }).pipe(provideChain))

  it.effect("any changed bit, and says which header it is in", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      for (let bit = 0; bit < 5 * 640; bit++) {
        const packed = mined.packed(99, 106)
        packed[bit >> 3]! ^= 1 << (bit & 7)
        const reason = yield* refusal(packed)
        if (reason._tag === "HeaderError") {
          // Half of all hashes are good enough, and then it is the header after that which does not follow.
          const index = Math.floor(bit / 640)
          assert.isTrue(reason.index === index || reason.index === index + 1, `bit ${bit}: ${reason.index}`)
          assert.strictEqual(reason.height, 99 + reason.index)
        } else {
          assert.strictEqual(reason._tag, "UnknownParent")
          assert.isBelow(bit, 36 * 8)
        }
      }
      assert.strictEqual((yield* chain.tip).height, 100)
    }).pipe(provideChain))

  it.effect("times that are too early or too late", () =>
    Effect.gen(function*() {
      const early = mined.fork(100).mineAt(mined.time(95))
      yield* expectRefusal(early.packed(101), /is not after \d+, the median of the blocks before$/)
      const future = mined.fork(100).mineAt(late + 7201)
      yield* expectRefusal(future.packed(101), /is 1 s over the two hours/)
      const chain = yield* HeaderChain.HeaderChain
      assert.deepInclude(yield* chain.accept(mined.fork(100).mineAt(late + 7200).packed(101)), { _tag: "Accepted" })
    }).pipe(provideChain))

  it.effect("targets that the rules do not demand", () =>
    Effect.gen(function*() {
      const fast = new MinedChain(adjusting).mine(7, { spacing: 60 })
      yield* (yield* HeaderChain.HeaderChain).accept(fast.packed(1, 3))
      const lax = new MinedChain(regtest).mine(8, { spacing: 60 })
      const reason = yield* refusal(lax.packed(1))
      assert.match(reason.message, /^the header for height 4 is refused: its bits are .* demand/)
      const beyond = fast.packed(4, 4)
      new DataView(beyond.buffer).setUint32(72, 0x2100_ffff, true)
      assert.match((yield* refusal(beyond)).message, /are no target at or under that of 0x207fffff$/)
    }).pipe(Effect.provide(layer({ params: adjusting }))))

  it.effect("another block where a checkpoint is, and a branch below a checkpoint that was passed", () => {
    const other = mined.fork(40).mine(200, { salt: 1 })
    const params = { ...regtest, checkpoints: new Map([[50, mined.hashes[50]!], [150, mined.hashes[150]!]]) }
    return Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      yield* chain.accept(mined.packed(1, 45))
      assert.match((yield* refusal(other.packed(41))).message, /^the header for height 50 is refused: it is block/)
      assert.deepInclude(yield* chain.accept(other.packed(41, 44)), { _tag: "SideBranch", isKept: true })
      assert.isTrue(yield* chain.isKnown(other.hashes[44]!))
      yield* chain.accept(mined.packed(46, 60))
      assert.isFalse(yield* chain.isKnown(other.hashes[44]!))
      const below = yield* refusal(other.packed(41))
      assert.strictEqual(below.message, "they leave the chain at height 40, below the checkpoint at height 50")
      const above = mined.fork(50).mine(20, { salt: 2 })
      assert.deepInclude(yield* chain.accept(above.packed(51)), { _tag: "Accepted", disconnected: 10 })
      yield* expectChain(above)
    }).pipe(Effect.provide(layer({ params })))
  })

  it.effect("a chain that gets longer than it may", () =>
    Effect.gen(function*() {
      const chain = yield* HeaderChain.HeaderChain
      yield* chain.accept(mined.packed(1, 100))
      yield* expectRefusal(
        mined.packed(101, 121),
        /^they reach height 121, and no more than 120 are kept$/,
        0
      )
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(chain.accept(mined.packed(101, 120)))))
    }).pipe(Effect.provide(layer({ maxHeight: 120 }))))
})
