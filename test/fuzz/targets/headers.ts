/**
 * Block headers as they come from the network: as bytes, by the rules, and into a chain that has branches.
 */
import { Clock, Effect, Layer, Result } from "effect"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import type * as ChainView from "../../../src/domain/p2p/ChainView.ts"
import * as HeaderRules from "../../../src/domain/p2p/HeaderRules.ts"
import * as Target from "../../../src/domain/p2p/Target.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as Chains from "../../utils/chainOfHeaders.ts"
import * as Recorded from "../../utils/headerChain.ts"
import { MinedChain } from "../../utils/minedChain.ts"
import type { Random } from "../../utils/native.ts"
import { behind, equal, isTrue, refusalOf, valueOf } from "../harness/expect.ts"
import type { Decoder, Made } from "../harness/target.ts"

const { hash256 } = NodeHash256
const { size } = BlockHeader

/** Later than all headers, in seconds. */
const now = Chains.late

/** A clock that stands at that time. */
const clock: Clock.Clock = {
  currentTimeMillisUnsafe: () => now * 1000,
  currentTimeMillis: Effect.succeed(now * 1000),
  currentTimeNanosUnsafe: () => BigInt(now) * 1_000_000_000n,
  currentTimeNanos: Effect.succeed(BigInt(now) * 1_000_000_000n),
  monotonicTimeNanosUnsafe: () => 0n,
  monotonicTimeNanos: Effect.succeed(0n),
  sleep: () => Effect.never
}

/** How many nonces are tried to give a header its proof of work. */
const tries = 64

/** Makes headers follow one another, and gives each its proof of work where that is easy. */
const mend = (headers: Uint8Array): Uint8Array => {
  const mended = headers.slice()
  const view = new DataView(mended.buffer)
  for (let at = 0; at + size <= mended.length; at += size) {
    const header = mended.subarray(at, at + size)
    if (at > 0) header.set(hash256(mended.subarray(at - size, at)), 4)
    for (let nonce = 0; nonce < tries && !Target.isMet(hash256(header), BlockHeader.bitsAt(header, 0)); nonce++) {
      view.setUint32(at + 76, nonce, true)
    }
  }
  return mended
}

const fieldBorders = (headers: Uint8Array, from: number): ReadonlyArray<number> =>
  Array.from(
    { length: Math.floor(headers.length / size) },
    (_, i) => [0, 4, 36, 68, 72, 76].map((at) => from + i * size + at)
  ).flat()

interface Base {
  readonly params: ChainParams.ChainParams
  /** A chain up to a height, from which the fuzzed headers may go on. */
  readonly view: ChainView.ChainView
  /** Headers that follow. */
  readonly next: Uint8Array
}

const baseOf = (params: ChainParams.ChainParams, headers: Uint8Array, height: number): Base => ({
  params,
  view: valueOf(
    HeaderRules.check(Recorded.genesisView(params), headers.subarray(0, height * size), { params, hash256, now }),
    "the chain of the test"
  ).view,
  next: headers.subarray(height * size)
})

const recordedMainnet = Recorded.load("mainnet-headers-0-99").subarray(size)
const mined = new MinedChain(ChainParams.regtest).mine(60)
const adjusting = new MinedChain(Chains.adjusting).mine(40, { spacing: 300 })

const bases: ReadonlyArray<Base> = [
  baseOf(ChainParams.regtest, mined.packed(1), 0),
  baseOf(ChainParams.regtest, mined.packed(1), 20),
  baseOf(Chains.adjusting, adjusting.packed(1), 0),
  baseOf(Chains.adjusting, adjusting.packed(1), 10),
  baseOf(ChainParams.mainnet, recordedMainnet, 0),
  baseOf(ChainParams.mainnet, recordedMainnet, 30)
]

const runRules = (input: Uint8Array): string => {
  if (input.length === 0) return "nothing"
  const { params, view } = bases[input[0]! % bases.length]!
  const headers = input.slice(1)
  const unpacked = BlockHeader.unpack(headers)
  equal(Result.isSuccess(unpacked), headers.length % size === 0, "whole headers are read")
  if (Result.isSuccess(unpacked)) equal(BlockHeader.pack(unpacked.success), headers, "headers, packed again")
  const checked = HeaderRules.check(view, headers, { params, hash256, now })
  if (Result.isFailure(checked)) {
    const { height, index, reason } = checked.failure
    refusalOf(checked.failure)
    equal(height, view.height + 1 + index, "the height of the fault")
    isTrue(index * size < headers.length, "the fault is within the headers")
    // What is before the fault is right by itself.
    const before = HeaderRules.check(view, headers.subarray(0, index * size), { params, hash256, now })
    isTrue(Result.isSuccess(before) && before.success.count === index, "what is before the fault is right")
    return reason._tag
  }
  const { count, hashes, view: grown, work } = checked.success
  equal(count * size, headers.length, "the count")
  equal(hashes.length, count * 32, "the hashes")
  equal(grown.height, view.height + count, "the height")
  equal(grown.chainWork(grown.height), view.chainWork(view.height) + work, "the work")
  return "right"
}

const makeRules = (random: Random): Made => {
  const choice = random.below(bases.length)
  const { next, params, view } = bases[choice]!
  const headers = next.subarray(0, random.below(12) * size)
  return {
    bytes: behind(choice, headers),
    verify: () =>
      isTrue(Result.isSuccess(HeaderRules.check(view, headers, { params, hash256, now })), "good headers are taken")
  }
}

export const headerRules: Decoder = {
  kind: "decoder",
  name: "header-rules",
  weight: 1,
  seeds: bases.map(({ next }, choice) => behind(choice, next.subarray(0, 6 * size))),
  make: makeRules,
  borders: (input) => fieldBorders(input.subarray(1), 1),
  repair: (input) => input.length === 0 ? input : behind(input[0]!, mend(input.subarray(1))),
  run: runRules
}

/** A chain with a branch, with which the fuzzed headers may go on. */
const trunk = new MinedChain(ChainParams.regtest).mine(12)
const branches = [8, 10, 11].map((height) => trunk.fork(height).mine(4, { salt: height }))

const Chain = HeaderChain.layerMemory({ params: ChainParams.regtest }).pipe(Layer.provide(NodeHash256.layer))

const accepting = Effect.fnUntraced(function*(input: Uint8Array) {
  const chain = yield* HeaderChain.HeaderChain
  yield* Effect.orDie(chain.accept(trunk.packed(1)))
  yield* Effect.orDie(chain.accept(branches[0]!.packed(9, 11)))
  const before = yield* chain.tip
  const outcome = yield* Effect.result(chain.accept(input))
  const after = yield* chain.tip
  isTrue(after.work >= before.work, "the best chain never becomes a worse one")
  const headers = yield* chain.headers(0, after.height + 2)
  equal(headers.length / size, after.height + 1, "the length of the chain")
  const options = { params: ChainParams.regtest, hash256, now }
  const checked = HeaderRules.check(Recorded.genesisView(ChainParams.regtest), headers.subarray(size), options)
  equal(valueOf(checked, "the best chain keeps the rules").view.hash, after.hash, "its end")
  if (Result.isSuccess(outcome)) return outcome.success._tag
  refusalOf(outcome.failure)
  equal(after.hash, before.hash, "what is refused changes nothing")
  return outcome.failure._tag === "HeadersRefused" ? outcome.failure.reason._tag : outcome.failure._tag
})

const runChain = (input: Uint8Array): string =>
  Effect.runSync(accepting(input).pipe(Effect.provide(Chain), Effect.provideService(Clock.Clock, clock)))

const makeBranch = (random: Random): Made => {
  const from = random.below(13)
  return { bytes: trunk.fork(from).mine(1 + random.below(6), { salt: random.next() }).packed(from + 1) }
}

export const headerChain: Decoder = {
  kind: "decoder",
  name: "header-chain",
  weight: 0.2,
  seeds: [trunk.packed(5), ...branches.map((branch) => branch.packed(9))],
  make: makeBranch,
  borders: (input) => fieldBorders(input, 0),
  repair: mend,
  run: runChain
}
