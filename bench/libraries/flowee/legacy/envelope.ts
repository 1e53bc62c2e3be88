/**
 * effect-flowee: the legacy envelope as both sides of the `loop delay` workload use it.
 */
import * as LegacyEnvelope from "../../../../src/domain/LegacyEnvelope.ts"
import * as Network from "../../../../src/domain/Network.ts"
import * as NodeHash256 from "../../../../src/layers/NodeHash256.ts"

const { magic } = Network.regtest

/** What a client receives with: bodies over `deferAbove` bytes are verified on threads. */
export const receiving = (deferAbove: number) =>
  LegacyEnvelope.make({ magic, hash256: NodeHash256.hash256, deferAbove })

/** What the server sends with. It sends one body again and again, and hashes it once: its own cost is not the point. */
export const sending = () => {
  const known = new WeakMap<Uint8Array, Uint8Array>()
  return LegacyEnvelope.make({
    magic,
    hash256: (bytes) => {
      const hash = known.get(bytes) ?? NodeHash256.hash256(bytes)
      known.set(bytes, hash)
      return hash
    }
  })
}
