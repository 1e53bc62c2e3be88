/**
 * Work that may be too long for one turn of an event loop: a generator that pauses now and then.
 *
 * @stability unstable
 * @since 0.1.0
 */

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
