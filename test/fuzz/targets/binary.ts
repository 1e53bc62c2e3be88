/**
 * The kit of which the messages of the peer-to-peer network are described: each part of it, alone and in others.
 */
import { Result } from "effect"
import * as Binary from "../../../src/domain/p2p/Binary.ts"
import * as BinaryBytes from "../../../src/domain/p2p/BinaryBytes.ts"
import * as BinaryNumber from "../../../src/domain/p2p/BinaryNumber.ts"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import type { Random } from "../../utils/native.ts"
import * as Borders from "../harness/borders.ts"
import { behind, equal, inProportion, isTrue, refusalOf, valueOf } from "../harness/expect.ts"
import type { Decoder, Made } from "../harness/target.ts"

/** A description, and values of it. */
interface Way {
  readonly of: Binary.Binary<unknown>
  readonly make: (random: Random) => unknown
}

const way = <A>(of: Binary.Binary<A>, make: (random: Random) => A): Way => ({
  of: of as Binary.Binary<unknown>,
  make
})

const uint64 = (random: Random): bigint => (BigInt(random.next()) << 32n) | BigInt(random.next())

const compact = (random: Random): number =>
  random.pick([0, 252, 253, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, 2 ** 53 - 1, random.next()])

const list = <A>(random: Random, most: number, make: (random: Random) => A): Array<A> =>
  Array.from({ length: random.below(most + 1) }, () => make(random))

const latin1 = (random: Random, most: number): string =>
  list(random, most, () => String.fromCharCode(random.below(256))).join("")

const pair = Binary.struct({ flag: BinaryNumber.flag, name: BinaryBytes.varString(20) })

const makePair = (random: Random) => ({ flag: random.chance(50), name: latin1(random, 20) })

const nested = Binary.struct({
  first: BinaryNumber.uint16BigEndian,
  pairs: Binary.array(pair, 10),
  number: BinaryNumber.compactSize,
  rest: Binary.optionalTail(Binary.array(Binary.array(BinaryNumber.uint8, 3), 4))
})

const ways: ReadonlyArray<Way> = [
  way(BinaryNumber.uint8, (random) => random.below(256)),
  way(BinaryNumber.uint16, (random) => random.below(65_536)),
  way(BinaryNumber.uint16BigEndian, (random) => random.below(65_536)),
  way(BinaryNumber.uint32, (random) => random.next()),
  way(BinaryNumber.int32, (random) => random.next() | 0),
  way(BinaryNumber.uint64, uint64),
  way(BinaryNumber.int64, (random) => BigInt.asIntN(64, uint64(random))),
  way(BinaryNumber.flag, (random) => random.chance(50)),
  way(BinaryNumber.compactSize, compact),
  way(BinaryNumber.atMost(BinaryNumber.compactSize, 300), (random) => random.below(301)),
  way(BinaryBytes.hash, (random) => random.bytes(32)),
  way(BinaryBytes.varBytes(300), (random) => random.bytes(random.below(301))),
  way(BinaryBytes.varString(300), (random) => latin1(random, 300)),
  way(BinaryBytes.rest(100), (random) => random.bytes(random.below(101))),
  way(Binary.array(BinaryNumber.uint32, 300), (random) => list(random, 300, () => random.next())),
  way(Binary.items(pair, 20), (random) => list(random, 20, makePair)),
  way(Binary.followedBy(pair, Uint8Array.of(1, 2, 3)), makePair),
  way(Binary.array(Binary.followedBy(BlockHeader.binary, Uint8Array.of(0)), 20), (random) =>
    list(random, 20, () => ({
      version: random.next() | 0,
      previous: random.bytes(32),
      merkleRoot: random.bytes(32),
      time: random.next(),
      bits: random.next(),
      nonce: random.next()
    }))),
  way(nested, (random) => ({
    first: random.below(65_536),
    pairs: list(random, 10, makePair),
    number: compact(random),
    ...(random.chance(50) ? { rest: list(random, 4, () => list(random, 3, () => random.below(256))) } : {})
  }))
]

const wayOf = (input: Uint8Array): Way => ways[input[0]! % ways.length]!

const run = (input: Uint8Array): string => {
  if (input.length === 0) return "nothing"
  const { of } = wayOf(input)
  const bytes = input.slice(1)
  const decoded = Binary.decode(of, bytes)
  if (Result.isFailure(decoded)) {
    refusalOf(decoded.failure)
    isTrue(decoded.failure.offset >= 0 && decoded.failure.offset <= bytes.length, "the fault is within the input")
    if (decoded.failure.reason._tag === "TrailingBytes") {
      const beginning = valueOf(Binary.decode(of, bytes, { trailing: "ignore" }), "the beginning can be read")
      const again = valueOf(Binary.encode(of, beginning), "what was read can be written")
      equal(valueOf(Binary.decode(of, again), "and read again"), beginning, "the beginning, written and read again")
    }
    return decoded.failure.reason._tag
  }
  inProportion(decoded.success, bytes.length, 64)
  const again = valueOf(Binary.encode(of, decoded.success), "what was read can be written")
  equal(again.length, bytes.length, "the length of what was read, written again")
  equal(Binary.decode(of, again), decoded, "what was read, written and read again")
  return "value"
}

const make = (random: Random): Made => {
  const choice = random.below(ways.length)
  const { make, of } = ways[choice]!
  const value = make(random)
  const bytes = valueOf(Binary.encode(of, value), "a value that can be written")
  return {
    bytes: behind(choice, bytes),
    verify: () => equal(Binary.decode(of, bytes), Result.succeed(value), "the value")
  }
}

export const binary: Decoder = {
  kind: "decoder",
  name: "binary",
  weight: 2,
  seeds: [],
  make,
  borders: (input) =>
    Borders.ofCut(input, (beginning) => {
      const decoded = Binary.decode(wayOf(input).of, beginning.subarray(1))
      return Result.isFailure(decoded) ? 1 + decoded.failure.offset : undefined
    }),
  run
}
