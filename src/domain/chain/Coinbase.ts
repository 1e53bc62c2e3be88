/**
 * The first transaction of a block, which creates money and takes the fees.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"
import * as HashHex from "../p2p/HashHex.ts"
import * as Script from "./Script.ts"
import * as Transaction from "./Transaction.ts"

/**
 * How many blocks pass on regtest until the subsidy is halved.
 *
 * @category constants
 * @since 0.1.0
 */
export const halvingInterval = 150

const firstSubsidy = 5_000_000_000n

/**
 * How much money a block of regtest may create, in satoshis.
 *
 * @category getters
 * @since 0.1.0
 */
export const subsidy = (height: number): bigint => firstSubsidy >> BigInt(Math.floor(height / halvingInterval))

/**
 * After how many blocks a coinbase may be spent: it has to be that far below the block that spends it.
 *
 * @category constants
 * @since 0.1.0
 */
export const maturity = 100

const heightPush = (height: number): Uint8Array => Auth.encodeDataPush(Auth.bigIntToVmNumber(BigInt(height)))

/**
 * Tells whether the script of a coinbase begins with the height of its block (BIP 34).
 *
 * @category guards
 * @since 0.1.0
 */
export const hasHeight = (script: Uint8Array, height: number): boolean => {
  const push = heightPush(height)
  return HashHex.equals(script.subarray(0, push.length), push)
}

/** The script has that length at any height, so that a coinbase that pays an address has 100 bytes: once the least. */
const scriptLength = 15

const label = Auth.utf8ToBin("effecthub")

const makeScript = (height: number): Uint8Array => {
  const script = new Uint8Array(scriptLength)
  const push = heightPush(height)
  script.set(push)
  script[push.length] = scriptLength - push.length - 1
  script.set(label, push.length + 1)
  return script
}

/**
 * Makes the coinbase of the block at a height, which pays to the hash of a public key.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly height: number
  /** The 20 bytes of a P2PKH address. */
  readonly address: Uint8Array
  /** Subsidy and fees together, in satoshis. */
  readonly amount: bigint
}): Transaction.Transaction =>
  Transaction.make({
    version: 2,
    inputs: [{ txId: HashHex.zero, index: 0xffff_ffff, script: makeScript(options.height), sequence: 0xffff_ffff }],
    outputs: [{ amount: options.amount, script: Script.payToAddress(options.address) }],
    lockTime: 0
  })
