/**
 * One open wallet at work: lets its scanner talk with peers, follows the chain, and saves.
 */
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SyncPlan from "../../../domain/p2p/SyncPlan.ts"
import type * as WalletElement from "../../../domain/p2p/WalletElement.ts"
import type * as WalletFile from "../../../domain/p2p/WalletFile.ts"
import type * as Downloads from "../../../services/p2p/Downloads.ts"
import type * as HeaderChain from "../../../services/p2p/HeaderChain.ts"
import type * as Peer from "../../../services/p2p/Peer.ts"
import * as PeerError from "../../../services/p2p/PeerError.ts"
import type * as WalletEvent from "../../../services/p2p/WalletEvent.ts"
import type * as Wallets from "../../../services/p2p/Wallets.ts"
import type * as WalletStore from "../../../services/p2p/WalletStore.ts"
import * as Alarms from "../../alarms.ts"
import type * as Runner from "../../runner.ts"
import * as Turn from "../../turn.ts"
import * as Alignment from "./alignment.ts"
import type * as Outbox from "./outbox.ts"
import * as Scanner from "./scanner.ts"
import * as Snapshots from "./snapshots.ts"

/** What an agent works with. @internal */
export interface Services {
  readonly chain: HeaderChain.HeaderChain["Service"]
  readonly downloads: Downloads.Downloads["Service"]
  readonly store: WalletStore.WalletStore["Service"]
  readonly hash256: (bytes: Uint8Array) => Uint8Array
  readonly random64: () => bigint
}

/** The options of a wallet, checked. @internal */
export interface Settings {
  readonly id: string
  readonly firstBlock: Wallets.FirstBlock
  readonly elements: ReadonlyArray<WalletElement.WalletElement>
  readonly falsePositiveRate: number
  readonly falsePositives: boolean
}

/** @internal */
export interface Options {
  readonly services: Services
  readonly settings: Settings
  readonly runner: Runner.Runner
  readonly snapshot: WalletFile.Snapshot
  readonly outbox: Outbox.Outbox
}

/**
 * - `Unknown`: the chain has not reached the first block of the wallet.
 * - `Unaligned`: the chain is to show that it has the blocks which the wallet has looked at in another run.
 * - `Running`: blocks are asked for.
 */
type Phase = "Unknown" | "Unaligned" | "Running"

/** Those of longest ago are forgotten. */
const maxServed = 1000

const saveDelay = "2 seconds"
const retryDelay = "30 seconds"

/** Times of blocks may be that far off, in seconds. */
const timeSlack = 7200

/** @internal */
export class Agent {
  readonly id: string
  readonly outbox: Outbox.Outbox
  readonly scanner: Scanner.Scanner
  /** Whoever changes what the scanner knows, or would see half of a block in it, waits for this. */
  readonly turn = new Turn.Turn()
  readonly peers = new Map<string, Peer.Peer>()
  /** Those of longest ago first. */
  readonly #served: Set<string>
  readonly #services: Services
  readonly #settings: Settings
  readonly #runner: Runner.Runner
  readonly #alarm: Alarms.Alarm
  readonly #mayAsk = Latch.makeUnsafe(true)
  readonly #mustSave = Latch.makeUnsafe(true)
  readonly #tweak: number
  #phase: Phase

  constructor({ outbox, runner, services, settings, snapshot }: Options) {
    this.id = settings.id
    this.#services = services
    this.#settings = settings
    this.#runner = runner
    this.#tweak = snapshot.tweak
    this.#served = new Set(snapshot.served)
    this.#phase = snapshot.first === undefined ? "Unknown" : "Unaligned"
    this.outbox = outbox
    outbox.begin({ deliveredTo: snapshot.syncedTo, onDelivered: (event) => this.#onDelivered(event) })
    this.scanner = new Scanner.Scanner({
      ...Snapshots.restore(snapshot),
      hash256: services.hash256,
      falsePositiveRate: settings.falsePositiveRate,
      falsePositives: settings.falsePositives,
      tweak: snapshot.tweak,
      ports: this.#makePorts()
    })
    this.#alarm = new Alarms.Alarm(runner.alarms, { ring: (now) => this.scanner.onAlarm(now) })
  }

  readonly start: Effect.Effect<void, never, Scope.Scope> = Effect.gen({ self: this }, function*() {
    const { events } = yield* this.#services.chain.subscribe
    yield* Effect.addFinalizer(() => this.#close)
    this.#runner.fork(Stream.runForEach(events, (event) => this.#onChain(event)))
    this.#runner.fork(this.#forever(this.#mayAsk, this.#ask))
    this.#runner.fork(this.#forever(this.#mustSave, this.#saveSoon))
  })

  /** Watches for what it is opened with. What is new is looked for from the first block on that was asked for. */
  readonly watchFirst: Effect.Effect<Result.Result<void, WalletElement.BadElement>> = Effect.map(
    Effect.suspend(() => this.#firstWanted),
    (wanted) => {
      const isKnown = this.#phase !== "Unknown"
      if (isKnown && wanted < this.scanner.plan.first) this.scanner.rescan(wanted)
      return this.scanner.add(this.#settings.elements, isKnown ? wanted : undefined)
    }
  )

  /** Watches for more. Default: from the next block on. */
  add(
    elements: ReadonlyArray<WalletElement.WalletElement>,
    from: number | undefined
  ): Effect.Effect<Result.Result<void, WalletElement.BadElement>> {
    return this.turn.whenFree(() => {
      const first = this.#phase === "Unknown" ? undefined : from ?? this.scanner.plan.scannedTo + 1
      return this.scanner.add(elements, first)
    })
  }

  /** Takes a peer into service, and returns one that is forgotten for it. */
  join(key: string, peer: Peer.Peer): string | undefined {
    this.peers.set(key, peer)
    this.#served.delete(key)
    this.#served.add(key)
    this.scanner.join(key)
    const [oldest] = this.#served
    if (this.#served.size <= maxServed || oldest === undefined) return undefined
    this.#served.delete(oldest)
    return oldest
  }

  leave(key: string): void {
    this.peers.delete(key)
    this.scanner.leave(key)
  }

  /** Heights of the plan; none while there is no plan. */
  height(f: (plan: SyncPlan.SyncPlan) => number): Option.Option<number> {
    return this.#phase === "Unknown" ? Option.none() : Option.some(f(this.scanner.plan))
  }

  #makePorts(): Scanner.Ports {
    const { downloads, random64 } = this.#services
    const withPeer = (key: string, f: (peer: Peer.Peer) => Effect.Effect<unknown, unknown>) => {
      const peer = this.peers.get(key)
      // A peer that is gone by then leaves by itself.
      if (peer !== undefined) this.#runner.fork(Effect.ignore(f(peer)))
    }
    return {
      send: (key, messages) => withPeer(key, (peer) => peer.sendAll(messages)),
      expect: (key, txids) => withPeer(key, (peer) => downloads.expect(peer, txids)),
      punish: (key, points, what) => withPeer(key, (peer) => peer.end(new PeerError.Misbehaved({ what, points }))),
      dismiss: (key, because) => withPeer(key, (peer) => peer.end(new PeerError.Dismissed({ because }))),
      tell: (event) => this.outbox.tell(event),
      takeBack: (height) => this.outbox.takeBack(height),
      wake: () => this.#wake(),
      nonce: random64
    }
  }

  #wake(): void {
    this.#mayAsk.openUnsafe()
    this.#mustSave.openUnsafe()
  }

  #onDelivered(event: WalletEvent.WalletEvent): void {
    if (event._tag === "Matched" && event.isExact) this.scanner.ledger.deliver(event.txid, event.blockHash)
    this.#wake()
  }

  #onChain(event: HeaderChain.Event): Effect.Effect<void> {
    return this.turn.whenFree(() => {
      if (this.#phase === "Running" && event._tag === "Reorganised") this.scanner.rollBack(event.forkHeight)
      this.#mayAsk.openUnsafe()
    })
  }

  /** Runs an effect each time that a latch was opened. */
  #forever(latch: Latch.Latch, effect: Effect.Effect<void>): Effect.Effect<never> {
    return Effect.forever(Effect.andThen(
      latch.await,
      Effect.suspend(() => {
        latch.closeUnsafe()
        return effect
      })
    ))
  }

  /** The first block that the wallet was opened for; one above the tip when the chain has not reached its time. */
  get #firstWanted(): Effect.Effect<number> {
    const { firstBlock } = this.#settings
    return "height" in firstBlock
      ? Effect.succeed(firstBlock.height)
      : this.#services.chain.heightAtTime(firstBlock.time - timeSlack)
  }

  readonly #ask: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    if (this.#phase === "Unknown") yield* this.#findFirst()
    if (this.#phase === "Unaligned") yield* this.#align()
    if (this.#phase !== "Running") return
    yield* this.#giveTasks()
    const { height } = yield* this.#services.chain.tip
    yield* this.turn.whenFree(() => {
      if (this.scanner.plan.scannedTo === height) this.scanner.tellSynced()
    })
    const next = this.scanner.onAlarm(this.#runner.now())
    if (next !== undefined) this.#alarm.set(next)
  })

  #findFirst(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const first = yield* this.#firstWanted
      const { height } = yield* this.#services.chain.tip
      if (first > height && !("height" in this.#settings.firstBlock)) return
      this.scanner.plan = SyncPlan.make({ first })
      this.outbox.takeBack(first - 1)
      this.#phase = "Running"
    })
  }

  #align(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const { chain } = this.#services
      const found = yield* Alignment.find(chain, this.scanner.trail, this.scanner.ledger)
      if (found._tag === "TooEarly") return
      this.#phase = "Running"
      if (found._tag === "Forked") yield* this.turn.whenFree(() => this.scanner.rollBack(found.height))
    })
  }

  #giveTasks(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      while (true) {
        const { plan } = this.scanner
        const { height } = yield* this.#services.chain.tip
        const proposal = this.scanner.propose(height, this.outbox.hasRoom)
        if (proposal === undefined) return
        const hashes = yield* this.#hashesOf(proposal)
        // Blocks have left the chain, and an event will say so.
        if (hashes === undefined) return
        yield* this.turn.whenFree(() => {
          if (this.scanner.plan === plan) this.scanner.begin(proposal, hashes, this.#runner.now())
        })
      }
    })
  }

  #hashesOf({ from, to }: SyncPlan.Proposal): Effect.Effect<ReadonlyArray<Uint8Array> | undefined> {
    const { chain } = this.#services
    return Effect.gen(function*() {
      const hashes: Array<Uint8Array> = []
      for (let height = from; height <= to; height++) {
        const hash = yield* chain.hashAt(height)
        if (Option.isNone(hash)) return undefined
        hashes.push(hash.value)
      }
      return hashes
    })
  }

  get #save(): Effect.Effect<void, WalletStore.WalletStoreError> {
    const taken = this.turn.whenFree(() => {
      // What was taken back would be forgotten.
      if (this.outbox.isInDoubt) return undefined
      const { deliveredTo } = this.outbox
      return Snapshots.take(this.scanner, { id: this.id, tweak: this.#tweak, deliveredTo, served: this.#served })
    })
    return Effect.flatMap(
      taken,
      (snapshot) => snapshot === undefined ? Effect.void : this.#services.store.save(snapshot)
    )
  }

  readonly #saveSoon: Effect.Effect<void> = Effect.sleep(saveDelay).pipe(
    Effect.andThen(Effect.suspend(() => this.#save)),
    Effect.catch((error) =>
      Effect.logWarning(`The wallet "${this.id}" could not be saved, and is tried again`, error).pipe(
        Effect.andThen(Effect.sleep(retryDelay)),
        Effect.andThen(Effect.sync(() => void this.#mustSave.openUnsafe()))
      )
    )
  )

  get #close(): Effect.Effect<void> {
    const goodbye = new PeerError.Dismissed({ because: "the wallet that it served is closed" })
    return Effect.suspend(() => this.#save).pipe(
      Effect.catch((error) => Effect.logError(`The wallet "${this.id}" could not be saved`, error)),
      Effect.andThen(Effect.suspend(() => Effect.forEach([...this.peers.values()], (peer) => peer.end(goodbye)))),
      Effect.andThen(this.outbox.end)
    )
  }
}
