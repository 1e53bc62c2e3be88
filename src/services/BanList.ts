/**
 * Who has misbehaved, and who is turned away for it.
 *
 * Any code may punish a peer with points. Points belong to the peer's address (IPv6: its /64), so they survive a
 * reconnect; they fade with time, and 1000 of them ban the address for 24 hours. Connection managers ask
 * `isBanned` before they accept, and `subscribe` so that the connections of whoever is banned close at once.
 *
 * **Details**
 *
 * What is known lives in a `BanListStore`. A store that fails never breaks a connection: `punish`, `isBanned` and `score`
 * then behave as if nothing were known about the peer (fail open). The first such failure is logged as a warning, the
 * following ones at debug level until the store answers again. `ban`, `unban` and `list` are for operators and fail with
 * `BanListError`.
 *
 * **Gotchas**
 *
 * `bans` and `subscribe` tell of the bans that this ban list made, and of those of others that its store hears of: see
 * `changes` of `BanListStore`. What another process wrote into a store that cannot tell is seen by the next `isBanned`.
 *
 * **Example** (Banning a network)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { IpNetwork, NetAddress } from "effect/net"
 * import * as BanList from "effect-flowee/BanList"
 *
 * const program = Effect.gen(function*() {
 *   const banList = yield* BanList.BanList
 *   yield* banList.ban(IpNetwork.fromStringUnsafe("203.0.113.0/24"), { duration: "7 days", reason: "abuse report" })
 *   return yield* banList.isBanned(NetAddress.inetAddressFromStringUnsafe("203.0.113.9:4000")) // true
 * }).pipe(Effect.provide(BanList.layerMemory()))
 * ```
 *
 * Source: network manager behaviour, "Punishment and bans" and "Listening".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import type * as IpNetwork from "effect/net/IpNetwork"
import type * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Take from "effect/Take"
import * as OptionRules from "../domain/internal/optionRules.ts"
import * as PeerGroup from "../domain/PeerGroup.ts"
import * as Punishment from "../domain/Punishment.ts"
import * as BanListStore from "./BanListStore.ts"
import type * as NetworkConfig from "./NetworkConfig.ts"
import * as NetworkMetrics from "./NetworkMetrics.ts"

/**
 * A ban that is in force.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ban {
  /** Whom it covers, see `PeerGroup.contains`. */
  readonly group: PeerGroup.PeerGroup
  /** When it ends. A ban for ever ends at the last moment that a `Date` can tell. */
  readonly until: DateTime.Utc
  readonly reason: string
}

/**
 * What a punishment led to.
 *
 * - `Tolerated`: the peer has that many points now.
 * - `Banned`: the peer's group is banned. `isNew` is `false` when it was banned before.
 * - `Ignored`: nothing was recorded, because the peer is on a Unix socket, the store failed, or nobody keeps a list. A
 *   `Peer` that was dialled on this machine is such a local peer too.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict =
  | { readonly _tag: "Tolerated"; readonly points: number }
  | { readonly _tag: "Banned"; readonly ban: Ban; readonly isNew: boolean }
  | { readonly _tag: "Ignored"; readonly because: "LocalPeer" | "StoreFailed" | "Disabled" }

/**
 * Whom a ban is for: a peer (its whole group, see `PeerGroup`), or all peers of a network.
 *
 * @category models
 * @since 0.1.0
 */
export type Target = NetAddress.SocketAddress | NetAddress.IpAddress | IpNetwork.IpNetwork

/**
 * Options of a ban.
 *
 * @category models
 * @since 0.1.0
 */
export interface BanOptions {
  /** How long it lasts, at least 1 ms; `Duration.infinity` is for ever. Default: the `banDuration` of the ban list. */
  readonly duration?: Duration.Input | undefined
  /** Why, for whoever reads the list. Default: empty. */
  readonly reason?: string | undefined
}

/**
 * The points and bans of peers.
 *
 * @category services
 * @since 0.1.0
 */
export class BanList extends Context.Service<BanList, {
  /** Gives a peer points; negative ones forgive. `reason` is what a ban that follows is listed with. Never fails. */
  readonly punish: (address: NetAddress.SocketAddress, points: number, reason: string) => Effect.Effect<Verdict>
  /** Tells whether a peer is to be turned away: its group is banned, or a network that it lies in. Never fails. */
  readonly isBanned: (address: NetAddress.SocketAddress) => Effect.Effect<boolean>
  /** The points that a peer has left, 0 during a ban. Never fails. */
  readonly score: (address: NetAddress.SocketAddress) => Effect.Effect<number>
  /** Bans a peer or a network from now on, in place of a ban it has. Without effect on a Unix socket. */
  readonly ban: (
    target: Target,
    options?: BanOptions
  ) => Effect.Effect<void, BanListStore.BanListError | NetworkConfig.BadOption>
  /**
   * Lifts the ban of exactly this peer or network and forgives its points. `false` when it was not banned. The ban of a
   * network around it stays.
   */
  readonly unban: (target: Target) => Effect.Effect<boolean, BanListStore.BanListError>
  /** The bans in force. */
  readonly list: Effect.Effect<ReadonlyArray<Ban>, BanListStore.BanListError>
  /** The bans that are made from now on, until the ban list closes. A reader that lags by over 256 misses the oldest. */
  readonly bans: Stream.Stream<Ban>
  /** Calls `f` in the same tick for each ban that is made, until the scope is closed. It misses none. */
  readonly subscribe: (f: (ban: Ban) => void) => Effect.Effect<void, never, Scope.Scope>
}>()("effect-flowee/BanList") {}

const annotations = { package: "effect-flowee", module: "BanList" }

const toBan = (group: PeerGroup.PeerGroup, standing: Punishment.Standing): Ban => ({
  group,
  until: DateTime.makeUnsafe(Math.min(standing.bannedUntil, Punishment.forever)),
  reason: standing.reason
})

const ignored = (because: "LocalPeer" | "StoreFailed" | "Disabled"): Verdict => ({ _tag: "Ignored", because })

const ignoreLocal = <A>(value: A): Effect.Effect<A> =>
  Effect.as(Effect.logDebug("A peer on a Unix socket is neither punished nor banned"), value)

/** Runs what a connection waits for: a failure of the store becomes `fallback`, logged once until it answers again. */
const makeFailOpen = () => {
  let failing = false
  return <A>(operation: Effect.Effect<A, BanListStore.BanListError>, fallback: A): Effect.Effect<A> =>
    Effect.matchEffect(operation, {
      onSuccess: (value) => {
        failing = false
        return Effect.succeed(value)
      },
      onFailure: (error) => {
        const log = failing ? Effect.logDebug : Effect.logWarning
        failing = true
        return Effect.as(log("The ban list cannot use its store, so no peer is turned away", error), fallback)
      }
    })
}

/** Tells of new bans: at once to those who subscribed, and through a stream. */
const makeAnnouncer = Effect.gen(function*() {
  const pubsub = yield* PubSub.sliding<Take.Take<Ban>>(256)
  yield* Effect.addFinalizer(() => PubSub.end(pubsub, Exit.void))
  const subscribers = new Set<{ readonly tell: (ban: Ban) => void }>()
  return {
    // One subscriber that throws must not keep the others from closing their connections.
    announce: (ban: Ban) =>
      Effect.forEach(
        [...subscribers],
        (subscriber) =>
          Effect.ignoreCause(Effect.sync(() => subscriber.tell(ban)), {
            log: "Error",
            message: "A subscriber of the ban list threw"
          }),
        { discard: true }
      ).pipe(
        Effect.andThen(PubSub.publish(pubsub, [ban])),
        Effect.andThen(Metric.update(NetworkMetrics.bans, 1)),
        Effect.andThen(Effect.logDebug(`Banned ${PeerGroup.format(ban.group)}`, ban.reason))
      ),
    bans: Stream.fromPubSubTake(pubsub),
    subscribe: (f: (ban: Ban) => void) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          const subscriber = { tell: f }
          subscribers.add(subscriber)
          return subscriber
        }),
        (subscriber) => Effect.sync(() => subscribers.delete(subscriber))
      ))
  }
})

const makeOver = Effect.fnUntraced(
  function*(policy: Punishment.Policy) {
    const store = yield* BanListStore.BanListStore
    const failOpen = makeFailOpen()
    const { announce, bans, subscribe } = yield* makeAnnouncer
    const banDuration = OptionRules.time(policy.banMillis, 1)

    yield* Stream.runForEach(store.changes, ({ key, standing }) => {
      const group = PeerGroup.fromKey(key)
      return Option.isSome(group) ? announce(toBan(group.value, standing)) : Effect.void
    }).pipe(
      Effect.annotateLogs(annotations),
      Effect.forkScoped({ startImmediately: true })
    )

    const record = (group: PeerGroup.PeerGroup, points: number, reason: string) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (now) =>
          store.update(PeerGroup.key(group), (current): readonly [Verdict, Option.Option<Punishment.Standing>] => {
            const before = Option.getOrElse(current, () => Punishment.clean(now))
            const after = Punishment.punish(before, { points, reason, now, policy })
            const verdict: Verdict = Punishment.isBanned(after, now)
              ? { _tag: "Banned", ban: toBan(group, after), isNew: !Punishment.isBanned(before, now) }
              : { _tag: "Tolerated", points: after.points }
            return [verdict, Punishment.isClean(after, now, policy) ? Option.none() : Option.some(after)]
          })
      )

    const isCovered = (group: PeerGroup.PeerGroup) =>
      Effect.zipWith(
        store.find(PeerGroup.covering(group)),
        Clock.currentTimeMillis,
        (entries, now) => entries.some((entry) => Punishment.isBanned(entry.standing, now))
      )

    const scoreOf = (group: PeerGroup.PeerGroup) =>
      Effect.zipWith(
        store.find([PeerGroup.key(group)]),
        Clock.currentTimeMillis,
        (entries, now) => entries.length === 0 ? 0 : Punishment.score(entries[0].standing, now, policy)
      )

    const ban = Effect.fnUntraced(function*(group: PeerGroup.PeerGroup, options: BanOptions) {
      const duration = yield* Effect.fromResult(OptionRules.check("duration", banDuration, options.duration))
      const now = yield* Clock.currentTimeMillis
      const standing = Punishment.ban({ now, duration: Duration.toMillis(duration), reason: options.reason ?? "" })
      yield* store.update(PeerGroup.key(group), () => [undefined, Option.some(standing)])
      return toBan(group, standing)
    })

    const unban = (group: PeerGroup.PeerGroup) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        store.update(PeerGroup.key(group), (current) => [
          Option.isSome(current) && Punishment.isBanned(current.value, now),
          Option.none()
        ]))

    const list = Effect.zipWith(
      store.list,
      Clock.currentTimeMillis,
      (entries, now) =>
        entries.flatMap(({ key, standing }) => {
          const group = PeerGroup.fromKey(key)
          return Option.isSome(group) && Punishment.isBanned(standing, now) ? [toBan(group.value, standing)] : []
        })
    )

    return BanList.of({
      punish: (address, points, reason) => {
        const group = PeerGroup.fromAddress(address)
        if (group._tag === "Local") return ignoreLocal(ignored("LocalPeer"))
        // A ban that is recorded must be told of, so nothing may come between the two.
        return Effect.uninterruptibleMask((restore) =>
          Effect.tap(
            restore(failOpen(record(group, points, reason), ignored("StoreFailed"))),
            (verdict) => verdict._tag === "Banned" && verdict.isNew ? announce(verdict.ban) : Effect.void
          )
        ).pipe(Effect.annotateLogs(annotations))
      },
      isBanned: (address) => {
        const group = PeerGroup.fromAddress(address)
        return group._tag === "Local"
          ? Effect.succeed(false)
          : Effect.annotateLogs(failOpen(isCovered(group), false), annotations)
      },
      score: (address) => Effect.annotateLogs(failOpen(scoreOf(PeerGroup.fromAddress(address)), 0), annotations),
      ban: (target, options = {}) => {
        const group = PeerGroup.fromTarget(target)
        if (group._tag === "Local") return ignoreLocal(undefined)
        return Effect.uninterruptibleMask((restore) => Effect.flatMap(restore(ban(group, options)), announce)).pipe(
          Effect.annotateLogs(annotations)
        )
      },
      unban: (target) => unban(PeerGroup.fromTarget(target)),
      list,
      bans,
      subscribe
    })
  }
)

/**
 * Makes a ban list over the store. `bans` ends with the scope. Without options it cannot fail.
 *
 * @category constructors
 * @since 0.1.0
 */
export function make(): Effect.Effect<BanList["Service"], never, BanListStore.BanListStore | Scope.Scope>
export function make(
  options: Punishment.Options | undefined
): Effect.Effect<BanList["Service"], NetworkConfig.BadOption, BanListStore.BanListStore | Scope.Scope>
export function make(
  options?: Punishment.Options
): Effect.Effect<BanList["Service"], NetworkConfig.BadOption, BanListStore.BanListStore | Scope.Scope> {
  return Effect.flatMap(Effect.fromResult(Punishment.makePolicy(options)), makeOver)
}

/**
 * Provides a ban list over the `BanListStore` in the context. Without options it cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(): Layer.Layer<BanList, never, BanListStore.BanListStore>
export function layer(
  options: Punishment.Options | undefined
): Layer.Layer<BanList, NetworkConfig.BadOption, BanListStore.BanListStore>
export function layer(
  options?: Punishment.Options
): Layer.Layer<BanList, NetworkConfig.BadOption, BanListStore.BanListStore> {
  return Layer.effect(BanList, make(options))
}

/**
 * Options of {@link layerMemory}.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryOptions extends Punishment.Options, BanListStore.MemoryOptions {}

/**
 * Provides a ban list that forgets everything when the program ends. Without options it cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerMemory(): Layer.Layer<BanList>
export function layerMemory(options: MemoryOptions | undefined): Layer.Layer<BanList, NetworkConfig.BadOption>
export function layerMemory(options?: MemoryOptions): Layer.Layer<BanList, NetworkConfig.BadOption> {
  return Layer.provide(layer(options), BanListStore.layerMemory(options))
}

/**
 * Provides a ban list that records nothing and turns nobody away.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNoop: Layer.Layer<BanList> = Layer.succeed(BanList, {
  punish: () => Effect.succeed(ignored("Disabled")),
  isBanned: () => Effect.succeed(false),
  score: () => Effect.succeed(0),
  ban: () => Effect.void,
  unban: () => Effect.succeed(false),
  list: Effect.succeed([]),
  bans: Stream.empty,
  subscribe: () => Effect.void
})
