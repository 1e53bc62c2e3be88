/**
 * What an item of `inv`, `getdata` and `notfound` names. Other types than these may arrive; they are to be skipped.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * A transaction, by its id.
 *
 * @category constants
 * @since 0.1.0
 */
export const transaction = 1

/**
 * A block, by the hash of its header.
 *
 * @category constants
 * @since 0.1.0
 */
export const block = 2

/**
 * A block as seen through the filter of the connection: BIP 37. It is asked for and never announced.
 *
 * @category constants
 * @since 0.1.0
 */
export const merkleBlock = 3

/**
 * A compact block: BIP 152.
 *
 * @category constants
 * @since 0.1.0
 */
export const compactBlock = 4

/**
 * A proof that an output was spent twice, by the double SHA-256 of the proof.
 *
 * @category constants
 * @since 0.1.0
 */
export const doubleSpendProof = 0x94a0

const names: ReadonlyMap<number, string> = new Map([
  [transaction, "transaction"],
  [block, "block"],
  [merkleBlock, "merkle block"],
  [compactBlock, "compact block"],
  [doubleSpendProof, "double-spend proof"]
])

/**
 * Writes a type for people.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (type: number): string => names.get(type) ?? `type ${type}`
