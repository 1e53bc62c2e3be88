/**
 * The tags of the values in the bodies of Hub messages.
 *
 * The first ten mean the same everywhere; the others are those of the message that they are named after. Hashes are 32
 * bytes in internal order. Source: the Hub API.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * Ends one record of a list; always `true`.
 *
 * @category constants
 * @since 0.1.0
 */
export const separator = 0

/**
 * What a message is mainly about, where no other tag fits: bytes or a string.
 *
 * @category constants
 * @since 0.1.0
 */
export const genericData = 1

/**
 * The 20 byte hash of a P2PKH address.
 *
 * @category constants
 * @since 0.1.0
 */
export const address = 2

/**
 * The 32 bytes of a private key.
 *
 * @category constants
 * @since 0.1.0
 */
export const privateKey = 3

/**
 * The id of a transaction.
 *
 * @category constants
 * @since 0.1.0
 */
export const txId = 4

/**
 * The hash of a block.
 *
 * @category constants
 * @since 0.1.0
 */
export const blockHash = 5

/**
 * An amount in satoshis.
 *
 * @category constants
 * @since 0.1.0
 */
export const amount = 6

/**
 * The height of a block; 0 is the first one.
 *
 * @category constants
 * @since 0.1.0
 */
export const blockHeight = 7

/**
 * Where a transaction starts in its block, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const offsetInBlock = 8

/**
 * The SHA-256 of an output script.
 *
 * @category constants
 * @since 0.1.0
 */
export const scriptHash = 9

/**
 * Why a command failed, as text for people.
 *
 * @category constants
 * @since 0.1.0
 */
export const failedReason = 20

/**
 * The service that a failed command was for.
 *
 * @category constants
 * @since 0.1.0
 */
export const failedServiceId = 21

/**
 * The message id of a failed command.
 *
 * @category constants
 * @since 0.1.0
 */
export const failedCommandId = 22

/**
 * The name of the block chain: main, test, testnet4, scalenet or regtest.
 *
 * @category constants
 * @since 0.1.0
 */
export const chain = 67

/**
 * How many blocks the best chain has, the first one not counted.
 *
 * @category constants
 * @since 0.1.0
 */
export const blocks = 68

/**
 * How many headers the best chain has, the first one not counted.
 *
 * @category constants
 * @since 0.1.0
 */
export const headers = 69
