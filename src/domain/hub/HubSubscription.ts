/**
 * What the subscriptions of the Hub API have in common.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Wire from "../Wire.ts"

/**
 * The answer to a subscription, and to its end.
 *
 * @category models
 * @since 0.1.0
 */
export const Result = Schema.Struct({
  /** How many of the hashes were taken. */
  count: Schema.Natural.pipe(Wire.tag(21)),
  /** Why some were not. */
  error: Schema.optionalKey(Schema.String).pipe(Wire.tag(20))
})

/**
 * The fields of a double spend: one of the two is there.
 *
 * @category fields
 * @since 0.1.0
 */
export const doubleSpend = {
  /** The double-spend proof. */
  proof: Schema.optionalKey(Schema.Uint8Array).pipe(Wire.tag(22)),
  /** The other transaction that spends the same. */
  transaction: Schema.optionalKey(Schema.Uint8Array).pipe(Wire.tag(23))
}
