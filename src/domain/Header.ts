/**
 * The header values that an application sends along with a message.
 *
 * A header is a short list of integers by tag. Tags from 0 to 9 belong to the envelope; a reply echoes the values with
 * tags over 10 of its request (wire format, section 2).
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"

const TypeId = "~effect-flowee/Header"

/**
 * Tag of a request that is to be worked on in the background of a Hub.
 *
 * @category constants
 * @since 0.1.0
 */
export const asyncRequest = 10

/**
 * Tag of the number by which a reply finds its request.
 *
 * @category constants
 * @since 0.1.0
 */
export const requestId = 11

/**
 * The lowest tag that an application may use.
 *
 * @category constants
 * @since 0.1.0
 */
export const firstUserTag = 10

/**
 * Header values in ascending order of their tags: 31-bit integers that may be negative.
 *
 * @category models
 * @since 0.1.0
 */
export interface Header extends Equal.Equal {
  readonly [TypeId]: typeof TypeId
  /** Tag, value, tag, value ... in ascending order of the tags. */
  readonly pairs: ReadonlyArray<number>
}

class HeaderImpl implements Header {
  readonly [TypeId]: typeof TypeId = TypeId
  readonly pairs: ReadonlyArray<number>
  constructor(pairs: ReadonlyArray<number>) {
    this.pairs = pairs
  }
  [Equal.symbol](that: Equal.Equal): boolean {
    if (!(that instanceof HeaderImpl) || that.pairs.length !== this.pairs.length) return false
    return this.pairs.every((n, i) => that.pairs[i] === n)
  }
  [Hash.symbol](): number {
    return Hash.array(this.pairs)
  }
  toJSON(): unknown {
    return Object.fromEntries(entries(this))
  }
}

/**
 * A header without values.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Header = new HeaderImpl([])

/**
 * Makes a header from values by tag.
 *
 * **Gotchas**
 *
 * Tags and values are checked when a message is sent, not here.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (values: { readonly [tag: number]: number }): Header => {
  const pairs: Array<number> = []
  // Object keys that are array indices iterate in ascending order, larger ones in insertion order: sort all.
  for (const tag of Object.keys(values).map(Number).sort((a, b) => a - b)) pairs.push(tag, values[tag]!)
  return pairs.length === 0 ? empty : new HeaderImpl(pairs)
}

/**
 * Makes a header from a flat list of pairs that is already in ascending order of its tags.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromPairsUnsafe = (pairs: ReadonlyArray<number>): Header =>
  pairs.length === 0 ? empty : new HeaderImpl(pairs)

/**
 * The value of a tag, or `undefined`.
 *
 * @category getters
 * @since 0.1.0
 */
export const get = (self: Header, tag: number): number | undefined => {
  const pairs = self.pairs
  for (let i = 0; i < pairs.length; i += 2) if (pairs[i] === tag) return pairs[i + 1]
  return undefined
}

/**
 * How many values a header has.
 *
 * @category getters
 * @since 0.1.0
 */
export const size = (self: Header): number => self.pairs.length >> 1

/**
 * All values with their tags, in ascending order of the tags.
 *
 * @category getters
 * @since 0.1.0
 */
export const entries = (self: Header): ReadonlyArray<readonly [tag: number, value: number]> => {
  const all: Array<readonly [number, number]> = []
  for (let i = 0; i < self.pairs.length; i += 2) all.push([self.pairs[i]!, self.pairs[i + 1]!])
  return all
}

/**
 * A copy with one value set.
 *
 * @category combinators
 * @since 0.1.0
 */
export const set = (self: Header, tag: number, value: number): Header => {
  const pairs: Array<number> = []
  let at = 0
  while (at < self.pairs.length && self.pairs[at]! < tag) pairs.push(self.pairs[at++]!, self.pairs[at++]!)
  pairs.push(tag, value)
  if (self.pairs[at] === tag) at += 2
  while (at < self.pairs.length) pairs.push(self.pairs[at++]!)
  return new HeaderImpl(pairs)
}

/**
 * The values that a reply echoes: those with tags over 10.
 *
 * @category combinators
 * @since 0.1.0
 */
export const echo = (self: Header): Header => {
  const pairs = self.pairs
  if (pairs.length === 0 || pairs[0]! > asyncRequest) return self
  let from = 0
  while (from < pairs.length && pairs[from]! <= asyncRequest) from += 2
  return fromPairsUnsafe(pairs.slice(from))
}
