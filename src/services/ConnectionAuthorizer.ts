/**
 * Decides who may connect to a listener, before anything is read from a newcomer, and checks logins.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as LoginCookie from "../domain/LoginCookie.ts"
import type * as Message from "../domain/Message.ts"
import * as CookieFile from "./CookieFile.ts"

/**
 * A connection that has just been made to a listener.
 *
 * @category models
 * @since 0.1.0
 */
export interface Newcomer {
  readonly remoteAddress: NetAddress.SocketAddress
  readonly localAddress: NetAddress.SocketAddress
}

/**
 * What becomes of a newcomer.
 *
 * - `Accept`: its messages are handled.
 * - `AcceptForLogin`: its first message goes to `checkLogin` and to nothing else; the others are handled after it passed.
 * - `Reject`: it is closed.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = "Accept" | "AcceptForLogin" | "Reject"

/**
 * The decision about newcomers. One that fails or dies is logged, and the newcomer is closed without being punished.
 *
 * @category models
 * @since 0.1.0
 */
export interface Authorizer {
  /** What becomes of a newcomer. Without an answer within `loginTimeout` it is turned away. */
  readonly authorize: (newcomer: Newcomer) => Effect.Effect<Verdict, unknown>
  /**
   * Whether the first message of a newcomer is a good login; for one that is not, its address is punished. From the
   * acceptance to the end of the check there is `loginTimeout`, and 64 KB for the peer to send. Do not log the message's
   * body.
   */
  readonly checkLogin: (message: Message.Message, newcomer: Newcomer) => Effect.Effect<boolean, unknown>
}

/**
 * Lets everybody in.
 *
 * @category constructors
 * @since 0.1.0
 */
export const acceptAll: Authorizer = {
  authorize: () => Effect.succeed("Accept"),
  checkLogin: () => Effect.succeed(true)
}

/**
 * Lets in who logs in with the cookie of a file, which is made when it is missing (wire format, section 3).
 *
 * @category constructors
 * @since 0.1.0
 */
export const cookie = (file: CookieFile.CookieFile["Service"]): Effect.Effect<Authorizer, CookieFile.CookieError> =>
  Effect.as(file.obtain, {
    authorize: () => Effect.succeed("AcceptForLogin"),
    checkLogin: (message) =>
      Effect.map(file.obtain, (expected) =>
        Result.match(LoginCookie.read(message), {
          onSuccess: (found) => LoginCookie.equals(expected, found),
          onFailure: () => false
        }))
  })

/**
 * The decision that listeners use which are given no other. By default everybody is let in.
 *
 * @category references
 * @since 0.1.0
 */
export const ConnectionAuthorizer: Context.Reference<Authorizer> = Context.Reference<Authorizer>(
  "effect-flowee/ConnectionAuthorizer",
  { defaultValue: () => acceptAll }
)

/**
 * Makes all listeners that are built with it use an authorizer.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (authorizer: Authorizer): Layer.Layer<never> => Layer.succeed(ConnectionAuthorizer, authorizer)

/**
 * Makes all listeners that are built with it demand the cookie of `CookieFile`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCookie: Layer.Layer<never, CookieFile.CookieError, CookieFile.CookieFile> = Layer.effect(
  ConnectionAuthorizer,
  Effect.flatMap(CookieFile.CookieFile, cookie)
)
