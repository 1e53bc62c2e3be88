/**
 * Makes a failing input small: pieces are left out, then bytes become zero, as long as it fails.
 */

/** How often an input is tried at most, and how long it may take. */
const mostTries = 3000
const mostMilliseconds = 20_000

export const minimise = async (
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>
): Promise<Uint8Array> => {
  const until = performance.now() + mostMilliseconds
  let smallest = input
  let tries = 0
  const take = async (candidate: Uint8Array): Promise<boolean> => {
    if (tries++ >= mostTries || performance.now() > until || !(await fails(candidate))) return false
    smallest = candidate
    return true
  }
  const isOver = () => tries >= mostTries || performance.now() > until
  for (let size = Math.max(1, input.length >> 1); size >= 1 && !isOver(); size = size >> 1) {
    for (let at = 0; at < smallest.length && !isOver();) {
      const without = new Uint8Array(Math.max(smallest.length - size, at))
      without.set(smallest.subarray(0, at))
      without.set(smallest.subarray(at + size), at)
      if (!(await take(without))) at += size
    }
  }
  for (let at = 0; at < smallest.length && !isOver(); at++) {
    if (smallest[at] === 0) continue
    const zeroed = smallest.slice()
    zeroed[at] = 0
    await take(zeroed)
  }
  return smallest
}
