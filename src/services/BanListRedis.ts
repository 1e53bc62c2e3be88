/**
 * A ban list that machines share: the store of a `BanList` in Redis.
 *
 * What one machine bans is turned away by all of them within a second, and its connections to them close; points add up
 * over all of them. Each machine holds all entries in memory, so nothing that a connection waits for waits for Redis,
 * and a Redis that is down stops nobody.
 *
 * **Details**
 *
 * A change is made in Redis at once, by a script that compares and sets, so none is lost among machines that change the
 * same entry. Each change has a number, and every half second (`interval`) each machine asks for those it has not seen.
 * That is one small command while there are none; unlike messages of a channel it loses nothing while a machine is
 * away, and it is how a machine knows that Redis is there.
 *
 * While Redis is away, or was not there yet at the start, a machine goes on with what it has in memory, and its changes
 * hold on that machine only. One warning is logged, and one line when Redis is back. Then what changed meanwhile goes
 * both ways: where two changed the same entry, a ban beats points, the ban that ends later beats the other, and of
 * points the larger number counts. A Redis that comes back empty, or with older data, is filled again.
 *
 * A ban that is over is removed within minutes, and so are points that nobody adds to for `keepPoints`. When there are
 * too many entries, the cheapest go: points that were not touched for longest, then the bans that end first. Reasons are
 * cut at 500 characters.
 *
 * **Gotchas**
 *
 * The end of a ban is a moment in time, so the clocks of the machines must agree. `maxEntries` should be the same on
 * all of them.
 *
 * A ban that is lifted while Redis is away, and of which Redis has lost the data when it is back, comes back with it: the
 * other machines still have it, and fill Redis again.
 *
 * A change that Redis has not answered within `timeout` counts as made on this machine, and is told again later.
 *
 * **Example** (Machines that share bans)
 *
 * ```ts
 * import { Layer } from "effect"
 * import * as BanList from "effect-flowee/BanList"
 * import * as BanListRedis from "effect-flowee/BanListRedis"
 *
 * // Needs a Redis that reconnects by itself. On Node.js: NodeBanList.layerRedis.
 * const Bans = Layer.provide(BanList.layer(), BanListRedis.layer({ prefix: "hubs:bans" }))
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redis from "effect/persistence/Redis"
import type * as Scope from "effect/Scope"
import * as OptionRules from "../domain/internal/optionRules.ts"
import * as News from "../internal/bans/news.ts"
import * as RedisEntries from "../internal/bans/redisEntries.ts"
import * as Shared from "../internal/bans/shared.ts"
import * as Standing from "../internal/bans/standing.ts"
import * as BanListStore from "./BanListStore.ts"
import type * as NetworkConfig from "./NetworkConfig.ts"

/**
 * Options of a ban list in Redis.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** What the names of the keys begin with: those that share a list have the same. Default: `"flowee:bans"`. */
  readonly prefix?: string | undefined
  /** The most groups that are remembered: 1 to 10,000,000. Default: 100,000, which take 30 MB on each machine. */
  readonly maxEntries?: number | undefined
  /** How long points are remembered that nobody adds to, at least 1 hour. Default: 30 days. */
  readonly keepPoints?: Duration.Input | undefined
  /** How often news are asked for, 10 ms to 1 hour. Default: 500 ms. */
  readonly interval?: Duration.Input | undefined
  /** How long Redis may take to answer, 10 ms to 1 minute. Default: 1 second. */
  readonly timeout?: Duration.Input | undefined
}

const rules = {
  maxEntries: OptionRules.count(100_000, 1, 10_000_000),
  keepPoints: OptionRules.time("30 days", 3_600_000),
  interval: OptionRules.time("500 millis", 10, 3_600_000),
  timeout: OptionRules.time("1 second", 10, 60_000)
}

const retryAfter = Duration.seconds(1)
const sweepEvery = Duration.toMillis("1 minute")

const annotations = { package: "effect-flowee", module: "BanListRedis" }

const noAnswer = new Redis.RedisError({ cause: new Error("it does not answer") })

/** Whether there is a Redis to talk to. */
type Link =
  | { readonly _tag: "Joined"; readonly entries: RedisEntries.RedisEntries }
  | { readonly _tag: "Apart"; readonly isKnown: boolean }

/** Redis cannot be used, for whatever reason the given layer has. */
type Connect<E> = Effect.Effect<Redis.Redis["Service"], E, Scope.Scope>

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Option.getOrElse(Cause.findErrorOption(cause), () => Cause.squash(cause))
  const inner = error instanceof Redis.RedisError ? error.cause : error
  return inner instanceof Error ? inner.message || inner.name : String(inner)
}

const makeWith = Effect.fnUntraced(function*<E>(connect: Connect<E>, options: Options) {
  const settings = yield* Effect.fromResult(OptionRules.resolve(rules, options))
  const prefix = options.prefix ?? "flowee:bans"
  const news = yield* News.make
  const shared = new Shared.Shared({
    maxEntries: settings.maxEntries,
    keepPoints: Duration.toMillis(settings.keepPoints),
    onNews: news.tell
  })
  const { replica } = shared
  const tried = yield* Deferred.make<void>()
  let link: Link = { _tag: "Apart", isKnown: false }

  const bound = <A>(command: Effect.Effect<A, Redis.RedisError>) =>
    Effect.timeoutOrElse(command, {
      duration: settings.timeout,
      orElse: () => Effect.fail(noAnswer)
    })

  const part = (cause: Cause.Cause<unknown>) =>
    Effect.suspend(() => {
      const isKnown = link._tag === "Apart" && link.isKnown
      link = { _tag: "Apart", isKnown: true }
      return isKnown
        ? Effect.logDebug("Redis still cannot be used", cause)
        : Effect.logWarning(`Bans and points are not shared: Redis cannot be used (${reasonOf(cause)})`)
    })
  const join = (entries: RedisEntries.RedisEntries) =>
    Effect.suspend(() => {
      const wasMissed = link._tag === "Apart" && link.isKnown
      link = { _tag: "Joined", entries }
      return wasMissed ? Effect.logInfo("Bans and points are shared again") : Effect.void
    })

  const session = Effect.fnUntraced(function*(redis: Redis.Redis["Service"]) {
    const entries = RedisEntries.make(redis, prefix, bound)
    let sweepAt = (yield* Clock.currentTimeMillis) + sweepEvery
    while (true) {
      yield* shared.meet(entries)
      yield* join(entries)
      yield* Deferred.succeed(tried, undefined)
      const now = yield* Clock.currentTimeMillis
      if (now >= sweepAt) {
        sweepAt = now + sweepEvery
        yield* shared.sweep(entries)
      }
      yield* Effect.sleep(settings.interval)
    }
  })
  yield* Effect.scoped(Effect.flatMap(connect, session)).pipe(
    Effect.catchCauseIf(
      (cause) => !Cause.hasInterruptsOnly(cause),
      (cause) => Effect.andThen(part(cause), Deferred.succeed(tried, undefined))
    ),
    Effect.andThen(Effect.sleep(retryAfter)),
    Effect.forever,
    Effect.annotateLogs(annotations),
    Effect.forkScoped
  )
  yield* Effect.timeoutOrElse(Deferred.await(tried), {
    duration: Duration.times(settings.timeout, 2),
    orElse: () => Effect.annotateLogs(part(Cause.fail(noAnswer)), annotations)
  })

  const changeHere = <A>(key: string, f: Shared.Change<A>): Effect.Effect<A> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const [result, next] = f(replica.table.get(key))
      replica.change(key, next, now)
      return result
    })
  const change = <A>(key: string, f: Shared.Change<A>): Effect.Effect<A> =>
    Effect.suspend(() => {
      // What is pending is told together, and in its turn.
      if (link._tag === "Apart" || replica.pending.has(key)) return changeHere(key, f)
      return Effect.catch(
        shared.change(link.entries, key, f),
        (error) => Effect.andThen(Effect.annotateLogs(part(Cause.fail(error)), annotations), changeHere(key, f))
      )
    })

  return BanListStore.BanListStore.of({
    find: (keys) => Effect.sync(() => replica.table.find(keys)),
    update: (key, f) =>
      change(key, (current) => {
        const [result, next] = f(Option.fromUndefinedOr(current))
        return [result, Option.getOrUndefined(Option.map(next, Standing.bounded))]
      }),
    remove: (key) => change(key, (current) => [current !== undefined, undefined]),
    list: Effect.sync(() => replica.table.rows()),
    changes: news.bans
  })
})

/**
 * Shares through the `Redis` in the context, which must reconnect by itself. The layer is ready when it has read all
 * entries, or knows that it cannot.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<BanListStore.BanListStore, NetworkConfig.BadOption, Redis.Redis> =>
  Layer.effect(
    BanListStore.BanListStore,
    Effect.flatMap(Redis.Redis, (redis) => makeWith(Effect.succeed(redis), options))
  )

/**
 * Shares through a Redis that is built when it is needed, and built anew after each failure: one that need not be there
 * at the start, nor reconnect.
 *
 * **Example** (A Redis that may start later)
 *
 * ```ts
 * import * as NodeRedis from "@effect/platform-node/NodeRedis"
 * import * as BanListRedis from "effect-flowee/BanListRedis"
 *
 * const Store = BanListRedis.layerReconnect(
 *   NodeRedis.layer({ url: "redis://localhost:6379", socket: { reconnectStrategy: false } })
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerReconnect = <E, R>(
  redis: Layer.Layer<Redis.Redis, E, R>,
  options: Options = {}
): Layer.Layer<BanListStore.BanListStore, NetworkConfig.BadOption, R> =>
  Layer.effect(
    BanListStore.BanListStore,
    Effect.flatMap(Effect.context<R>(), (context) =>
      makeWith(
        // A layer that was built is remembered, and this one is to be built again.
        Layer.build(Layer.fresh(redis)).pipe(Effect.map(Context.get(Redis.Redis)), Effect.provideContext(context)),
        options
      ))
  )
