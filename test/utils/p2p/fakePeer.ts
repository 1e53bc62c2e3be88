/**
 * One link of a fake node: the handshake, and the answers to what the other side asks.
 */
import { Effect, Result } from "effect"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as BloomFilter from "../../../src/domain/p2p/BloomFilter.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import type * as PeerAddress from "../../../src/domain/p2p/PeerAddress.ts"
import type * as Runner from "../../../src/internal/runner.ts"
import type * as Transport from "../../../src/services/Transport.ts"
import * as Legacy from "../legacy.ts"
import type * as Behaviour from "./behaviour.ts"
import type * as Conduct from "./conduct.ts"
import * as FakeChain from "./fakeChain.ts"
import * as FakeLink from "./fakeLink.ts"
import * as Matching from "./matching.ts"

/** The node that a link belongs to, as far as its links know it. */
export interface Home {
  readonly chain: FakeChain.FakeChain
  /** A block that it has, or had before a reorganisation. */
  readonly find: (hash: Uint8Array) => FakeChain.FakeBlock | undefined
  readonly conduct: Conduct.Conduct
  readonly mempool: ReadonlyMap<string, Transaction.Transaction>
  readonly addresses: ReadonlyArray<PeerAddress.TimedPeerAddress>
  readonly random: Legacy.Random
  readonly runner: Runner.Runner
  readonly records: boolean
  readonly version: () => P2PMessage.Of<"version">
  readonly onCommand: (command: string) => void
  readonly onEnd: (peer: FakePeer) => void
  /** Says why a transaction is refused. */
  readonly accept: (transaction: Transaction.Transaction, from: FakePeer) => Refusal | undefined
}

/** What a node says of a transaction that it does not take (BIP 61). */
export interface Refusal {
  readonly code: number
  readonly reason: string
}

export type PeerState =
  /** It has not said what it is. */
  | { readonly _tag: "Connected" }
  /** It has not acknowledged what the node is. */
  | { readonly _tag: "Introduced"; readonly version: P2PMessage.Of<"version"> }
  | { readonly _tag: "Ready"; readonly version: P2PMessage.Of<"version"> }
  | { readonly _tag: "Ended"; readonly end: FakeLink.LinkEnd }

/** More new blocks than this are announced by the last one's hash. */
const maxAnnounced = 8

export class FakePeer {
  readonly side: "dialled" | "accepted"
  /** How many messages of each command it has sent. */
  readonly received = new Map<string, number>()
  /** The messages themselves, if the node keeps them. */
  readonly messages: Array<P2PMessage.P2PMessage> = []
  state: PeerState = { _tag: "Connected" }
  /** Whether it has asked to be told of new blocks by headers. */
  wantsHeaders = false
  /** What it has loaded; a copy that learns. */
  filter: BloomFilter.BloomFilter | undefined = undefined
  /** Whether transactions are announced to it. */
  relays = false
  readonly #home: Home
  readonly #link: FakeLink.FakeLink

  constructor(home: Home, link: Transport.Link, side: "dialled" | "accepted") {
    this.#home = home
    this.side = side
    this.#link = new FakeLink.FakeLink(link, {
      magic: home.chain.params.network.magic,
      onMessage: (message) => this.#receive(message),
      onEnd: (end) => {
        this.state = { _tag: "Ended", end }
        home.onEnd(this)
      }
    })
  }

  get isReady(): boolean {
    return this.state._tag === "Ready"
  }

  get address(): Transport.Link["remoteAddress"] {
    return this.#link.link.remoteAddress
  }

  /** To be called once. */
  start(): void {
    this.#link.start()
    this.#greet("connected", this.side === "dialled" ? [this.#home.version()] : [], undefined)
  }

  /** Says something, as the behaviour of the node lets it. */
  send(said: Behaviour.Said): void {
    const { chain: { params: { network: { magic } } }, conduct } = this.#home
    if (said instanceof Uint8Array) return this.#link.send(said)
    this.#link.send(conduct.packet(FakeLink.packetOf(said, magic), said._tag))
  }

  close(): void {
    this.#link.close()
  }

  /** Tells of blocks that are new: as they are asked for, or by the hash of the last one. */
  announceBlocks(blocks: ReadonlyArray<FakeChain.FakeBlock>): void {
    const tip = blocks.at(-1)
    if (!this.isReady || tip === undefined) return
    if (this.wantsHeaders && blocks.length <= maxAnnounced) return this.#sendHeaders(blocks)
    this.send(P2PMessage.make("inv", { inventory: [{ type: InventoryType.block, hash: tip.hash }] }))
  }

  announceTransaction(transaction: Transaction.Transaction): void {
    if (!this.isReady || !this.#isWanted(transaction)) return
    this.send(P2PMessage.make("inv", { inventory: [{ type: InventoryType.transaction, hash: transaction.id }] }))
  }

  #isWanted(transaction: Transaction.Transaction): boolean {
    return this.relays && (this.filter === undefined || Matching.matches(this.filter, transaction))
  }

  #receive(message: P2PMessage.P2PMessage): void {
    this.received.set(message._tag, (this.received.get(message._tag) ?? 0) + 1)
    if (this.#home.records) this.messages.push(message)
    this.#home.onCommand(message._tag)
    switch (message._tag) {
      case "version":
        return this.#onVersion(message)
      case "verack":
        return this.#onVerack()
      default:
        return this.isReady ? this.#onReadyMessage(message) : undefined
    }
  }

  // --- handshake

  #onVersion(version: P2PMessage.Of<"version">): void {
    if (this.state._tag !== "Connected") return
    this.state = { _tag: "Introduced", version }
    this.relays = version.relay ?? true
    const verack = P2PMessage.make("verack", {})
    this.#greet("introduced", this.side === "accepted" ? [this.#home.version(), verack] : [verack], version)
  }

  #onVerack(): void {
    if (this.state._tag !== "Introduced") return
    const { version } = this.state
    this.state = { _tag: "Ready", version }
    const ping = P2PMessage.make("ping", { nonce: BigInt(this.#home.random.below(2 ** 32)) })
    this.#greet("ready", [ping, P2PMessage.make("sendheaders", {})], version)
    for (const pestering of this.#home.conduct.pesterings) this.#home.runner.fork(this.#pester(pestering))
  }

  #greet(
    step: Conduct.Step,
    said: ReadonlyArray<P2PMessage.P2PMessage>,
    heard: P2PMessage.Of<"version"> | undefined
  ): void {
    for (const one of this.#home.conduct.greet(step, said, heard)) this.send(one)
  }

  #pester({ every, say }: Conduct.Pestering): Effect.Effect<void> {
    const once = Effect.sync(() => {
      for (const said of say(this.#circumstances)) this.send(said)
    })
    if (every === undefined) return once
    return Effect.whileLoop({
      while: () => this.isReady,
      body: () => Effect.andThen(once, Effect.sleep(every)),
      step: () => {}
    })
  }

  get #circumstances(): Conduct.Circumstances {
    const { chain, random, runner } = this.#home
    return { chain, random, magic: chain.params.network.magic, now: Math.floor(runner.now() / 1000) }
  }

  // --- answers

  #onReadyMessage(message: P2PMessage.P2PMessage): void {
    switch (message._tag) {
      case "sendheaders":
        this.wantsHeaders = true
        return
      case "ping":
        return this.#answer("ping", () => this.send(P2PMessage.make("pong", { nonce: message.nonce })))
      case "getheaders":
        return this.#answer("getheaders", () => this.#onGetHeaders(message))
      case "getdata":
        return this.#onGetData(message.inventory)
      case "inv":
        return this.#answer("inv", () => this.#onInventory(message.inventory))
      case "tx":
        return this.#onTransaction(message.bytes)
      case "mempool":
        return this.#answer("mempool", () => this.#onMempool())
      case "getaddr":
        return this.#answer("getaddr", () => this.#onGetAddresses())
      case "filterload": {
        const { bytes, flags, functions, tweak } = message
        this.filter = { bytes: bytes.slice(), flags, functions, tweak }
        this.relays = true
        return
      }
      case "filteradd":
        if (this.filter !== undefined) BloomFilter.insert(this.filter, message.element)
        return
      case "filterclear":
        this.filter = undefined
        this.relays = true
        return
      default:
        return
    }
  }

  #answer(request: Behaviour.Request, answer: () => void): void {
    if (this.#home.conduct.answers(request)) this.#later(answer)
  }

  #later(answer: () => void): void {
    const { conduct, runner } = this.#home
    if (conduct.delay === undefined) return answer()
    runner.fork(Effect.andThen(Effect.sleep(conduct.delay), Effect.sync(answer)))
  }

  /** From behind the first block of the locator that is on the best chain, or behind the genesis block. */
  #onGetHeaders({ locator, stop }: P2PMessage.Of<"getheaders">): void {
    const { chain, find } = this.#home
    if (locator.length === 0) {
      const block = find(stop)
      return block === undefined ? undefined : this.#sendHeaders([block])
    }
    const known = locator.map(find).find((block) => block !== undefined && chain.has(block))
    const last = HashHex.equals(stop, HashHex.zero) ? undefined : find(stop)
    const from = (known?.height ?? 0) + 1
    const wanted = last !== undefined && chain.has(last) ? last.height - from + 1 : Infinity
    this.#sendHeaders(chain.slice(from, Math.max(0, Math.min(P2PMessage.maxHeaders, wanted))))
  }

  #sendHeaders(blocks: ReadonlyArray<FakeChain.FakeBlock>): void {
    const { chain, conduct } = this.#home
    if (conduct.headers !== undefined) {
      const packed = BlockHeader.pack(conduct.headers(blocks, this.#circumstances))
      return this.send(P2PMessage.make("headers", { packed }))
    }
    this.#link.send(conduct.packet(headersPacket(blocks, chain.params.network.magic), "headers"))
  }

  #onGetData(inventory: ReadonlyArray<P2PMessage.Inventory>): void {
    const { answers } = this.#home.conduct
    const answered = inventory.filter(({ type }) => {
      const request = requestOf(type)
      return request !== undefined && answers(request)
    })
    if (answered.length > 0) this.#later(() => this.#giveAll(answered))
  }

  #giveAll(inventory: ReadonlyArray<P2PMessage.Inventory>): void {
    const missing = inventory.filter((item) => !this.#give(item))
    if (missing.length > 0) this.send(P2PMessage.make("notfound", { inventory: missing }))
  }

  #give({ hash, type }: P2PMessage.Inventory): boolean {
    const { find, mempool } = this.#home
    if (type === InventoryType.transaction) {
      const transaction = mempool.get(FakeChain.keyOf(hash))
      if (transaction === undefined) return false
      this.send(P2PMessage.make("tx", { bytes: transaction.bytes }))
      return true
    }
    const block = find(hash)
    if (block?.transactions === undefined) return false
    if (type === InventoryType.block) this.send(P2PMessage.make("block", { bytes: FakeChain.bytesOf(block) }))
    else this.#giveFiltered(block)
    return true
  }

  /** Without a filter nodes say nothing. */
  #giveFiltered(block: FakeChain.FakeBlock): void {
    if (this.filter === undefined) return
    const matched = Matching.matchedOf(this.filter, block)
    const { merkleblock, transactions } = this.#home.conduct.filtered(block, matched, this.#circumstances)
    this.send(merkleblock)
    for (const { bytes } of transactions) this.send(P2PMessage.make("tx", { bytes }))
  }

  /** Asks for the transactions that are new. */
  #onInventory(inventory: ReadonlyArray<P2PMessage.Inventory>): void {
    const wanted = inventory.filter(({ hash, type }) =>
      type === InventoryType.transaction && !this.#home.mempool.has(FakeChain.keyOf(hash))
    )
    if (wanted.length > 0) this.send(P2PMessage.make("getdata", { inventory: wanted }))
  }

  #onTransaction(bytes: Uint8Array): void {
    const decoded = Transaction.decode(bytes.slice())
    if (Result.isFailure(decoded)) return this.#reject({ code: 1, reason: "error parsing message" }, new Uint8Array(0))
    const refusal = this.#home.accept(decoded.success, this)
    if (refusal !== undefined) this.#reject(refusal, decoded.success.id)
  }

  #reject({ code, reason }: Refusal, data: Uint8Array): void {
    this.send(P2PMessage.make("reject", { command: "tx", code, reason, data }))
  }

  #onMempool(): void {
    const wanted = [...this.#home.mempool.values()].filter((transaction) =>
      this.filter === undefined || Matching.matches(this.filter, transaction)
    )
    if (wanted.length === 0) return
    this.send(P2PMessage.make("inv", {
      inventory: wanted.map(({ id }) => ({ type: InventoryType.transaction, hash: id }))
    }))
  }

  #onGetAddresses(): void {
    const { addresses } = this.#home
    if (addresses.length > 0) {
      this.send(P2PMessage.make("addr", { addresses: addresses.slice(0, P2PMessage.maxAddresses) }))
    }
  }
}

const requestOf = (type: number): Behaviour.Request | undefined => {
  switch (type) {
    case InventoryType.transaction:
      return "transactions"
    case InventoryType.block:
      return "blocks"
    case InventoryType.merkleBlock:
      return "merkleblocks"
    default:
      return undefined
  }
}

/** Packets of headers by their first block, so that nodes with the same chain make them once. */
const packets = new WeakMap<FakeChain.FakeBlock, { readonly last: FakeChain.FakeBlock; readonly packet: Uint8Array }>()

const headersPacket = (blocks: ReadonlyArray<FakeChain.FakeBlock>, magic: Uint8Array): Uint8Array => {
  const [first] = blocks
  const last = blocks.at(-1)
  const known = first === undefined ? undefined : packets.get(first)
  if (known !== undefined && known.last === last) return known.packet
  const packet = Legacy.packet({ command: "headers", magic, body: headersBody(blocks) })
  if (first !== undefined && last !== undefined) packets.set(first, { last, packet })
  return packet
}

const smallCount = 253

const headersBody = (blocks: ReadonlyArray<FakeChain.FakeBlock>): Uint8Array => {
  const count = blocks.length < smallCount
    ? Uint8Array.of(blocks.length)
    : Uint8Array.of(smallCount, blocks.length & 0xff, blocks.length >> 8)
  const body = new Uint8Array(count.length + blocks.length * (BlockHeader.size + 1))
  body.set(count)
  blocks.forEach(({ packed }, i) => body.set(packed, count.length + i * (BlockHeader.size + 1)))
  return body
}
