/**
 * What behaviour means: how a node answers, and what it says without being asked.
 */
import { Duration, Result } from "effect"
import type * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import type * as PeerAddress from "../../../src/domain/p2p/PeerAddress.ts"
import * as Legacy from "../legacy.ts"
import * as Behaviour from "./behaviour.ts"
import * as FakeChain from "./fakeChain.ts"
import * as Matching from "./matching.ts"

/** A block through the filter of a peer. */
export interface Filtered {
  readonly merkleblock: P2PMessage.Of<"merkleblock">
  readonly transactions: ReadonlyArray<Transaction.Transaction>
}

/** Where a node stands when it says something. */
export interface Circumstances {
  readonly magic: Uint8Array
  readonly chain: FakeChain.FakeChain
  readonly random: Legacy.Random
  /** In seconds since 1970. */
  readonly now: number
}

/** Something that is said when hands are shaken, and perhaps again and again. */
export interface Pestering {
  readonly every: Duration.Duration | undefined
  readonly say: (where: Circumstances) => ReadonlyArray<Behaviour.Said>
}

/** The steps of a handshake at which a node says something. */
export type Step = "connected" | "introduced" | "ready"

export interface Conduct {
  readonly delay: Duration.Duration | undefined
  readonly answers: (request: Behaviour.Request) => boolean
  /** The headers of an answer; `undefined`: those of the blocks. */
  readonly headers:
    | ((blocks: ReadonlyArray<FakeChain.FakeBlock>, where: Circumstances) => Behaviour.Headers)
    | undefined
  readonly filtered: (
    block: FakeChain.FakeBlock,
    matched: ReadonlySet<number>,
    where: Circumstances
  ) => Filtered
  /** The bytes of a packet. */
  readonly packet: (packet: Uint8Array, command: string) => Uint8Array
  /** What it says at a step of the handshake, in place of what an honest node says. */
  readonly greet: (
    step: Step,
    said: ReadonlyArray<Behaviour.Said>,
    heard: P2PMessage.Of<"version"> | undefined
  ) => ReadonlyArray<Behaviour.Said>
  readonly pesterings: ReadonlyArray<Pestering>
}

const merkleBlock = (
  header: BlockHeader.BlockHeader,
  transactions: ReadonlyArray<Transaction.Transaction>,
  matched: ReadonlySet<number>
) => P2PMessage.make("merkleblock", { header, ...Matching.treeOf(transactions, matched) })

const pick = (block: FakeChain.FakeBlock, matched: ReadonlySet<number>) =>
  (block.transactions ?? []).filter((_, position) => matched.has(position))

const honest: Conduct = {
  delay: undefined,
  answers: () => true,
  headers: undefined,
  filtered: (block, matched) => ({
    merkleblock: merkleBlock(FakeChain.headerOf(block), block.transactions ?? [], matched),
    transactions: pick(block, matched)
  }),
  packet: (packet) => packet,
  greet: (_, said) => said,
  pesterings: []
}

/** The conduct of a node with that behaviour. */
export const make = (behaviours: ReadonlyArray<Behaviour.Behaviour>): Conduct => {
  const parts = behaviours.map(partOf)
  const pesterings = parts.flatMap(({ pesterings = [] }) => pesterings)
  const greet: Conduct["greet"] = (step, said, heard) =>
    parts.reduce((all, part) => part.greet?.(step, all, heard) ?? all, said)
  return Object.assign({}, honest, ...parts, { pesterings, greet })
}

type Parts = {
  readonly [T in Behaviour.Behaviour["_tag"]]: (
    behaviour: Extract<Behaviour.Behaviour, { readonly _tag: T }>
  ) => Partial<Conduct>
}

const parts: Parts = {
  Honest: () => ({}),
  Slow: ({ delay }) => ({ delay: Duration.fromInputUnsafe(delay) }),
  Stalls: ({ on }) => ({ answers: (request) => !on.includes(request) }),
  BadHeaders: ({ at, flaw }) => ({
    headers: (blocks, where) => spoil(blocks.map(FakeChain.headerOf), flaw, at, where)
  }),
  EndlessHeaders: () => ({ headers: () => strangeHeaders() }),
  WithholdsMatches: () => ({ filtered: (block, _, where) => honest.filtered(block, new Set(), where) }),
  WithholdsTransactions: () => ({
    filtered: (block, matched, where) => ({ ...honest.filtered(block, matched, where), transactions: [] })
  }),
  ForgesMerkleBlocks: ({ flaw }) => ({ filtered: forgeries[flaw] }),
  SendsUnasked: ({ count, every }) =>
    pestering(every, ({ random }) => ghosts(count, random).map(({ bytes }) => P2PMessage.make("tx", { bytes }))),
  AnnouncesGhosts: ({ count, every }) =>
    pestering(every, ({ random }) => [P2PMessage.make("inv", {
      inventory: Array.from({ length: count }, () => ({ type: InventoryType.transaction, hash: random.bytes(32) }))
    })]),
  SpamsAddresses: ({ count, every, messages }) =>
    pestering(
      every,
      (where) =>
        Array.from({ length: messages }, () => P2PMessage.make("addr", { addresses: strangeAddresses(count, where) }))
    ),
  FloodsPings: ({ count, every }) =>
    pestering(every, () => Array.from({ length: count }, (_, i) => P2PMessage.make("ping", { nonce: BigInt(i) }))),
  BreaksChecksums: ({ of }) => ({
    packet: (packet, command) => concerns(of, command) ? withByte(packet, checksumAt) : packet
  }),
  WrongMagic: ({ of }) => ({
    packet: (packet, command) => of === undefined || of === command ? withByte(packet, 0) : packet
  }),
  AnnouncesSize: ({ command, send = 0, size }) =>
    pestering(undefined, ({ magic }) => [
      Legacy.packet({ command, magic, length: size, body: new Uint8Array(send) })
    ]),
  Mute: () => ({ greet: () => [] }),
  NoVersion: () => ({ greet: (_, said) => said.filter((one) => !isVersion(one)) }),
  NoVerack: () => ({ greet: (_, said) => said.filter((one) => !isVerack(one)) }),
  VersionTwice: () => ({
    greet: (_, said) => said.flatMap((one): Array<Behaviour.Said> => isVersion(one) ? [one, one] : [one])
  }),
  EchoesNonce: () => ({
    greet: (_, said, heard) =>
      said.map((one) => isVersion(one) && heard !== undefined ? { ...one, nonce: heard.nonce } : one)
  }),
  Says: ({ messages, when }) => ({
    greet: (step, said) => {
      if (step !== when) return said
      const at = step === "introduced" ? said.findIndex(isVerack) : 0
      return [...said.slice(0, at), ...messages, ...said.slice(at)]
    }
  })
}

const isVersion = (said: Behaviour.Said): said is P2PMessage.Of<"version"> => "_tag" in said && said._tag === "version"

const isVerack = (said: Behaviour.Said): boolean => "_tag" in said && said._tag === "verack"

const partOf = (behaviour: Behaviour.Behaviour): Partial<Conduct> => Behaviour.Behaviour.$match(behaviour, parts)

const pestering = (every: Duration.Input | undefined, say: Pestering["say"]): Partial<Conduct> => ({
  pesterings: [{ every: every === undefined ? undefined : Duration.fromInputUnsafe(every), say }]
})

const handshake = new Set<string>(["version", "verack", "sendheaders"])

const concerns = (of: P2PMessage.Command | undefined, command: string): boolean =>
  of === undefined ? !handshake.has(command) : of === command

const checksumAt = 20

const withByte = (packet: Uint8Array, at: number): Uint8Array => {
  const changed = packet.slice()
  changed[at]! ^= 0xff
  return changed
}

// --- headers

const spoil = (
  headers: Behaviour.Headers,
  flaw: Behaviour.Flaw,
  at: number | undefined,
  where: Circumstances
): Behaviour.Headers => {
  const index = Math.min(at ?? Infinity, headers.length - 1)
  if (index < 0) return headers
  return [...headers.slice(0, index), breakHeader(headers[index]!, flaw, where)]
}

const threeHours = 10_800

/** A header that is right but for its flaw. */
export const breakHeader = (
  header: BlockHeader.BlockHeader,
  flaw: Behaviour.Flaw,
  where: Pick<Circumstances, "now" | "random">
): BlockHeader.BlockHeader => {
  switch (flaw) {
    case "work":
      return mine(header, false)
    case "link":
      return mine({ ...header, previous: where.random.bytes(32) })
    case "time":
      return mine({ ...header, time: where.now + threeHours })
    case "bits":
      return mine({ ...header, bits: header.bits - 1 })
  }
}

const mine = (header: BlockHeader.BlockHeader, isMet = true): BlockHeader.BlockHeader => {
  const packed = BlockHeader.pack([header])
  FakeChain.solve(packed, isMet)
  return Result.getOrThrow(BlockHeader.decode(packed))
}

let strange: Behaviour.Headers | undefined

/** As many headers as a message holds, of a chain that nobody knows. */
const strangeHeaders = (): Behaviour.Headers =>
  strange ??= FakeChain.makeHeaders(P2PMessage.maxHeaders + 1, { salt: "strange" })
    .slice(2, P2PMessage.maxHeaders)
    .map(FakeChain.headerOf)

// --- merkle blocks

const first = new Set([0])

const forgeries: {
  readonly [F in Extract<Behaviour.Behaviour, { readonly _tag: "ForgesMerkleBlocks" }>["flaw"]]: Conduct["filtered"]
} = {
  tree: (block, matched, where) => {
    const { merkleblock, transactions } = honest.filtered(block, matched, where)
    return { merkleblock: { ...merkleblock, hashes: [...merkleblock.hashes, where.random.bytes(32)] }, transactions }
  },
  root: (block, _, { random }) => {
    const [forged] = ghosts(1, random)
    const transactions = [forged!]
    return { merkleblock: merkleBlock(FakeChain.headerOf(block), transactions, first), transactions }
  },
  unknown: (block, _, { random }) => {
    const transactions = ghosts(1, random)
    const header = mine({ ...FakeChain.headerOf(block), merkleRoot: transactions[0]!.id })
    return { merkleblock: merkleBlock(header, transactions, first), transactions }
  },
  other: (block, _, where) => honest.filtered(where.chain.at(block.height - 1) ?? block, first, where)
}

// --- what nobody has asked for

const ghosts = (count: number, random: Legacy.Random): ReadonlyArray<Transaction.Transaction> =>
  FakeChain.fillers(count, `ghost ${random.below(2 ** 32)}`)

const strangeAddresses = (count: number, { now, random }: Circumstances): Array<PeerAddress.TimedPeerAddress> =>
  Array.from({ length: count }, () => {
    const ip = new Uint8Array(16)
    ip.set([0xff, 0xff, 1 + random.below(223), random.below(256), random.below(256), 1 + random.below(254)], 10)
    return { time: now, services: 37n, ip, port: 1024 + random.below(60_000) }
  })
