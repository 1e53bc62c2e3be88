/**
 * What a script pushes onto the stack: the hashes, keys and signatures by which nodes find the transactions of a wallet.
 *
 * @stability unstable
 * @since 0.1.0
 */

const pushData1 = 0x4c
const pushData2 = 0x4d
const pushData4 = 0x4e

/** How many bytes say how long a push is, for the operations above those that are a length themselves. */
const lengthSizes: { readonly [operation: number]: number } = { [pushData1]: 1, [pushData2]: 2, [pushData4]: 4 }

const lengthAt = (script: Uint8Array, at: number, size: number): number => {
  let length = 0
  for (let i = size - 1; i >= 0; i--) length = length * 256 + script[at + i]
  return length
}

/**
 * The pushes of a script in their order, without those of nothing. A script that is broken somewhere gives what comes
 * before: nodes read it the same way. They are views of the script.
 *
 * @category getters
 * @since 0.1.0
 */
export const of = (script: Uint8Array): ReadonlyArray<Uint8Array> => {
  const pushes: Array<Uint8Array> = []
  let at = 0
  while (at < script.length) {
    const operation = script[at++]
    if (operation > pushData4) continue
    const size = lengthSizes[operation] ?? 0
    if (at + size > script.length) break
    const length = size === 0 ? operation : lengthAt(script, at, size)
    at += size
    if (at + length > script.length) break
    if (length > 0) pushes.push(script.subarray(at, at + length))
    at += length
  }
  return pushes
}
