import * as Fs from "node:fs"
import type * as NodeTransport from "../../src/layers/NodeTransport.ts"

const fixture = (name: string): string => Fs.readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8")

/** A certificate for localhost and 127.0.0.1 that signs itself. */
export const cert = fixture("cert.pem")
export const key = fixture("key.pem")

export const tlsOptions: NodeTransport.TlsOptions = {
  client: { ca: cert, servername: "localhost" },
  server: { cert, key }
}
