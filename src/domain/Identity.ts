/**
 * Who a peer is, as far as it has proved that.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The certificate that a peer showed in a TLS handshake. It has proved that it has the key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Certificate {
  /** SHA-256 of the whole certificate: 64 hex digits in lower case. */
  readonly fingerprint: string
  /** The `CN` of the subject; `undefined` where there is none or more than one. */
  readonly commonName: string | undefined
  /** The subject, one attribute a line: `CN=anna`. */
  readonly subject: string
  /** Who has signed it, in the same form. */
  readonly issuer: string
  /** Whether the authorities of the listener (`ca`) vouch for it. All else that it says is worth nothing without that. */
  readonly isTrusted: boolean
}

/**
 * Who a peer is.
 *
 * - `Anonymous`: it has proved nothing.
 * - `CookieHolder`: it logged in with the cookie, so it can read the file.
 * - `CertificateHolder`: it has the key of a certificate that is trusted.
 * - `Named`: an authorizer of the program knows it by this name.
 *
 * **Example** (A name for each)
 *
 * ```ts
 * import { Identity } from "effect-flowee"
 *
 * const nameOf = Identity.Identity.$match({
 *   Anonymous: () => "somebody",
 *   CookieHolder: () => "the operator",
 *   CertificateHolder: ({ certificate }) => certificate.commonName ?? certificate.fingerprint,
 *   Named: ({ name }) => name
 * })
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export type Identity = Data.TaggedEnum<{
  Anonymous: {}
  CookieHolder: {}
  CertificateHolder: { readonly certificate: Certificate }
  Named: { readonly name: string }
}>

/**
 * Constructors and matchers of identities.
 *
 * @category constructors
 * @since 0.1.0
 */
export const Identity = Data.taggedEnum<Identity>()

/**
 * One who has proved nothing.
 *
 * @category constructors
 * @since 0.1.0
 */
export const anonymous: Identity = Identity.Anonymous()
