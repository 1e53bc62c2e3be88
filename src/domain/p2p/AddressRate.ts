/**
 * How many addresses one peer may tell.
 *
 * A peer has tokens, and each address that it tells takes one. They come back slowly, and asking it for addresses gives
 * it enough for the answer, so that a peer that answers is heard and one that floods is not.
 *
 * **Details**
 *
 * The numbers are those of widely used nodes: 1 token at first, 0.1 a second, no refill from 1000 on, and 1000 for each
 * time that it was asked.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * The tokens of a peer.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressRate {
  /** How many there were at `updatedAt`, with a fraction. */
  readonly tokens: number
  /** In milliseconds since 1970. */
  readonly updatedAt: number
}

/**
 * Tokens that come back in a second.
 *
 * @category constants
 * @since 0.1.0
 */
export const perSecond = 0.1

/**
 * Up to how many tokens come back.
 *
 * @category constants
 * @since 0.1.0
 */
export const burst = 1000

/**
 * The tokens for the answer to one question: the most addresses that an `addr` has.
 *
 * @category constants
 * @since 0.1.0
 */
export const allowance = 1000

/** However often a peer is asked. */
const most = burst + allowance

/**
 * A peer that has told nothing yet. One address may come unasked: nodes announce their own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (now: number): AddressRate => ({ tokens: 1, updatedAt: now })

/** A clock that was turned back gives nothing, and the time after that is counted once. */
const refill = (self: AddressRate, now: number): AddressRate => {
  const back = Math.max(0, now - self.updatedAt) / 1000 * perSecond
  return { tokens: Math.max(self.tokens, Math.min(burst, self.tokens + back)), updatedAt: now }
}

/**
 * Gives what the answer to a question takes.
 *
 * @category transitions
 * @since 0.1.0
 */
export const asked = (self: AddressRate, now: number): AddressRate => {
  const { tokens, updatedAt } = refill(self, now)
  return { tokens: Math.min(most, tokens + allowance), updatedAt }
}

/**
 * Takes tokens for up to `count` addresses, and says for how many there were.
 *
 * @category transitions
 * @since 0.1.0
 */
export const take = (
  self: AddressRate,
  count: number,
  now: number
): { readonly granted: number; readonly rate: AddressRate } => {
  const { tokens, updatedAt } = refill(self, now)
  const granted = Math.min(count, Math.floor(tokens))
  return { granted, rate: { tokens: tokens - granted, updatedAt } }
}
