/**
 * How often one address may connect (network manager behaviour, "Listening").
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * When the connections of one address were accepted, in milliseconds, the oldest first. Those older than
 * {@link memory} are forgotten.
 *
 * @category models
 * @since 0.1.0
 */
export type History = ReadonlyArray<number>

/**
 * How long an accepted connection is remembered, in milliseconds.
 *
 * @category constants
 * @since 0.1.0
 */
export const memory = 90_000

/**
 * An address that has not connected yet.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: History = []

/**
 * Drops what is too old to matter.
 *
 * @category combinators
 * @since 0.1.0
 */
export const prune = (history: History, now: number): History => history.filter((at) => now - at < memory)

/**
 * Whether the address may connect now.
 *
 * **Details**
 *
 * Within 10 s of the last connection it may only when there was just one in those 10 s, at most one in the 20 s before
 * and at most two in the 60 s before that.
 *
 * @category guards
 * @since 0.1.0
 */
export const allows = (history: History, now: number): boolean => {
  const between = (from: number, to: number) => history.filter((at) => now - at >= from && now - at < to).length
  const recent = between(0, 10_000)
  return recent === 0 || (recent === 1 && between(10_000, 30_000) <= 1 && between(30_000, 90_000) <= 2)
}

/**
 * Notes an accepted connection.
 *
 * @category combinators
 * @since 0.1.0
 */
export const accepted = (history: History, now: number): History => [...prune(history, now), now]
