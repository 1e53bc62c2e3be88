/**
 * Output scripts: who may spend an output, as addresses and Hubs know them.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"

/**
 * The script that pays to an address, given as the 20 bytes of the hash of its public key (P2PKH).
 *
 * @category constructors
 * @since 0.1.0
 */
export const payToAddress = (address: Uint8Array): Uint8Array => Auth.encodeLockingBytecodeP2pkh(address)

/**
 * The hash of the public key that a script pays to; `undefined` when it is not of that kind (P2PKH).
 *
 * @category getters
 * @since 0.1.0
 */
export const addressOf = (script: Uint8Array): Uint8Array | undefined =>
  Auth.isPayToPublicKeyHash(script) ? script.slice(3, 23) : undefined

/**
 * The name that a script has in requests to a Hub: its SHA-256, taken once (the Hub API, tag 9).
 *
 * @category getters
 * @since 0.1.0
 */
export const hash = (script: Uint8Array): Uint8Array => Auth.sha256.hash(script)

const opReturn = 0x6a

/**
 * Tells whether nobody can ever spend an output with this script, so that there is no need to remember it.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUnspendable = (script: Uint8Array): boolean => script[0] === opReturn || script.length > 10_000
