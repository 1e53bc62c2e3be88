/**
 * Asks peers for headers and gives them to the chain.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as BlockHeader from "../../../domain/p2p/BlockHeader.ts"
import * as HashHex from "../../../domain/p2p/HashHex.ts"
import * as HeadersRefused from "../../../domain/p2p/HeadersRefused.ts"
import * as InventoryType from "../../../domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../domain/p2p/P2PMessage.ts"
import * as PeerAddress from "../../../domain/p2p/PeerAddress.ts"
import type * as HeaderChain from "../../../services/p2p/HeaderChain.ts"
import * as HeaderSync from "../../../services/p2p/HeaderSync.ts"
import * as P2PConfig from "../../../services/p2p/P2PConfig.ts"
import type * as Peer from "../../../services/p2p/Peer.ts"
import * as PeerError from "../../../services/p2p/PeerError.ts"
import type * as PeerManager from "../../../services/p2p/PeerManager.ts"
import * as Alarms from "../../alarms.ts"
import * as Runner from "../../runner.ts"
import * as Plan from "./plan.ts"

/** @internal */
export interface Options {
  readonly stallTimeout: Duration.Duration
  readonly chain: HeaderChain.HeaderChain["Service"]
  readonly peers: PeerManager.PeerManager["Service"]
}

/** When a chain that could not be stored is tried again, in milliseconds. */
const storeAgainAfter = 30_000

/** How long a peer that may have nothing more is waited for, in milliseconds. What it says later is taken all the same. */
const probeTimeout = 5000

/** A second stall within some hours is one too many. */
const stallPoints = 600

/** As bad headers cost: no honest peer does such things. */
const nonsensePoints = 1001

const fruitless = new PeerError.Misbehaved({
  what: "headers without end that do not make a better chain",
  points: nonsensePoints
})

const unconnected = new PeerError.Misbehaved({ what: "headers that connect to nothing", points: nonsensePoints })

class Sync {
  readonly #options: Options
  readonly #status: SubscriptionRef.SubscriptionRef<HeaderSync.SyncStatus>
  readonly #plan = new Plan.Plan()
  readonly #runner: Runner.Runner
  readonly #alarm: Alarms.Alarm

  constructor(
    options: Options,
    status: SubscriptionRef.SubscriptionRef<HeaderSync.SyncStatus>,
    runner: Runner.Runner
  ) {
    this.#options = options
    this.#status = status
    this.#runner = runner
    this.#alarm = new Alarms.Alarm(runner.alarms, { ring: (now) => this.#onAlarm(now) })
  }

  /**
   * Takes part in what a peer says. Whoever dialled us without having blocks has nothing to say here; whom we dialled is
   * asked: nodes that have no old blocks any more have all headers.
   */
  readonly attach = (peer: Peer.Peer): Effect.Effect<void, never, Scope.Scope> =>
    Effect.gen({ self: this }, function*() {
      yield* peer.handle((message) => message._tag === "getheaders" ? this.#answer(peer, message) : undefined)
      const hasBlocks = PeerAddress.offers(peer.version.services, PeerAddress.Service.network)
      if (!hasBlocks && peer.side === "accepted") return
      const candidate = yield* Effect.acquireRelease(
        Effect.sync(() => this.#plan.join(peer)),
        () => Effect.andThen(Effect.sync(() => this.#plan.leave(peer)), this.#proceed)
      )
      yield* peer.handle((message) => this.#onMessage(candidate, message))
      yield* this.#proceed
    })

  #onMessage(
    candidate: Plan.Candidate,
    message: P2PMessage.P2PMessage
  ): Effect.Effect<void, PeerError.Misbehaved> | void {
    if (message._tag === "headers") return this.#onHeaders(candidate, message.packed)
    if (message._tag === "inv") return this.#onInventory(candidate, message.inventory)
  }

  #onHeaders(candidate: Plan.Candidate, packed: Uint8Array): Effect.Effect<void, PeerError.Misbehaved> {
    if (packed.length === 0) {
      this.#plan.follow(candidate)
      return this.#proceed
    }
    return this.#options.chain.accept(packed).pipe(
      Effect.flatMap((outcome) => this.#onTaken(candidate, packed, outcome)),
      Effect.catchTags({
        HeadersRefused: (refused) => this.#onRefused(candidate, refused, BlockHeader.count(packed)),
        HeaderStoreError: (error) => this.#onNotStored(candidate, error)
      }),
      Effect.andThen(this.#proceed)
    )
  }

  #onTaken(
    candidate: Plan.Candidate,
    packed: Uint8Array,
    outcome: HeaderChain.Outcome
  ): Effect.Effect<void, PeerError.Misbehaved> {
    return Effect.flatMap(this.#moment, (moment) => {
      const isProgress = outcome._tag === "Accepted"
      const count = BlockHeader.count(packed)
      const what = this.#plan.onTaken(candidate, { ...moment, count, isProgress })
      if (what === "fruitless") return Effect.fail(fruitless)
      return what === "ask" ? this.#ask(candidate, BlockHeader.previousAt(packed, count - 1)) : Effect.void
    })
  }

  #onRefused(
    candidate: Plan.Candidate,
    refused: HeadersRefused.HeadersRefused,
    count: number
  ): Effect.Effect<void, PeerError.Misbehaved> {
    const points = HeadersRefused.points(refused)
    if (points > 0) return Effect.fail(new PeerError.Misbehaved({ what: refused.message, points }))
    if (refused.reason._tag !== "UnknownParent") {
      this.#plan.follow(candidate)
      return Effect.logWarning(refused.message)
    }
    if (!this.#plan.onUnconnected(candidate, count)) return Effect.fail(unconnected)
    return this.#onNews(candidate)
  }

  #onNews(candidate: Plan.Candidate): Effect.Effect<void> {
    return Effect.flatMap(
      this.#moment,
      (moment) => this.#plan.onNews(candidate, moment) ? this.#ask(candidate) : Effect.void
    )
  }

  /** The headers were good: it is no fault of the peer. */
  #onNotStored(candidate: Plan.Candidate, error: Error): Effect.Effect<void> {
    this.#plan.postpone(candidate)
    this.#runner.fork(Effect.delay(this.#proceed, storeAgainAfter))
    return Effect.logError("Headers could not be stored, and are asked for again", error)
  }

  #onInventory(
    candidate: Plan.Candidate,
    inventory: ReadonlyArray<P2PMessage.Inventory>
  ): Effect.Effect<void> | void {
    const last = inventory.findLast(({ type }) => type === InventoryType.block)
    if (last === undefined) return
    return Effect.flatMap(
      this.#options.chain.isKnown(last.hash),
      (isKnown) => isKnown ? Effect.void : this.#onNews(candidate)
    )
  }

  /**
   * Asks for what follows the chain, or a block of a branch that the peer has. It is asked from one block below on, so
   * that there is an answer: nodes say nothing when they have nothing.
   */
  #ask({ peer }: Plan.Candidate, after?: Uint8Array): Effect.Effect<void> {
    this.#alarm.set(this.#runner.now() + Math.min(probeTimeout, this.#stallTimeout))
    return Effect.flatMap(this.#locator(after), (locator) =>
      Effect.ignore(peer.send(P2PMessage.make("getheaders", {
        version: P2PConfig.protocol,
        locator,
        stop: HashHex.zero
      }))))
  }

  #locator(after: Uint8Array | undefined): Effect.Effect<ReadonlyArray<Uint8Array>> {
    const { chain } = this.#options
    return Effect.gen(function*() {
      const locator = yield* chain.locator
      if (after !== undefined) return [after, ...locator]
      const { height } = yield* chain.tip
      const below = yield* chain.hashAt(height - 1)
      return Option.match(below, { onNone: () => locator, onSome: (hash) => [hash, ...locator.slice(1)] })
    })
  }

  #answer(peer: Peer.Peer, request: P2PMessage.Of<"getheaders">): Effect.Effect<void> {
    const { locator, stop } = request
    return this.#options.chain.headersAfter({ locator, stop: HashHex.equals(stop, HashHex.zero) ? undefined : stop })
      .pipe(
        Effect.flatMap((packed) => peer.send(P2PMessage.make("headers", { packed }))),
        Effect.ignore
      )
  }

  /** Asks whoever is to be asked now, and says how far the chain is. */
  readonly #proceed: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(
      this.#moment,
      (moment) => Effect.forEach(this.#plan.next(moment), (candidate) => this.#ask(candidate), { discard: true })
    ).pipe(Effect.andThen(this.#tell))
  )

  readonly #moment: Effect.Effect<Plan.Moment> = Effect.suspend(() =>
    Effect.map(this.#options.chain.tip, ({ height }) => ({ height, now: this.#runner.now() }))
  )

  readonly #tell: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(this.#options.chain.tip, ({ height }) => {
      const next = this.#plan.size === 0
        ? HeaderSync.SyncStatus.Alone({ height })
        : this.#plan.isSynced
        ? HeaderSync.SyncStatus.Synced({ height })
        : HeaderSync.SyncStatus.Syncing({ height, target: Math.max(height, this.#plan.target) })
      return SubscriptionRef.updateSome(
        this.#status,
        (current) => isSame(current, next) ? Option.none() : Option.some(next)
      )
    })
  )

  get #stallTimeout(): number {
    return Duration.toMillis(this.#options.stallTimeout)
  }

  #onAlarm(now: number): number | undefined {
    let next: number | undefined
    for (const { candidate, isDue, since } of [...this.#plan.asked()]) {
      const at = since + (isDue ? this.#stallTimeout : Math.min(probeTimeout, this.#stallTimeout))
      if (at <= now) this.#runner.fork(this.#onSilence(candidate, isDue))
      else next = Math.min(next ?? Infinity, at)
    }
    return next
  }

  /** Nodes that have nothing more say so by their silence. One that says that it has more owes an answer. */
  #onSilence(candidate: Plan.Candidate, isDue: boolean): Effect.Effect<void> {
    if (isDue) {
      return candidate.peer.end(
        new PeerError.Stalled({ what: "headers", after: this.#options.stallTimeout, points: stallPoints })
      )
    }
    this.#plan.follow(candidate)
    return this.#proceed
  }
}

const isSame = (a: HeaderSync.SyncStatus, b: HeaderSync.SyncStatus): boolean =>
  a._tag === b._tag && a.height === b.height &&
  (a._tag !== "Syncing" || b._tag !== "Syncing" || a.target === b.target)

/** @internal */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<HeaderSync.HeaderSync["Service"], never, Scope.Scope> {
  const { height } = yield* options.chain.tip
  const status = yield* SubscriptionRef.make<HeaderSync.SyncStatus>(HeaderSync.SyncStatus.Alone({ height }))
  const sync = new Sync(options, status, yield* Runner.make)
  yield* options.peers.register(sync.attach)
  const changes = SubscriptionRef.changes(status)
  return {
    status: SubscriptionRef.get(status),
    changes,
    synced: Stream.runDrain(Stream.takeUntil(changes, ({ _tag }) => _tag === "Synced"))
  }
})
