/**
 * What the peer of a TLS socket has proved about itself.
 */
import type * as Net from "node:net"
import * as Tls from "node:tls"
import type * as Identity from "../../domain/Identity.ts"

/** The certificate of the peer; `undefined` without one, and for one that Node cannot read. @internal */
export const ofPeer = (socket: Net.Socket): Identity.Certificate | undefined => {
  if (!(socket instanceof Tls.TLSSocket)) return undefined
  try {
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) return undefined
    return {
      fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
      commonName: commonNameIn(certificate.toLegacyObject().subject),
      subject: certificate.subject,
      issuer: certificate.issuer,
      // Of a session that is resumed Node says so even if there was no certificate, but then there is none here.
      isTrusted: socket.authorized
    }
  } catch {
    return undefined
  }
}

const commonNameIn = (subject: Partial<Tls.Certificate> | undefined): string | undefined => {
  const name: unknown = subject?.CN
  return typeof name === "string" ? name : undefined
}
