/**
 * Double SHA-256 by Node.js.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Layer from "effect/Layer"
import * as Node from "../internal/node/hash256.ts"
import * as Hash256 from "../services/Hash256.ts"

/**
 * Computes the hash by `node:crypto`: 32 bytes in new memory.
 *
 * @category hashing
 * @since 0.1.0
 */
export const hash256: (bytes: Uint8Array) => Uint8Array = Node.hash256

/**
 * Provides `Hash256` by `node:crypto`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Hash256.Hash256> = Layer.succeed(Hash256.Hash256, { hash256 })
