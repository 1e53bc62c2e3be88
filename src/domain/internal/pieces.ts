/**
 * Work that may be too long for one turn of an event loop: a generator that pauses now and then.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * Adds up work. Says whether it is time for a pause before some more: when that would make more than a limit.
 *
 * @category constructors
 * @since 0.1.0
 */
export const meter = (limit: number): (amount: number) => boolean => {
  let sum = 0
  return (amount) => {
    const isTime = sum > 0 && sum + amount > limit
    sum = isTime ? amount : sum + amount
    return isTime
  }
}

/**
 * Does all of it in one go.
 *
 * @category running
 * @since 0.1.0
 */
export const runSync = <A>(pieces: Generator<void, A>): A => {
  let step = pieces.next()
  while (step.done !== true) step = pieces.next()
  return step.value
}
