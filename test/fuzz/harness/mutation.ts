/**
 * Ways to break an input: cut, flipped, spliced with another one, repeated, and with lengths that are blown up.
 */
import { concat, fromHex, type Random } from "../../utils/native.ts"

/** Lengths and counts around the borders of their encodings, and far more than there is. */
const lengths = [
  "00",
  "01",
  "7f",
  "80",
  "ff",
  "fc",
  "fdffff",
  "fd0000",
  "feffffffff",
  "ffffffffffffffffff",
  "ffffffffffffff1f00",
  "0000",
  "ffff",
  "00000000",
  "ffffff7f",
  "00000080",
  "ffffffff",
  "7fffffff",
  "ffffffffffffff7f",
  "0000000000000080",
  "807f",
  "8000",
  "fe7f",
  "86fefefe7f",
  "8efefeff00",
  "8efefefe7f",
  "8efefefe7f00",
  "80fefefefefefefefe7f",
  "80fefefefefefefeff00",
  "ffffffffffffffffffffff",
  "2823",
  "2923"
].map(fromHex)

interface Place {
  readonly bytes: Uint8Array
  /** A place in the bytes; at the beginning of a field when these are known. */
  readonly at: () => number
}

const splice = (bytes: Uint8Array, from: number, to: number, ...parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  concat([bytes.subarray(0, from), ...parts, bytes.subarray(to)])

const flip = ({ at, bytes }: Place, random: Random): Uint8Array => {
  const changed = bytes.slice()
  for (let count = random.below(4); count >= 0; count--) {
    const index = at()
    if (index < changed.length) changed[index] = changed[index]! ^ (1 << random.below(8))
  }
  return changed
}

const set = ({ at, bytes }: Place, random: Random): Uint8Array => {
  const changed = bytes.slice()
  const index = at()
  if (index < changed.length) {
    changed[index] = random.chance(50) ? random.below(256) : random.pick([0, 1, 4, 127, 128, 252, 253, 254, 255])
  }
  return changed
}

const two = ({ at }: Place): readonly [number, number] => {
  const a = at()
  const b = at()
  return a < b ? [a, b] : [b, a]
}

const truncate = ({ at, bytes }: Place) => bytes.subarray(0, at())

const behead = ({ at, bytes }: Place) => bytes.subarray(at())

const insert = ({ at, bytes }: Place, random: Random) => {
  const index = at()
  return splice(bytes, index, index, random.bytes(1 + random.below(random.chance(80) ? 8 : 60)))
}

const remove = (place: Place) => {
  const [from, to] = two(place)
  return splice(place.bytes, from, to)
}

const repeat = (place: Place, random: Random) => {
  const [from, to] = two(place)
  const piece = place.bytes.subarray(from, to)
  const times = random.chance(80) ? 1 + random.below(4) : 1 + random.below(100)
  return splice(place.bytes, to, to, ...Array.from({ length: piece.length > 200 ? 1 : times }, () => piece))
}

const exchange = (place: Place, random: Random) => {
  const [from, to] = two(place)
  const middle = from + random.below(to - from + 1)
  return splice(place.bytes, from, to, place.bytes.subarray(middle, to), place.bytes.subarray(from, middle))
}

const blowUp = ({ at, bytes }: Place, random: Random) => {
  const length = random.pick(lengths)
  const index = at()
  return splice(bytes, index, Math.min(bytes.length, index + (random.chance(70) ? length.length : 0)), length)
}

const cross = ({ at, bytes }: Place, random: Random, other: Uint8Array) => {
  const from = random.below(other.length + 1)
  const index = at()
  return random.chance(50)
    ? concat([bytes.subarray(0, index), other.subarray(from)])
    : splice(bytes, index, index, other.subarray(from, from + random.below(other.length - from + 1)))
}

const ways: ReadonlyArray<(place: Place, random: Random, other: Uint8Array) => Uint8Array> = [
  flip,
  flip,
  set,
  set,
  truncate,
  behead,
  insert,
  remove,
  repeat,
  exchange,
  blowUp,
  blowUp,
  cross
]

/** Breaks an input in one to four ways. `other` is a valid input too. */
export const mutate = (
  bytes: Uint8Array,
  borders: ReadonlyArray<number>,
  other: Uint8Array,
  random: Random
): Uint8Array => {
  let mutated = bytes
  for (let count = random.pick([1, 1, 1, 2, 2, 3, 4]); count > 0; count--) {
    // The borders are those of the first bytes, so they fade with each change; they are only where it is worth more.
    const at = () =>
      borders.length > 0 && random.chance(60)
        ? Math.min(random.pick(borders), mutated.length)
        : random.below(mutated.length + 1)
    mutated = random.pick(ways)({ bytes: mutated, at }, random, other)
  }
  return mutated
}
