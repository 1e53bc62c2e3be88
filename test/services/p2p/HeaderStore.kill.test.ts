import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import { expectChain, late } from "../../utils/chainOfHeaders.ts"
import * as Disks from "../../utils/disk.ts"
import * as Legacy from "../../utils/legacy.ts"
import { MinedChain } from "../../utils/minedChain.ts"

const { regtest } = ChainParams

const path = "/data/headers"

/** Runs a program with the chain of a disk, and tells how much it wrote. */
const run = Effect.fnUntraced(function*<A, E>(
  disk: Disks.Disk,
  program: Effect.Effect<A, E, HeaderChain.HeaderChain>,
  after = Infinity
) {
  const mounted = Disks.mount(disk, { after })
  const layer = HeaderChain.layerFile({ path, params: regtest }).pipe(
    Layer.provide([NodeHash256.layer, mounted.layer]),
    Layer.provideMerge(Layer.effectDiscard(TestClock.setTime(late * 1000)))
  )
  const exit = yield* Effect.exit(Effect.provide(program, layer))
  // Anything but the death that was wanted is a fault.
  if (Exit.isFailure(exit)) assert.deepStrictEqual(Cause.squash(exit.cause), Disks.killed)
  return mounted.spent()
})

interface Step {
  readonly packed: Uint8Array
  /** The best chain after it. */
  readonly best: MinedChain
}

/** Batches that extend and reorganise a chain, by chance. */
const makeSteps = (seed: number): ReadonlyArray<Step> => {
  const random = Legacy.makeRandom(seed)
  const steps: Array<Step> = []
  let best = new MinedChain(regtest)
  for (let i = 0; i < 5; i++) {
    const depth = random.below(2) === 0 ? 0 : Math.min(best.height, 1 + random.below(3))
    const fork = best.height - depth
    const next = best.fork(fork).mine(depth + 1 + random.below(3), { salt: i })
    steps.push({ packed: next.packed(fork + 1), best: next })
    best = next
  }
  return steps
}

const feed = (steps: ReadonlyArray<Step>, onDone: (index: number) => void = () => {}) =>
  Effect.gen(function*() {
    const chain = yield* HeaderChain.HeaderChain
    for (const [index, { packed }] of steps.entries()) {
      yield* chain.accept(packed)
      onDone(index)
    }
  })

const isPrefix = (chain: MinedChain, height: number, hash: Uint8Array): boolean =>
  height <= chain.height && HashHex.equals(chain.hashes[height]!, hash)

describe("HeaderStore survives a kill at any byte", () => {
  for (const [seed, stride] of [[1, 1], [2, 7], [3, 7]] as const) {
    it.effect(`seed ${seed}, each ${stride} bytes`, () =>
      Effect.gen(function*() {
        const steps = makeSteps(seed)
        const last = steps.at(-1)!.best
        const total = yield* run(new Disks.Disk(), feed(steps))
        assert.isAbove(total, 500)
        for (let after = 0; after < total; after += stride) {
          const disk = new Disks.Disk()
          let done = -1
          yield* run(disk, feed(steps, (index) => done = index), after)

          // What was accepted is there, and of the batch that was being written nothing, a part, or all.
          const before = done === -1 ? new MinedChain(regtest) : steps[done]!.best
          const during = steps[done + 1]?.best ?? before
          yield* run(
            disk,
            Effect.gen(function*() {
              const { hash, height } = yield* (yield* HeaderChain.HeaderChain).tip
              const isWhole = HashHex.equals(hash, before.hash) || HashHex.equals(hash, during.hash)
              assert.isTrue(isWhole || height > before.height && isPrefix(during, height, hash), `after ${after}`)
              yield* expectChain(isPrefix(during, height, hash) ? during.fork(height) : before)
            })
          )
          yield* run(disk, feed(steps.slice(done + 1)))
          yield* run(disk, expectChain(last))
        }
      }), 60_000)
  }

  it.effect("also while it mends what another kill left", () =>
    Effect.gen(function*() {
      const steps = makeSteps(4)
      const last = steps.at(-1)!.best
      const total = yield* run(new Disks.Disk(), feed(steps))
      const tip = Effect.flatMap(HeaderChain.HeaderChain, (chain) => chain.tip)
      for (let after = 1; after < total; after += 29) {
        const broken = new Disks.Disk()
        yield* run(broken, feed(steps), after)
        const mending = yield* run(broken.copy(), tip)
        for (let again = 0; again < mending; again += 17) {
          const disk = broken.copy()
          yield* run(disk, tip, again)
          yield* run(disk, feed(steps))
          yield* run(disk, expectChain(last))
        }
      }
    }), 60_000)
})
