/**
 * Rules that a transaction follows whatever it spends.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as HashHex from "../p2p/HashHex.ts"
import * as Transaction from "./Transaction.ts"
import * as TransactionRefused from "./TransactionRefused.ts"

/**
 * All money that there can be, in satoshis. No sum may be above it.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxMoney = 2_100_000_000_000_000n

/**
 * The bytes that a transaction in a block may have, from and to.
 *
 * @category constants
 * @since 0.1.0
 */
export const sizes = { minimum: 65, maximum: 1_000_000 } as const

/**
 * The most bytes of a transaction that nodes pass on.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxStandardSize = 100_000

/**
 * The first rule that a transaction breaks by itself; `undefined` when it is sound.
 *
 * @category validation
 * @since 0.1.0
 */
export const findFault = (
  self: Transaction.Transaction
): TransactionRefused.TransactionRefused | undefined => {
  const rule = findSizeFault(self) ?? findOutputFault(self) ?? findInputFault(self)
  return rule === undefined ? undefined : TransactionRefused.invalid(rule)
}

const findSizeFault = ({ bytes, inputs, outputs }: Transaction.Transaction): string | undefined => {
  if (inputs.length === 0) return "bad-txns-vin-empty"
  if (outputs.length === 0) return "bad-txns-vout-empty"
  if (bytes.length > sizes.maximum) return "bad-txns-oversize"
  return bytes.length < sizes.minimum ? "bad-txns-undersize" : undefined
}

const findOutputFault = ({ outputs }: Transaction.Transaction): string | undefined => {
  let total = 0n
  for (const { amount } of outputs) {
    if (amount > maxMoney) return "bad-txns-vout-toolarge"
    total += amount
  }
  return total > maxMoney ? "bad-txns-txouttotal-toolarge" : undefined
}

const findInputFault = (self: Transaction.Transaction): string | undefined => {
  if (Transaction.isCoinbase(self)) {
    const { length } = self.inputs[0].script
    return length < 2 || length > 100 ? "bad-cb-length" : undefined
  }
  const spent = new Set<string>()
  for (const input of self.inputs) {
    if (Transaction.isNull(input)) return "bad-txns-prevout-null"
    const key = `${HashHex.format(input.txId)}:${input.index}`
    if (spent.has(key)) return "bad-txns-inputs-duplicate"
    spent.add(key)
  }
  return undefined
}

/**
 * The block that a transaction is to be in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly height: number
  /** The median time of the eleven blocks before it, in seconds since 1970. */
  readonly medianTimePast: number
}

/** Lock times below it are heights, others are times. */
const firstTime = 500_000_000

/**
 * Tells whether the lock time of a transaction lets it be in a block (BIP 113).
 *
 * @category guards
 * @since 0.1.0
 */
export const isFinal = ({ inputs, lockTime }: Transaction.Contents, place: Place): boolean =>
  lockTime < (lockTime < firstTime ? place.height : place.medianTimePast) ||
  inputs.every(({ sequence }) => sequence === 0xffff_ffff)
