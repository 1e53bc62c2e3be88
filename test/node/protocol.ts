/**
 * What the tests and the process of the node say to each other: one line of JSON each, requests on its standard input,
 * answers in the same order on its standard output. The first line of output is `Ready`.
 *
 * Hashes are in hexadecimal digits and reversed, as they are shown everywhere; raw bytes are in hexadecimal digits as
 * they are; amounts are in satoshis.
 */

export interface Tip {
  readonly height: number
  readonly hash: string
}

/** It listens, and its first blocks are mined. */
export interface Ready {
  readonly port: number
  readonly tip: Tip
}

export interface PeerInfo {
  readonly id: number
  /** `HOST:PORT` of the other side. */
  readonly endPoint: string
  /** Whether the node dialled it. */
  readonly outbound: boolean
  /** Whether `version` and `verack` went both ways. */
  readonly handshake: boolean
  /** Of its `version`: -1 before that came. */
  readonly version: number
  readonly services: number
  readonly userAgent: string
  /** Of its `version`: -1 before that came. */
  readonly height: number
  /** Whether it sent `sendheaders`. */
  readonly wantsHeaders: boolean
  /** Whether it loaded a bloom filter. */
  readonly hasFilter: boolean
  /** At 100 its address is banned. */
  readonly banScore: number
}

/** Where a payment goes: a cash address, or a script in hexadecimal digits. */
export type Payee = { readonly address: string } | { readonly script: string }

export interface Payment {
  readonly payee: Payee
  readonly amount: number
  /** Of the whole transaction. */
  readonly fee: number
  /** Whether it goes to the mempool, and from there to the peers. */
  readonly broadcast: boolean
}

export interface Paid {
  readonly txid: string
  readonly raw: string
  /** The coin that it spends: one of the first that the node mined and has not spent yet. */
  readonly coin: { readonly txid: string; readonly index: number }
}

/** What the mempool says to a transaction. */
export type Submitted =
  | { readonly _tag: "Accepted"; readonly txid: string }
  | { readonly _tag: "Orphaned"; readonly txid: string }
  | { readonly _tag: "Rejected"; readonly txid: string; readonly code: string; readonly reason: string }

/** What may be asked, and what is answered. */
export interface Commands {
  readonly tip: { readonly request: {}; readonly answer: Tip }
  readonly hashAt: { readonly request: { readonly height: number }; readonly answer: string }
  readonly blockAt: { readonly request: { readonly height: number }; readonly answer: string }
  readonly generate: {
    readonly request: { readonly count: number; readonly payee?: Payee | undefined }
    readonly answer: ReadonlyArray<string>
  }
  readonly fork: {
    readonly request: { readonly depth: number; readonly count: number }
    readonly answer: ReadonlyArray<string>
  }
  readonly connect: { readonly request: { readonly endPoint: string }; readonly answer: number }
  readonly disconnect: { readonly request: { readonly id: number }; readonly answer: null }
  readonly peers: { readonly request: {}; readonly answer: ReadonlyArray<PeerInfo> }
  readonly mempool: { readonly request: {}; readonly answer: ReadonlyArray<string> }
  readonly transaction: { readonly request: { readonly txid: string }; readonly answer: string }
  readonly spend: { readonly request: Payment; readonly answer: Paid }
  readonly submit: { readonly request: { readonly raw: string }; readonly answer: Submitted }
  readonly bans: { readonly request: {}; readonly answer: ReadonlyArray<string> }
  readonly clearBans: { readonly request: {}; readonly answer: null }
}

export type Name = keyof Commands

export type Request = { readonly [N in Name]: { readonly command: N } & Commands[N]["request"] }[Name]

export type Answer = { readonly result: unknown } | { readonly problem: string }
