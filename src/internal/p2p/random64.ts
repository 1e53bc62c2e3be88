/**
 * Random numbers of 64 bits: the nonces of handshakes and pings.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

const half = Random.nextIntBetween(0, 0x1_0000_0000, { halfOpen: true })

/** @internal */
export const next: Effect.Effect<bigint> = Effect.map(
  Effect.all([half, half]),
  ([high, low]) => (BigInt(high) << 32n) | BigInt(low)
)
