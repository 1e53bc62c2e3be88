/**
 * The package `bcash` as far as it is used here: it has no types of its own.
 */
import { createRequire } from "node:module"
import * as Bcash from "../../../test/node/bcash.ts"

export interface Entry {
  readonly height: number
}

export interface Pool {
  readonly options: { checkpoints: boolean }
  /** Headers up to the next checkpoint, of which the blocks are still to come. */
  readonly headerChain: { readonly tail: Entry }
  handleHeaders: (peer: object, packet: object) => Promise<void>
}

export interface SpvNode {
  readonly chain: { readonly height: number; readonly on: (event: "connect", listener: (entry: Entry) => void) => void }
  readonly pool: Pool
  readonly http: object
  readonly network: { checkpoints: ReadonlyArray<{ readonly hash: Buffer; readonly height: number }> }
  readonly open: () => Promise<void>
  readonly connect: () => Promise<void>
  readonly startSync: () => void
}

export interface Package {
  readonly SPVNode: new(options: object) => SpvNode
  readonly Network: { readonly get: (name: string) => object }
}

/** Its native parts are not built, so it would hash in JavaScript: it gets the hash of `node:crypto` in place of that. */
export const load = (): Package => {
  const require = createRequire(import.meta.url)
  const hash256 = require.resolve("bcrypto/lib/hash256.js")
  const native: unknown = require("bcrypto/lib/node/hash256.js")
  require.cache[hash256] = { id: hash256, filename: hash256, loaded: true, exports: native } as NodeJS.Module
  return Bcash.load(import.meta.url) as unknown as Package
}
