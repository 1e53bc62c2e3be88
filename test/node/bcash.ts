/**
 * The package `bcash` as far as it is used here: it has no types of its own.
 */
import { createRequire } from "node:module"
import * as Path from "node:path"
import process from "node:process"

export interface Address {
  readonly hash: Buffer
}

export interface Script {
  /** Whom it pays, where that has an address. */
  readonly getAddress: () => Address | null
  readonly raw: Buffer
}

export interface Coin {
  readonly hash: Buffer
  readonly index: number
  readonly height: number
  readonly value: number
  readonly script: Script
}

export interface TX {
  readonly inputs: ReadonlyArray<{ readonly prevout: { readonly hash: Buffer; readonly index: number } }>
  readonly outputs: ReadonlyArray<{ readonly value: number; readonly script: Script }>
  readonly hash: () => Buffer
  readonly txid: () => string
  readonly toRaw: () => Buffer
}

export interface MTX {
  readonly addCoin: (coin: Coin) => void
  readonly addOutput: (output: { readonly script: Script; readonly value: number }) => void
  readonly sign: (ring: KeyRing) => number
  readonly toTX: () => TX
}

export interface KeyRing {
  readonly getAddress: () => Address
}

export interface Block {
  readonly txs: ReadonlyArray<TX>
  readonly hash: () => Buffer
  readonly toRaw: () => Buffer
}

export interface ChainEntry {
  readonly hash: Buffer
  readonly height: number
}

export interface Chain {
  readonly tip: ChainEntry
  readonly height: number
  readonly add: (block: Block) => Promise<ChainEntry | null>
  readonly getEntryByHeight: (height: number) => Promise<ChainEntry | null>
  readonly getHash: (height: number) => Promise<Buffer | null>
  readonly getBlock: (hash: Buffer) => Promise<Block | null>
  readonly getCoin: (hash: Buffer, index: number) => Promise<Coin | null>
}

/** A refusal of a transaction or block. */
export interface VerifyError extends Error {
  readonly type: "VerifyError"
  readonly code: string
  readonly reason: string
}

export interface Mempool {
  readonly map: { readonly keys: () => Iterable<Buffer> }
  readonly getTX: (hash: Buffer) => TX | null
  readonly isSpent: (hash: Buffer, index: number) => boolean
  /** Gives the hashes of unknown transactions whose outputs are spent, or fails with a `VerifyError`. */
  readonly addTX: (tx: TX) => Promise<ReadonlyArray<Buffer> | null>
}

export interface Peer {
  readonly id: number
  readonly next: Peer | null
  readonly outbound: boolean
  readonly handshake: boolean
  readonly connected: boolean
  readonly version: number
  readonly services: number
  readonly agent: string | null
  readonly height: number
  readonly preferHeaders: boolean
  readonly spvFilter: object | null
  readonly banScore: number
  readonly hostname: () => string
  readonly destroy: () => void
  readonly once: (event: "connect" | "close", listener: () => void) => void
  readonly on: (event: "error", listener: (error: Error) => void) => void
}

export interface Pool {
  readonly options: { port: number }
  readonly hosts: { readonly banned: Map<string, number> }
  readonly peers: {
    readonly head: () => Peer | null
    readonly find: (id: number) => Peer | undefined
    readonly add: (peer: Peer) => void
  }
  readonly createOutbound: (address: object) => Peer
  readonly on: (event: "listening", listener: (address: { readonly port: number }) => void) => void
}

export interface Miner {
  /** Whose transactions go into blocks. */
  mempool: Mempool | null
  readonly mineBlock: (previous: ChainEntry, address: Address) => Promise<Block>
}

export interface Network {
  now: () => number
}

export interface FullNode {
  readonly chain: Chain
  readonly mempool: Mempool
  readonly pool: Pool
  readonly miner: Miner
  readonly network: Network
  readonly http: object
  readonly logger: { readonly logger: Logger }
  readonly open: () => Promise<void>
  readonly connect: () => Promise<void>
  readonly startSync: () => void
}

export interface Logger {
  readonly fmt: (args: ReadonlyArray<unknown>, colors: boolean) => string
}

export interface Bcash {
  readonly FullNode: new(options: object) => FullNode
  readonly MTX: new() => MTX
  readonly TX: { readonly fromRaw: (raw: Buffer) => TX }
  readonly KeyRing: { readonly fromPrivate: (key: Buffer, compress: boolean) => KeyRing }
  readonly Address: { readonly fromString: (text: string, network: Network) => Address }
  readonly Script: { readonly fromRaw: (raw: Buffer) => Script; readonly fromAddress: (address: Address) => Script }
  readonly Peer: { INV_INTERVAL: number }
  readonly net: { readonly NetAddress: { readonly fromHostname: (hostname: string, network: Network) => object } }
}

/**
 * Loads the package, which was installed without building its native parts: hashing falls back to JavaScript, and
 * LevelDB, for which there is no fallback, is never opened by a node in memory.
 *
 * @param from the URL of a module that it is installed for
 */
export const load = (from: string = import.meta.url): Bcash => {
  process.env["NODE_BACKEND"] = "js"
  const require = createRequire(from)
  const level = Path.join(Path.dirname(require.resolve("bdb")), "level.js")
  require.cache[level] = { id: level, filename: level, loaded: true, exports: () => {} } as unknown as NodeJS.Module
  return require("bcash") as Bcash
}
