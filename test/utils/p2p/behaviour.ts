/**
 * How a fake node behaves, as data. A node may have several of these; where two are about the same answer,
 * the last one counts, and what they change in the handshake they change in order.
 */
import { Data, type Duration } from "effect"
import type * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import type * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"

/** What can be asked of a node. Those of `getdata` are told apart by what they ask for. */
export type Request =
  | "getheaders"
  | "transactions"
  | "blocks"
  | "merkleblocks"
  | "ping"
  | "mempool"
  | "getaddr"
  /** It never asks for a transaction that it is offered. */
  | "inv"

export type Flaw =
  /** The hash is above the target. */
  | "work"
  /** It follows an unknown block. */
  | "link"
  /** It is three hours ahead of the clock. */
  | "time"
  /** It has another target than the rules say. */
  | "bits"

/** A message, or the bytes of a packet. */
export type Said = P2PMessage.P2PMessage | Uint8Array

export type Behaviour = Data.TaggedEnum<{
  Honest: {}
  /** Answers after a while. */
  Slow: { readonly delay: Duration.Input }
  /** Never answers these. */
  Stalls: { readonly on: ReadonlyArray<Request> }
  /** The last header of each answer, or the one at that index, has a flaw. All but the first need the work of regtest. */
  BadHeaders: { readonly flaw: Flaw; readonly at?: number }
  /** Answers each `getheaders` with 2000 headers that follow each other and nothing else. */
  EndlessHeaders: {}
  /** Leaves the transactions that match out of merkle blocks. */
  WithholdsMatches: {}
  /** Names the transactions that match, and does not send them. */
  WithholdsTransactions: {}
  /** Sends merkle blocks that prove nothing, of a root of their own, of a block that is not there, or of another one. */
  ForgesMerkleBlocks: { readonly flaw: "tree" | "root" | "unknown" | "other" }
  /** Sends transactions that nobody has asked for, as soon as hands are shaken and then every so often. */
  SendsUnasked: { readonly count: number; readonly every?: Duration.Input }
  /** Announces transactions that it does not have. */
  AnnouncesGhosts: { readonly count: number; readonly every?: Duration.Input }
  /** Sends addresses that nobody has asked for: so many messages of so many. */
  SpamsAddresses: { readonly messages: number; readonly count: number; readonly every?: Duration.Input }
  FloodsPings: { readonly count: number; readonly every?: Duration.Input }
  /** Packets of a command, or all after the handshake, have a wrong checksum. */
  BreaksChecksums: { readonly of?: P2PMessage.Command }
  /** Packets of a command, or all, have the magic of another network. */
  WrongMagic: { readonly of?: P2PMessage.Command }
  /** After the handshake it announces a packet of a size and sends nothing but zeros, or as many of them as are said. */
  AnnouncesSize: { readonly command: string; readonly size: number; readonly send?: number }
  /** Accepts connections and never says a word. */
  Mute: {}
  /** It acknowledges what the other one is, and does not say what it is. */
  NoVersion: {}
  NoVerack: {}
  VersionTwice: {}
  /** Its version has the nonce of the other one. */
  EchoesNonce: {}
  /** Says something more: as soon as it is connected, just before its `verack`, or when hands are shaken. */
  Says: { readonly when: "connected" | "introduced" | "ready"; readonly messages: ReadonlyArray<Said> }
}>

export const Behaviour = Data.taggedEnum<Behaviour>()

/** The headers of an answer. */
export type Headers = ReadonlyArray<BlockHeader.BlockHeader>
