/**
 * The hash that Bitcoin Cash uses nearly everywhere: SHA-256 of SHA-256.
 *
 * `NodeHash256` provides the fast one on Node.js; {@link layer} works everywhere.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * Computes hashes at once, on the caller's event loop. Large inputs belong on a thread: see `WorkerThreads`.
 *
 * @category services
 * @since 0.1.0
 */
export class Hash256 extends Context.Service<Hash256, {
  /** The 32 bytes of the hash, in new memory. */
  readonly hash256: (bytes: Uint8Array) => Uint8Array
}>()("effect-flowee/Hash256") {}

/**
 * Provides the hash of `@bitauth/libauth`, in WebAssembly.
 *
 * **Details**
 *
 * It takes about 1.5 us for a few bytes and 6 ms for a megabyte; that of Node.js takes 0.6 us and 0.7 ms.
 * The library is loaded when the layer is built.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Hash256> = Layer.effect(
  Hash256,
  Effect.map(Effect.promise(() => import("@bitauth/libauth")), ({ sha256 }) => ({
    hash256: (bytes: Uint8Array) => sha256.hash(sha256.hash(bytes))
  }))
)
