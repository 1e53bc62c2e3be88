/**
 * Rules between a transaction and the outputs that it spends, other than that its scripts unlock them.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Coinbase from "./Coinbase.ts"
import * as Transaction from "./Transaction.ts"
import * as TransactionRefused from "./TransactionRefused.ts"
import * as TransactionRules from "./TransactionRules.ts"

/**
 * An output that nobody has spent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Coin extends Transaction.Output {
  /** The height of its block. An output in the mempool has that of the next block. */
  readonly height: number
  readonly isCoinbase: boolean
}

/**
 * The block that a transaction is to be in.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place extends TransactionRules.Place {
  /** The median time of the block at that height and the ten before it, for heights before this block. */
  readonly medianTimeAt: (height: number) => number
}

/**
 * Gives the fee of a transaction in satoshis, or the first rule that it breaks. The coins are those of its inputs, in order.
 *
 * @category validation
 * @since 0.1.0
 */
export const check = (
  self: Transaction.Contents,
  coins: ReadonlyArray<Coin>,
  place: Place
): Result.Result<bigint, TransactionRefused.TransactionRefused> => {
  if (!TransactionRules.isFinal(self, place)) return Result.fail(TransactionRefused.nonStandard("bad-txns-nonfinal"))
  if (!isOldEnough(self, coins, place)) return Result.fail(TransactionRefused.nonStandard("non-BIP68-final"))
  if (coins.some((coin) => isImmature(coin, place))) return invalid("bad-txns-premature-spend-of-coinbase")
  const amount = coins.reduce((sum, coin) => sum + coin.amount, 0n)
  if (amount > TransactionRules.maxMoney) return invalid("bad-txns-inputvalues-outofrange")
  const fee = amount - Transaction.amount(self)
  return fee < 0n ? invalid("bad-txns-in-belowout") : Result.succeed(fee)
}

const invalid = (rule: string) => Result.fail(TransactionRefused.invalid(rule))

const isImmature = (coin: Coin, place: Place): boolean =>
  coin.isCoinbase && place.height - coin.height < Coinbase.maturity

const disabled = 0x8000_0000

const inTime = 0x40_0000

const age = 0xffff

/** Whether the coins have the ages that the sequence numbers demand (BIP 68). */
const isOldEnough = (self: Transaction.Contents, coins: ReadonlyArray<Coin>, place: Place): boolean =>
  self.version < 2 || self.inputs.every(({ sequence }, i) => {
    if ((sequence & disabled) !== 0) return true
    const { height } = coins[i]
    return (sequence & inTime) === 0
      ? place.height >= height + (sequence & age)
      : place.medianTimePast >= place.medianTimeAt(Math.max(0, height - 1)) + (sequence & age) * 512
  })
