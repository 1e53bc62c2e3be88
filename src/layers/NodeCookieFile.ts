/**
 * Cookie files on Node.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Layer from "effect/Layer"
import * as process from "node:process"
import * as CookieFile from "../services/CookieFile.ts"

/**
 * Provides the cookie of a file.
 *
 * **Example** (A server and its clients)
 *
 * ```ts
 * import * as NodeCookieFile from "effect-flowee/NodeCookieFile"
 *
 * const Cookie = NodeCookieFile.layer({ path: "/var/lib/hub/.cookie" })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: CookieFile.Options): Layer.Layer<CookieFile.CookieFile> =>
  CookieFile.layer({ ...options, checkMode: options.checkMode ?? process.platform !== "win32" }).pipe(
    Layer.provide([NodeFileSystem.layer, SecureRandom.layerWebCrypto])
  )
