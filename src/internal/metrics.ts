/**
 * What the managers of one metric registry report to.
 *
 * Counting is adding to plain numbers: the registry asks for them when somebody reads.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import type * as BufferPool from "../services/BufferPool.ts"
import type * as ConnectionState from "../services/ConnectionState.ts"
import type * as DisconnectReason from "../services/DisconnectReason.ts"
import * as NetworkMetrics from "../services/NetworkMetrics.ts"
import type * as SendError from "../services/SendError.ts"
import type * as Lane from "./lane.ts"
import * as Traffic from "./traffic.ts"

/** What gauges are summed from. @internal */
export interface Source {
  readonly peers: Iterable<PeerFacts>
  readonly pool: BufferPool.BufferPool["Service"]
  readonly budget: { readonly held: number }
}

interface PeerFacts {
  readonly side: "dialled" | "accepted"
  readonly state: ConnectionState.ConnectionState
  readonly pendingRequests: number
  readonly normal: Pick<Lane.Lane, "messages" | "bytes">
  readonly high: Pick<Lane.Lane, "messages" | "bytes">
}

/** How a request has come to an end. */
type Outcome = "Replied" | "TimedOut" | "Interrupted" | "Closed" | "Cancelled" | "Refused"

type Loss = "Unhandled" | "Unsent" | "NotPermitted"

/** The states that connections are counted in: those that are closed are gone. */
const counted: ReadonlyArray<readonly [PeerFacts["side"], ConnectionState.ConnectionState["_tag"]]> = [
  ["dialled", "Connecting"],
  ["dialled", "Connected"],
  ["dialled", "Waiting"],
  ["accepted", "LoggingIn"],
  ["accepted", "Connected"]
]

const outcomes: ReadonlyArray<Outcome> = ["Replied", "TimedOut", "Interrupted", "Closed", "Cancelled", "Refused"]
const losses: ReadonlyArray<Loss> = ["Unhandled", "Unsent", "NotPermitted"]

/** A counter by the values of one label, of which there are few. */
class Counts<Value extends string> {
  readonly #metric: Metric.Counter<number>
  readonly #label: string
  readonly #context: Context.Context<never>
  readonly #counts = new Map<Value, { count: number }>()

  constructor(metric: Metric.Counter<number>, label: string, context: Context.Context<never>) {
    this.#metric = metric
    this.#label = label
    this.#context = context
  }

  add(value: Value, count: number): void {
    const known = this.#counts.get(value) ?? this.#register(value)
    known.count += count
  }

  #register(value: Value): { count: number } {
    const cell = { count: 0 }
    this.#counts.set(value, cell)
    Traffic.registerCounter(this.#metric, { [this.#label]: value }, this.#context, () => cell.count)
    return cell
  }
}

/** @internal */
export class Metrics {
  readonly traffic: Traffic.Traffic
  readonly #context: Context.Context<never>
  readonly #sources = new Set<Source>()
  readonly #requests: Counts<Outcome>
  readonly #dropped: Counts<Loss>
  readonly #connectFailures: Counts<DisconnectReason.DisconnectReason["_tag"]>
  readonly #disconnects: Counts<DisconnectReason.DisconnectReason["_tag"]>
  readonly #refused: Counts<DisconnectReason.TurnedAway["problem"] | "PeerBanned">
  #reconnects = 0
  #gauges: ReadonlyArray<Metric.Registration> = []

  constructor(context: Context.Context<never>) {
    this.#context = context
    this.traffic = new Traffic.Traffic(context)
    this.#requests = new Counts(NetworkMetrics.requests, "outcome", context)
    this.#dropped = new Counts(NetworkMetrics.messagesDropped, "cause", context)
    this.#connectFailures = new Counts(NetworkMetrics.connectFailures, "reason", context)
    this.#disconnects = new Counts(NetworkMetrics.disconnects, "reason", context)
    this.#refused = new Counts(NetworkMetrics.newcomersRefused, "reason", context)
    for (const outcome of outcomes) this.#requests.add(outcome, 0)
    for (const loss of losses) this.#dropped.add(loss, 0)
    Traffic.registerCounter(NetworkMetrics.reconnects, {}, context, () => this.#reconnects)
  }

  /** Sums a manager up in the gauges until the returned function is called. */
  addSource(source: Source): () => void {
    if (this.#sources.size === 0) this.#gauges = this.#registerGauges()
    this.#sources.add(source)
    return () => {
      this.#sources.delete(source)
      if (this.#sources.size > 0) return
      for (const gauge of this.#gauges) gauge.remove()
      this.#gauges = []
    }
  }

  requestReplied(millis: number): void {
    this.#requests.add("Replied", 1)
    NetworkMetrics.requestSeconds.updateUnsafe(millis / 1000, this.#context)
  }

  requestCancelled(): void {
    this.#requests.add("Cancelled", 1)
  }

  requestFailed(reason: SendError.RequestError["reason"]): void {
    this.#requests.add(outcomeOf(reason), 1)
  }

  dropped(cause: Loss, messages: number): void {
    if (messages > 0) this.#dropped.add(cause, messages)
  }

  reconnected(): void {
    this.#reconnects += 1
  }

  connectFailed(reason: DisconnectReason.DisconnectReason): void {
    this.#connectFailures.add(reason._tag, 1)
  }

  disconnected(reason: DisconnectReason.DisconnectReason): void {
    this.#disconnects.add(reason._tag, 1)
  }

  refused(reason: DisconnectReason.TurnedAway | DisconnectReason.PeerBanned): void {
    this.#refused.add(reason._tag === "TurnedAway" ? reason.problem : reason._tag, 1)
  }

  #registerGauges(): ReadonlyArray<Metric.Registration> {
    const add = (gauge: Metric.Gauge<number>, labels: Record<string, string>, read: () => number) =>
      Traffic.registerGauge(gauge, labels, this.#context, read)
    const sum = (f: (peer: PeerFacts) => number) => () => this.#sumPeers(f)
    const ofPools = (f: (stats: BufferPool.Stats) => number) => () => this.#sumPools(f)
    return [
      ...counted.map(([side, state]) =>
        add(NetworkMetrics.connections, { side, state }, sum((peer) => isIn(peer, side, state) ? 1 : 0))
      ),
      add(NetworkMetrics.laneMessages, { lane: "normal" }, sum((peer) => peer.normal.messages)),
      add(NetworkMetrics.laneMessages, { lane: "high" }, sum((peer) => peer.high.messages)),
      add(NetworkMetrics.laneBytes, { lane: "normal" }, sum((peer) => peer.normal.bytes)),
      add(NetworkMetrics.laneBytes, { lane: "high" }, sum((peer) => peer.high.bytes)),
      add(NetworkMetrics.bytesInFlight, {}, () => this.#sumHeld()),
      add(NetworkMetrics.requestsPending, {}, sum((peer) => peer.pendingRequests)),
      add(NetworkMetrics.slabsTaken, {}, ofPools((stats) => stats.taken)),
      add(NetworkMetrics.slabBytes, { use: "taken" }, ofPools((stats) => stats.takenBytes)),
      add(NetworkMetrics.slabBytes, { use: "free" }, ofPools((stats) => stats.freeBytes)),
      add(NetworkMetrics.slabsAllocated, {}, ofPools((stats) => stats.allocated))
    ]
  }

  /** What waits in the lanes of a closed connection will never leave. */
  #sumPeers(f: (peer: PeerFacts) => number): number {
    let sum = 0
    for (const { peers } of this.#sources) {
      for (const peer of peers) if (peer.state._tag !== "Closed") sum += f(peer)
    }
    return sum
  }

  #sumHeld(): number {
    let sum = 0
    for (const { budget } of this.#sources) sum += budget.held
    return sum
  }

  /** Managers may share a pool. One whose statistics cannot be had at once counts as empty. */
  #sumPools(f: (stats: BufferPool.Stats) => number): number {
    const pools = new Set(Array.from(this.#sources, ({ pool }) => pool))
    let sum = 0
    for (const pool of pools) {
      const stats = Effect.runSyncExit(pool.stats)
      if (Exit.isSuccess(stats)) sum += f(stats.value)
    }
    return sum
  }
}

const isIn = (peer: PeerFacts, side: string, state: string): boolean => peer.side === side && peer.state._tag === state

const outcomeOf = (reason: SendError.RequestError["reason"]): Outcome => {
  switch (reason._tag) {
    case "RequestTimedOut":
      return "TimedOut"
    case "RequestInterrupted":
      return "Interrupted"
    case "ConnectionClosed":
      return "Closed"
    default:
      return "Refused"
  }
}

/** By registry, and by the attributes that all metrics of a context have. */
const known = new WeakMap<Metric.MetricRegistry, Map<string, Metrics>>()

/**
 * The metrics of a context. Managers that share a registry share them.
 *
 * @internal
 */
export const of = (context: Context.Context<never>): Metrics => {
  const registry = Context.get(context, Metric.MetricRegistry)
  const byAttributes = known.get(registry) ?? new Map<string, Metrics>()
  known.set(registry, byAttributes)
  const attributes = Object.entries(Context.get(context, Metric.CurrentMetricAttributes)).sort()
  const key = JSON.stringify(attributes)
  const metrics = byAttributes.get(key) ??
    new Metrics(Context.pick(Metric.MetricRegistry, Metric.CurrentMetricAttributes)(context))
  byAttributes.set(key, metrics)
  return metrics
}
