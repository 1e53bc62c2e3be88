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

/** Certificates that sign themselves. Both say that they are anna's; only the listeners of tests know which one is. */
export const anna = { cert: fixture("anna.cert.pem"), key: fixture("anna.key.pem") }
export const mallory = { cert: fixture("mallory.cert.pem"), key: fixture("mallory.key.pem") }

/** The passphrase of `lockedKey`, which is anna's. */
export const passphrase = "correct-horse-battery-staple"
export const lockedKey = fixture("anna.locked.pem")
