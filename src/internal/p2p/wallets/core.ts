/**
 * All wallets of a node, and the peers that are dealt out over them.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Pieces from "../../../domain/internal/pieces.ts"
import type * as P2PMessage from "../../../domain/p2p/P2PMessage.ts"
import * as Segment from "../../../domain/p2p/Segment.ts"
import * as SyncPlan from "../../../domain/p2p/SyncPlan.ts"
import * as TransactionOutline from "../../../domain/p2p/TransactionOutline.ts"
import type * as WalletElement from "../../../domain/p2p/WalletElement.ts"
import * as Hash256 from "../../../services/Hash256.ts"
import * as Downloads from "../../../services/p2p/Downloads.ts"
import * as HeaderChain from "../../../services/p2p/HeaderChain.ts"
import type * as Peer from "../../../services/p2p/Peer.ts"
import * as PeerManager from "../../../services/p2p/PeerManager.ts"
import * as WalletError from "../../../services/p2p/WalletError.ts"
import type * as Wallets from "../../../services/p2p/Wallets.ts"
import * as WalletStore from "../../../services/p2p/WalletStore.ts"
import * as InPieces from "../../inPieces.ts"
import * as Runner from "../../runner.ts"
import * as Agent from "./agent.ts"
import * as ExtraDemand from "./extraDemand.ts"
import * as OpenRules from "./openRules.ts"
import * as Reception from "./reception.ts"
import type * as Scanner from "./scanner.ts"
import * as Outbox from "./outbox.ts"
import * as Snapshots from "./snapshots.ts"

/** The whole chain, and bloom filters: what a wallet needs of a peer. */
const servicesNeeded = 0b101n

/** To read one of this size or more is enough for one turn. */
const largeTransaction = 100_000

/** A peer that can serve a wallet. */
interface Servant {
  readonly peer: Peer.Peer
  readonly key: string
  agent: Agent.Agent | undefined
}

interface Opened {
  readonly agent: Agent.Agent
  readonly priority: Segment.Priority
}

const toError = <A, E extends WalletError.Reason, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.mapError(effect, (reason) => new WalletError.WalletError({ reason }))

const fromResult = <A, E extends WalletError.Reason>(result: Result.Result<A, E>) => toError(Effect.fromResult(result))

/** Looks at a block: at once, or in pieces if it is large. */
const look = ({ turn }: Agent.Agent, work: Scanner.Work | undefined): Effect.Effect<void> | void => {
  if (work === undefined) return
  return work.isLarge || !turn.isFree ? turn.hold(work.pieces) : Pieces.runSync(work.pieces())
}

class Core {
  readonly #services: Agent.Services
  readonly #manager: PeerManager.PeerManager["Service"]
  /** Says how many peers there are that no wallet can have. */
  readonly #setUseless: (count: number) => void
  readonly #opened = new Map<string, Opened>()
  readonly #servants = new Map<number, Servant>()
  /** Which wallet a peer has served, now or before: those of wallets that are not open too. */
  readonly #served = new Map<string, string>()

  constructor(
    services: Agent.Services,
    manager: PeerManager.PeerManager["Service"],
    setUseless: (count: number) => void
  ) {
    this.#services = services
    this.#manager = manager
    this.#setUseless = setUseless
  }

  readonly service: Wallets.Wallets["Service"] = {
    open: (options) => this.#open(options),
    opened: Effect.sync(() => [...this.#opened.keys()]),
    servedBy: (peer) => Effect.sync(() => Option.fromUndefinedOr(this.#servants.get(peer.id)?.agent?.id))
  }

  /** Remembers who has served the wallets that were saved. */
  readonly remember: Effect.Effect<void, WalletStore.WalletStoreError> = Effect.gen({ self: this }, function*() {
    for (const id of yield* this.#services.store.list) {
      const snapshot = yield* this.#services.store.load(id)
      for (const key of Option.isSome(snapshot) ? snapshot.value.served : []) this.#served.set(key, id)
    }
  })

  readonly attach = (peer: Peer.Peer): Effect.Effect<void, never, Scope.Scope> =>
    Effect.gen({ self: this }, function*() {
      const isOfUse = (peer.version.services & servicesNeeded) === servicesNeeded
      // Whoever dials us may be looking for the owner of an address.
      if (peer.side !== "dialled" || !isOfUse) return
      const clock = yield* Clock.Clock
      const servant: Servant = { peer, key: Segment.keyOf(peer.address), agent: undefined }
      yield* Effect.acquireRelease(
        Effect.sync(() => this.#servants.set(peer.id, servant)),
        () => Effect.sync(() => this.#dismiss(servant))
      )
      // Another one in its place would learn the filter too.
      yield* this.#manager.hold(peer, () => servant.agent !== undefined)
      yield* peer.handle((message) => this.#onMessage(servant, message, clock))
      this.#deal()
    })

  readonly onRelayed = ({ bytes, peer, txid }: Downloads.Transaction): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.#opened.size === 0) return Effect.void
      const outline = TransactionOutline.decode(bytes)
      if (Result.isFailure(outline)) return Effect.void
      const key = Segment.keyOf(peer.address)
      const examine = Effect.sync(() => {
        for (const { agent } of this.#opened.values()) {
          agent.scanner.onRelayed(key, { txid, outline: outline.success }, bytes)
        }
      })
      return bytes.length < largeTransaction ? examine : Effect.andThen(Effect.yieldNow, examine)
    })

  #onMessage(servant: Servant, message: P2PMessage.P2PMessage, clock: Clock.Clock): Effect.Effect<void> | void {
    const { agent } = servant
    if (agent === undefined) return
    if (message._tag !== "merkleblock" && message._tag !== "tx" && message._tag !== "pong") return
    // Each message has its own fiber only where it has to wait.
    if (agent.turn.isFree) return this.#take(servant, agent, message, clock)
    return Effect.flatten(
      agent.turn.whenFree(() => this.#take(servant, agent, message, clock) ?? Effect.void)
    )
  }

  #take(
    { key }: Servant,
    agent: Agent.Agent,
    message: P2PMessage.Of<"merkleblock" | "tx" | "pong">,
    clock: Clock.Clock
  ): Effect.Effect<void> | void {
    const now = clock.currentTimeMillisUnsafe()
    switch (message._tag) {
      case "merkleblock":
        return this.#onMerkleBlock(agent, key, message, clock)
      case "tx":
        return look(agent, agent.scanner.onTransaction(key, message.bytes, now))
      case "pong":
        return agent.scanner.onPong(key, message.nonce, now)
    }
  }

  #onMerkleBlock(
    agent: Agent.Agent,
    key: string,
    message: P2PMessage.Of<"merkleblock">,
    clock: Clock.Clock
  ): Effect.Effect<void> | void {
    const { scanner, turn } = agent
    if (!scanner.awaitsMerkleBlock(key)) {
      return look(agent, scanner.onMerkleBlock(key, message, clock.currentTimeMillisUnsafe()))
    }
    const { hash256 } = this.#services
    return InPieces.run(() => Reception.prove(message, hash256)).pipe(
      Effect.flatMap((proven) =>
        turn.whenFree(() => scanner.onMerkleBlock(key, message, clock.currentTimeMillisUnsafe(), proven))
      ),
      Effect.flatMap((work) => look(agent, work) ?? Effect.void)
    )
  }

  #dismiss(servant: Servant): void {
    this.#servants.delete(servant.peer.id)
    servant.agent?.leave(servant.key)
    servant.agent = undefined
    this.#deal()
  }

  #deal(): void {
    const segments = Array.from(this.#opened.values(), ({ agent, priority }) => ({
      id: agent.id,
      priority,
      peers: [...agent.peers.keys()]
    }))
    const free = [...this.#servants.values()].filter(({ agent }) => agent === undefined)
    const candidates = free.map(({ key }) => ({ key, served: this.#served.get(key) }))
    for (const { key, segment } of Segment.deal(segments, candidates)) {
      const servant = free.find((one) => one.key === key)
      const agent = this.#opened.get(segment)?.agent
      if (servant === undefined || agent === undefined) continue
      servant.agent = agent
      this.#served.set(key, segment)
      const forgotten = agent.join(key, servant.peer)
      if (forgotten !== undefined) this.#served.delete(forgotten)
    }
    const isUseless = ({ agent, key }: Servant) => agent === undefined && this.#served.has(key)
    this.#setUseless(this.#opened.size === 0 ? 0 : free.filter(isUseless).length)
  }

  #open(options: Wallets.OpenOptions): Effect.Effect<Wallets.Wallet, WalletError.WalletError, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const settings = yield* Effect.fromResult(OpenRules.check(options))
      const { id } = settings
      yield* this.#reserve(id)
      const stored = yield* toError(this.#services.store.load(id))
      const agent = new Agent.Agent({
        services: this.#services,
        settings,
        runner: yield* Runner.make,
        snapshot: Option.getOrElse(stored, () => Snapshots.empty(id, Number(this.#services.random64() & 0xffff_ffffn))),
        outbox: yield* Outbox.make
      })
      yield* Effect.flatMap(agent.watchFirst, fromResult)
      yield* this.#manager.want({ count: Segment.peersWanted, services: servicesNeeded })
      yield* agent.start
      yield* this.#enter({ agent, priority: settings.priority })
      return this.#toWallet(agent)
    })
  }

  /** Ids that are being opened, or are open. */
  readonly #reserved = new Set<string>()

  #reserve(id: string): Effect.Effect<void, WalletError.WalletError, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.suspend(() => {
        if (this.#reserved.has(id)) {
          return Effect.fail(new WalletError.WalletError({ reason: new WalletError.AlreadyOpen({ id }) }))
        }
        this.#reserved.add(id)
        return Effect.void
      }),
      () => Effect.sync(() => this.#reserved.delete(id))
    )
  }

  #enter(opened: Opened): Effect.Effect<void, never, Scope.Scope> {
    const { agent } = opened
    return Effect.acquireRelease(
      Effect.sync(() => {
        this.#opened.set(agent.id, opened)
        this.#deal()
      }),
      () =>
        Effect.sync(() => {
          this.#opened.delete(agent.id)
          this.#deal()
        })
    )
  }

  #toWallet(agent: Agent.Agent): Wallets.Wallet {
    const add = (elements: ReadonlyArray<WalletElement.WalletElement>, from: number | undefined) =>
      Effect.andThen(
        Effect.fromResult(OpenRules.checkCount(agent.scanner.watch.size + elements.length)),
        Effect.flatMap(agent.add(elements, from), fromResult)
      )
    return {
      id: agent.id,
      add: (elements, options) => Effect.suspend(() => add([...elements], options?.from)),
      events: agent.outbox.events,
      syncedTo: Effect.sync(() => agent.height(({ scannedTo }) => scannedTo)),
      verifiedTo: Effect.sync(() => agent.height(SyncPlan.verifiedTo)),
      peers: Effect.sync(() => [...agent.peers.values()])
    }
  }
}

/** @internal */
export const make = Effect.gen(function*() {
  const random = yield* Random.Random
  const random32 = () => BigInt(Math.floor(random.nextDoubleUnsafe() * 0x1_0000_0000))
  const services: Agent.Services = {
    chain: yield* HeaderChain.HeaderChain,
    downloads: yield* Downloads.Downloads,
    store: yield* WalletStore.WalletStore,
    hash256: (yield* Hash256.Hash256).hash256,
    random64: () => (random32() << 32n) | random32()
  }
  const manager = yield* PeerManager.PeerManager
  const core = new Core(services, manager, yield* ExtraDemand.make(manager, servicesNeeded))
  yield* core.remember
  yield* Effect.forkScoped(
    Stream.runForEach(services.downloads.transactions, core.onRelayed)
  )
  yield* manager.register(core.attach)
  return core.service
})
