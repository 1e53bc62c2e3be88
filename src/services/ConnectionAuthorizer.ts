/**
 * Decides who may connect to a listener, before anything is read from a newcomer, and checks logins. Its verdict says who
 * the peer is and what it may do.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import * as Identity from "../domain/Identity.ts"
import * as LoginCookie from "../domain/LoginCookie.ts"
import type * as Message from "../domain/Message.ts"
import * as Access from "./Access.ts"
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
  /** What it showed in the TLS handshake, where the listener asked for it (`requestCert`). */
  readonly certificate?: Identity.Certificate | undefined
}

/**
 * What becomes of a newcomer.
 *
 * - `Accept`: its messages are handled, as far as its access goes.
 * - `AwaitLogin`: its first message goes to `checkLogin` and to nothing else; the others are handled after it passed.
 *   With `otherwise` a peer may also do without: when its first message is to another service than that of logins
 *   (`LoginCookie.serviceId`), or does not come within `loginTimeout`, it has that access. A login that comes after that
 *   time ends the connection, and costs nothing.
 * - `Reject`: it is closed. The reason goes to the log, so there is no secret in it.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = Data.TaggedEnum<{
  Accept: { readonly access: Access.Access }
  AwaitLogin: { readonly otherwise: Access.Access | undefined }
  Reject: { readonly reason: string }
}>

/**
 * What becomes of a peer that has sent its login.
 *
 * @category models
 * @since 0.1.0
 */
export type LoginVerdict = Exclude<Verdict, { readonly _tag: "AwaitLogin" }>

/**
 * Constructors and matchers of verdicts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Verdict = Data.taggedEnum<Verdict>()

/**
 * Lets a peer in. Default: `Access.anonymous`.
 *
 * @category verdicts
 * @since 0.1.0
 */
export const accept = (access: Access.Access = Access.anonymous): LoginVerdict => Verdict.Accept({ access })

/**
 * Waits for a login. Those who send none are not let in, unless there is an access for them.
 *
 * @category verdicts
 * @since 0.1.0
 */
export const awaitLogin = (otherwise?: Access.Access): Verdict => Verdict.AwaitLogin({ otherwise })

/**
 * Lets a peer not in. The reason goes to the log.
 *
 * @category verdicts
 * @since 0.1.0
 */
export const reject = (reason: string): LoginVerdict => Verdict.Reject({ reason })

/**
 * What a newcomer may do of whom nothing is known but how it came: it is the holder of its certificate, when that is
 * trusted, and `Anonymous` otherwise.
 *
 * @category verdicts
 * @since 0.1.0
 */
export const accessOf = ({ certificate }: Newcomer): Access.Access =>
  certificate?.isTrusted === true
    ? Access.make({ identity: Identity.Identity.CertificateHolder({ certificate }) })
    : Access.anonymous

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
  readonly checkLogin: (message: Message.Message, newcomer: Newcomer) => Effect.Effect<LoginVerdict, unknown>
}

/**
 * Makes an authorizer that knows newcomers by how they came, and asks for no login.
 *
 * **Example** (Loopback may ask everything, the world one service)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Access, ConnectionAuthorizer } from "effect-flowee"
 * import { NetAddress } from "effect/net"
 *
 * const authorizer = ConnectionAuthorizer.make(({ remoteAddress }) => {
 *   const isLocal = NetAddress.isInetAddress(remoteAddress) && NetAddress.isLoopback(remoteAddress.address)
 *   return Effect.succeed(ConnectionAuthorizer.accept(isLocal ? Access.anonymous : Access.make({ services: [42] })))
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (authorize: (newcomer: Newcomer) => Effect.Effect<LoginVerdict, unknown>): Authorizer => ({
  authorize,
  checkLogin: () => Effect.succeed(reject("no login was asked for"))
})

/**
 * Lets everybody in, with the access of {@link accessOf}.
 *
 * @category constructors
 * @since 0.1.0
 */
export const acceptAll: Authorizer = make((newcomer) => Effect.succeed(accept(accessOf(newcomer))))

/**
 * Lets in who has a trusted certificate. The transport must ask for one (`requestCert`, see `NodeTransport.layerTls`);
 * what authorities vouch for it (`ca`) is up to the transport too.
 *
 * **Details**
 *
 * `access` says what the holder of a certificate may do, and `undefined` for one that is not let in. By default all may
 * do everything, as `CertificateHolder`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const certificate = (
  access: (certificate: Identity.Certificate) => Access.Access | undefined = (certificate) =>
    Access.make({ identity: Identity.Identity.CertificateHolder({ certificate }) })
): Authorizer =>
  make(({ certificate }) =>
    Effect.sync(() => {
      if (certificate === undefined) return reject("it has no certificate")
      if (!certificate.isTrusted) return reject("its certificate is not trusted")
      const granted = access(certificate)
      return granted === undefined
        ? reject(`the certificate ${certificate.fingerprint} is not for here`)
        : accept(granted)
    })
  )

/**
 * Options of a cookie login.
 *
 * @category models
 * @since 0.1.0
 */
export interface CookieOptions {
  /** The ids of the services that peers may address without a login. Default: none, and who does not log in is closed. */
  readonly open?: Iterable<number> | undefined
  /** What a peer may do that has logged in. Default: everything, as `CookieHolder`. */
  readonly access?: Access.Access | undefined
}

const cookieHolder: Access.Access = Access.make({ identity: Identity.Identity.CookieHolder() })

/**
 * Lets in who logs in with the cookie of a file, which is made when it is missing (wire format, section 3).
 *
 * @category constructors
 * @since 0.1.0
 */
export const cookie = (
  file: CookieFile.CookieFile["Service"],
  options: CookieOptions = {}
): Effect.Effect<Authorizer, CookieFile.CookieError> => {
  const { access = cookieHolder, open } = options
  const verdict = awaitLogin(open === undefined ? undefined : Access.make({ services: open }))
  return Effect.as(file.obtain, {
    authorize: () => Effect.succeed(verdict),
    checkLogin: (message) =>
      Effect.map(file.obtain, (expected) =>
        Result.match(LoginCookie.read(message), {
          onSuccess: (found) => LoginCookie.equals(expected, found) ? accept(access) : reject("another cookie"),
          onFailure: (error) => reject(error.message)
        }))
  })
}

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
  Effect.flatMap(CookieFile.CookieFile, (file) => cookie(file))
)

/**
 * As {@link layerCookie}, with options.
 *
 * **Example** (One service is open to all)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { ConnectionAuthorizer, NodeCookieFile } from "effect-flowee"
 *
 * const Login = ConnectionAuthorizer.layerCookieWith({ open: [42] }).pipe(
 *   Layer.provide(NodeCookieFile.layer({ path: "/var/lib/hub/.cookie" }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerCookieWith = (
  options: CookieOptions
): Layer.Layer<never, CookieFile.CookieError, CookieFile.CookieFile> =>
  Layer.effect(ConnectionAuthorizer, Effect.flatMap(CookieFile.CookieFile, (file) => cookie(file, options)))
