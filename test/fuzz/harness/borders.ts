/**
 * Finds out where the fields of an input begin.
 */
import * as TaggedParser from "../../../src/domain/TaggedParser.ts"

/** Of tagged values from an offset on. */
export const ofTagged = (bytes: Uint8Array, start = 0): ReadonlyArray<number> => {
  const parser = TaggedParser.make(bytes, { start })
  const borders = [start]
  while (borders.length < 200 && parser.next()) borders.push(parser.offset)
  return borders
}

/** Of packets of the native envelope, and of the values in their headers. */
export const ofNative = (bytes: Uint8Array): ReadonlyArray<number> => {
  const borders: Array<number> = []
  for (let at = 0; at + 2 < bytes.length && borders.length < 200;) {
    const parser = TaggedParser.make(bytes, { start: at + 2 })
    borders.push(at)
    do borders.push(parser.offset)
    while (borders.length < 200 && parser.next() && parser.tag !== 0)
    borders.push(parser.offset)
    at += Math.max(2, bytes[at]! | (bytes[at + 1]! << 8))
  }
  return borders
}

/** The longest beginning of an input that is looked at. */
const looked = 200

/** Of anything whose decoder says at which field an input that is cut off ends. */
export const ofCut = (
  bytes: Uint8Array,
  faultAt: (beginning: Uint8Array) => number | undefined
): ReadonlyArray<number> => {
  const borders = new Set<number>([bytes.length])
  for (let length = 0; length < Math.min(bytes.length, looked); length++) {
    const at = faultAt(bytes.subarray(0, length))
    if (at !== undefined && at <= bytes.length) borders.add(at)
  }
  return [...borders]
}
