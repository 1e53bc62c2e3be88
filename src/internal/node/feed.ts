/**
 * Gives bytes that Node has read into memory of its own to a receiver that wants them in its memory.
 */

/** @internal */
export interface Target {
  /** `false` once the receiver has paused or left. */
  readonly isReading: boolean
  readonly memory: () => Uint8Array
  readonly onRead: (count: number) => void
}

/**
 * Copies `chunk` piece by piece while the target reads, and returns how many bytes it has taken. A target that still
 * reads then has offered no memory.
 *
 * @internal
 */
export const feed = (chunk: Uint8Array, target: Target): number => {
  let at = 0
  while (at < chunk.length && target.isReading) {
    const memory = target.memory()
    const count = Math.min(memory.length, chunk.length - at)
    if (count === 0) break
    memory.set(count === chunk.length ? chunk : chunk.subarray(at, at + count))
    at += count
    target.onRead(count)
  }
  return at
}
