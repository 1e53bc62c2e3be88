/**
 * Scripted nodes of the Bitcoin Cash network for tests, honest ones and liars, on hosts of a memory network. They speak in
 * packets over the links of the transport, apart from what they are to test; one takes some kilobytes and no fiber, so a
 * test may have hundreds.
 */
import { Effect, Result, Scope } from "effect"
import { NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as Transaction from "../../src/domain/chain/Transaction.ts"
import * as P2PMessage from "../../src/domain/p2p/P2PMessage.ts"
import * as PeerAddress from "../../src/domain/p2p/PeerAddress.ts"
import * as Runner from "../../src/internal/runner.ts"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import type * as Transport from "../../src/services/Transport.ts"
import * as Legacy from "./legacy.ts"
import { until } from "./network.ts"
import type * as Behaviour from "./p2p/behaviour.ts"
import * as Conduct from "./p2p/conduct.ts"
import * as FakeChain from "./p2p/fakeChain.ts"
import * as FakePeer from "./p2p/fakePeer.ts"

export * as Behaviours from "./p2p/behaviour.ts"
export * as FakeChain from "./p2p/fakeChain.ts"
export * as FakePeer from "./p2p/fakePeer.ts"

/** Nodes that tell each other of blocks and transactions without links between them. */
export class Gossip {
  readonly nodes = new Set<FakeNode>()
}

export interface Options {
  /** Where it listens, as `10.0.0.7:18444`. */
  readonly address: string
  /** Default: the genesis block of regtest. */
  readonly chain?: FakeChain.FakeChain | undefined
  /** Default: honest. */
  readonly behaviour?: Behaviour.Behaviour | ReadonlyArray<Behaviour.Behaviour> | undefined
  /** Default: 37, which is the whole chain, bloom filters and Bitcoin Cash. */
  readonly services?: bigint | undefined
  /** Default: `/fake:1/`. */
  readonly userAgent?: string | undefined
  /** The height that it says it has. Default: that of its chain. */
  readonly height?: number | undefined
  /** Default: 70012, as the recorded node. */
  readonly protocol?: number | undefined
  /** What it answers to `getaddr`, as `10.0.0.8:18444`. Default: nothing. */
  readonly addresses?: ReadonlyArray<string> | undefined
  /** Says why it does not take a transaction; `undefined` if it does. Default: it takes all. */
  readonly refuse?: ((transaction: Transaction.Transaction) => FakePeer.Refusal | undefined) | undefined
  /** Who it hears of blocks and transactions from. */
  readonly gossip?: Gossip | undefined
  /** Whether its peers keep the messages that they sent. Default: `false`. */
  readonly records?: boolean | undefined
  /** Whether it can be dialled. Default: `true`. */
  readonly listens?: boolean | undefined
}

/** The services of a node that is of use to a wallet: the whole chain, bloom filters, Bitcoin Cash. */
export const services = 37n

export class FakeNode implements FakePeer.Home {
  readonly address: NetAddress.InetAddress
  readonly endPoint: string
  readonly conduct: Conduct.Conduct
  readonly mempool = new Map<string, Transaction.Transaction>()
  readonly addresses: ReadonlyArray<PeerAddress.TimedPeerAddress>
  readonly random: Legacy.Random
  readonly runner: Runner.Runner
  readonly records: boolean
  /** How many messages of each command it was sent. */
  readonly received = new Map<string, number>()
  /** All that ever were connected, in that order. */
  readonly known: Array<FakePeer.FakePeer> = []
  chain: FakeChain.FakeChain
  readonly #options: Options
  readonly #transport: Transport.Transport["Service"]
  readonly #scope: Scope.Scope
  readonly #peers = new Set<FakePeer.FakePeer>()
  readonly #stale = new Set<FakeChain.FakeBlock>()

  constructor(
    options: Options,
    runner: Runner.Runner,
    transport: Transport.Transport["Service"],
    scope: Scope.Scope
  ) {
    const { behaviour = [], chain = FakeChain.genesis() } = options
    this.#options = options
    this.#transport = transport
    this.#scope = scope
    this.runner = runner
    this.chain = chain
    this.records = options.records ?? false
    this.endPoint = options.address
    this.address = NetAddress.inetAddressFromStringUnsafe(options.address)
    this.random = Legacy.makeRandom(Buffer.from(options.address).reduce((sum, byte) => Math.imul(sum, 31) + byte, 7))
    this.conduct = Conduct.make("_tag" in behaviour ? [behaviour] : behaviour)
    this.addresses = (options.addresses ?? []).map((text) => ({
      time: Math.floor(runner.now() / 1000),
      ...PeerAddress.fromInetAddress(NetAddress.inetAddressFromStringUnsafe(text), services)
    }))
  }

  /** Those that are connected. */
  get peers(): ReadonlyArray<FakePeer.FakePeer> {
    return [...this.#peers]
  }

  /** How many messages of a command it was sent. */
  count(command: P2PMessage.Command): number {
    return this.received.get(command) ?? 0
  }

  /** All messages of a command that it was sent; with `records` only. */
  heard<C extends P2PMessage.Command>(command: C): ReadonlyArray<P2PMessage.Of<C>> {
    return this.known.flatMap(({ messages }) => messages).filter((message): message is P2PMessage.Of<C> =>
      message._tag === command
    )
  }

  /** Waits, in turns of the scheduler, until so many peers have shaken hands. */
  awaitPeers(count = 1): Effect.Effect<void> {
    return until(
      `${count} peers of ${this.endPoint}`,
      () => this.peers.filter(({ isReady }) => isReady).length >= count
    )
  }

  /** Connects to somebody who listens. */
  readonly dial = (endPoint: string): Effect.Effect<FakePeer.FakePeer, Transport.TransportError> =>
    this.#transport.connect(NetAddress.inetAddressFromStringUnsafe(endPoint)).pipe(
      Effect.map((link) => this.open(link, "dialled")),
      Scope.provide(this.#scope)
    )

  open(link: Transport.Link, side: "dialled" | "accepted"): FakePeer.FakePeer {
    const peer = new FakePeer.FakePeer(this, link, side)
    this.#peers.add(peer)
    this.known.push(peer)
    peer.start()
    return peer
  }

  /** Sends messages to all peers that have shaken hands, whatever they may be. */
  readonly send = (...messages: ReadonlyArray<Behaviour.Said>): Effect.Effect<void> =>
    Effect.sync(() => {
      for (const peer of this.#peers) {
        if (peer.isReady) { for (const message of messages) peer.send(message) }
      }
    })

  /**
   * Makes blocks on its chain and tells of them: so many, of which the first takes what is in the mempool, or one with
   * these transactions.
   */
  readonly mine = (
    what: number | ReadonlyArray<Transaction.Transaction> = 1
  ): Effect.Effect<ReadonlyArray<FakeChain.FakeBlock>> =>
    Effect.sync(() => {
      const before = this.chain
      const transactions = typeof what === "number" ? [...this.mempool.values()] : what
      const now = Math.floor(this.runner.now() / 1000)
      const time = Math.max(now, FakeChain.timeOf(before.tip) + 1)
      this.#share(before.extend({ blocks: typeof what === "number" ? what : 1, transactions, time, spacing: 1 }))
      return this.chain.slice(before.height + 1, this.chain.height - before.height)
    })

  /** Replaces the last blocks of its chain by others, and tells of them. */
  readonly reorganise = (
    depth: number,
    blocks: number,
    options: Omit<FakeChain.ExtendOptions, "blocks"> = {}
  ): Effect.Effect<ReadonlyArray<FakeChain.FakeBlock>> =>
    Effect.sync(() => {
      const forked = this.chain.height - depth
      this.#share(this.chain.fork(depth, blocks, { spacing: 1, ...options }))
      return this.chain.slice(forked + 1, blocks)
    })

  /** Goes over to another chain, and tells of what is new. */
  readonly follow = (chain: FakeChain.FakeChain): Effect.Effect<void> => Effect.sync(() => this.adopt(chain))

  /** Takes a transaction, or the bytes of one, into its mempool and tells of it. */
  readonly addTransaction = (given: Transaction.Transaction | Uint8Array): Effect.Effect<void> =>
    Effect.sync(() => {
      const transaction = given instanceof Uint8Array ? Result.getOrThrow(Transaction.decode(given)) : given
      this.accept(transaction, undefined)
    })

  adopt(chain: FakeChain.FakeChain): void {
    const forked = this.chain.forkHeight(chain)
    for (const block of this.chain.slice(forked + 1, this.chain.height - forked)) {
      this.#stale.add(block)
      for (const transaction of block.transactions?.slice(1) ?? []) {
        this.mempool.set(FakeChain.keyOf(transaction.id), transaction)
      }
    }
    this.chain = chain
    const blocks = chain.slice(forked + 1, chain.height - forked)
    for (const { transactions = [] } of blocks) {
      for (const { id } of transactions) this.mempool.delete(FakeChain.keyOf(id))
    }
    for (const peer of this.#peers) peer.announceBlocks(blocks)
  }

  // --- what its links ask of it

  readonly find = (hash: Uint8Array): FakeChain.FakeBlock | undefined => {
    const block = this.chain.find(hash)
    return block !== undefined && (this.chain.has(block) || this.#stale.has(block)) ? block : undefined
  }

  accept(
    transaction: Transaction.Transaction,
    from: FakePeer.FakePeer | undefined
  ): FakePeer.Refusal | undefined {
    const key = FakeChain.keyOf(transaction.id)
    if (this.mempool.has(key)) return undefined
    const refusal = this.#options.refuse?.(transaction)
    if (refusal !== undefined) return refusal
    this.mempool.set(key, transaction)
    for (const peer of this.#peers) if (peer !== from) peer.announceTransaction(transaction)
    for (const node of this.#options.gossip?.nodes ?? []) node.accept(transaction, undefined)
    return undefined
  }

  version(): P2PMessage.Of<"version"> {
    const { height = this.chain.height, protocol = 70_012, userAgent = "/fake:1/" } = this.#options
    const offered = this.#options.services ?? services
    return P2PMessage.make("version", {
      protocol,
      services: offered,
      time: BigInt(Math.floor(this.runner.now() / 1000)),
      receiver: PeerAddress.unknown,
      sender: PeerAddress.fromInetAddress(this.address, offered),
      nonce: (BigInt(this.random.below(2 ** 32)) << 32n) | BigInt(this.random.below(2 ** 32)),
      userAgent,
      startHeight: height,
      relay: true
    })
  }

  onCommand(command: string): void {
    this.received.set(command, (this.received.get(command) ?? 0) + 1)
  }

  onEnd(peer: FakePeer.FakePeer): void {
    this.#peers.delete(peer)
  }

  #share(chain: FakeChain.FakeChain): void {
    this.adopt(chain)
    for (const node of this.#options.gossip?.nodes ?? []) if (node !== this) node.adopt(chain)
  }
}

/** A node, until the scope is closed. */
export const make = (
  options: Options
): Effect.Effect<FakeNode, never, Scope.Scope | MemoryTransport.MemoryNetwork> =>
  Effect.gen(function*() {
    const network = yield* MemoryTransport.MemoryNetwork
    const address = NetAddress.inetAddressFromStringUnsafe(options.address)
    const transport = yield* network.transportFrom(address.address)
    const node = new FakeNode(options, yield* Runner.make, transport, yield* Effect.scope)
    options.gossip?.nodes.add(node)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        options.gossip?.nodes.delete(node)
        for (const peer of node.peers) peer.close()
      })
    )
    if (options.listens ?? true) {
      yield* Effect.orDie(transport.listen(address, (link) => void node.open(link, "accepted")))
    }
    return node
  })

/** Moves the test clock to the time of the last block of a chain, before which its headers are of the future. */
export const startClock = (chain: FakeChain.FakeChain): Effect.Effect<void> =>
  TestClock.setTime(FakeChain.timeOf(chain.tip) * 1000)
