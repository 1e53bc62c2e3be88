/**
 * A ban list that is shared through Redis: what is known here, and how it and Redis come together.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Redis from "effect/persistence/Redis"
import * as Random from "effect/Random"
import * as Reconcile from "./reconcile.ts"
import * as RedisEntries from "./redisEntries.ts"
import * as Replica from "./replica.ts"
import * as Standing from "./standing.ts"
import type * as Table from "./table.ts"

/** What was last read of Redis. @internal */
export interface Known {
  readonly epoch: string
  readonly revision: number
}

/**
 * What there is to do to know all that Redis knows.
 *
 * - `Nothing`: all of it is known.
 * - `Read`: what came after a revision.
 * - `ReadAll`: removals are forgotten there that are not known here. What is not in Redis is no entry.
 * - `Refill`: Redis has lost data. What is not in Redis is missing there.
 *
 * @internal
 */
export type Plan =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Read"; readonly after: number }
  | { readonly _tag: "ReadAll" }
  | { readonly _tag: "Refill" }

/** @internal */
export const plan = (known: Known | undefined, about: RedisEntries.About): Plan => {
  if (known === undefined) return { _tag: "Read", after: 0 }
  if (known.epoch !== about.epoch || about.revision < known.revision) return { _tag: "Refill" }
  if (known.revision < about.floor) return { _tag: "ReadAll" }
  return about.revision === known.revision ? { _tag: "Nothing" } : { _tag: "Read", after: known.revision }
}

/** @internal */
export interface Options {
  readonly maxEntries: number
  /** How long points are kept that nobody adds to, in milliseconds. */
  readonly keepPoints: number
  /** What is done with bans that others made. */
  readonly onNews: (bans: ReadonlyArray<Table.Row>) => Effect.Effect<void>
}

/** What becomes of an entry. May be called more than once. @internal */
export type Change<A> = (current: Reconcile.Entry) => readonly [result: A, next: Reconcile.Entry]

/** Each failed one means that another machine changed the entry. */
const attempts = 50
const pushesAtOnce = 32
const sweepAtOnce = 1000
const forgottenAtOnce = 500

const randomEpoch = Effect.map(
  Effect.all(Array.from({ length: 16 }, () => Random.nextIntBetween(0, 255))),
  (bytes) => Hex.encode(Uint8Array.from(bytes))
)

/** @internal */
export class Shared {
  readonly replica: Replica.Replica
  readonly #options: Options
  #known: Known | undefined

  constructor(options: Options) {
    this.#options = options
    this.replica = new Replica.Replica(options.maxEntries)
  }

  /** Takes over what Redis knows, and tells it what is pending. */
  meet(entries: RedisEntries.RedisEntries): Effect.Effect<void, Redis.RedisError> {
    return Effect.gen({ self: this }, function*() {
      const about = yield* this.#askAbout(entries)
      yield* this.#read(entries, plan(this.#known, about))
      this.#known = { epoch: about.epoch, revision: about.revision }
      yield* this.#push(entries)
    })
  }
  /** Removes from everywhere what is over. */
  sweep(entries: RedisEntries.RedisEntries): Effect.Effect<void, Redis.RedisError> {
    return Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => this.#drop(entries, this.replica.table.expire(now, this.#options.keepPoints, sweepAtOnce))
    )
  }
  /** Changes an entry here and in Redis, from what Redis has to what `f` makes of it. */
  change<A>(entries: RedisEntries.RedisEntries, key: string, f: Change<A>): Effect.Effect<A, Redis.RedisError> {
    return Effect.suspend(() => this.#change(entries, key, this.replica.table.get(key), f))
  }

  /** `guess` is what Redis probably has. */
  #change<A>(entries: RedisEntries.RedisEntries, key: string, guess: Reconcile.Entry, f: Change<A>) {
    return Effect.gen({ self: this }, function*() {
      const told = this.replica.table.get(key)
      let text = RedisEntries.format(guess)
      for (let attempt = 0; attempt < attempts; attempt++) {
        const [result, next] = f(text === "" ? undefined : Standing.parse(text))
        const reply = yield* entries.put(key, text, RedisEntries.format(next))
        if (reply[0] === 1) {
          const evicted = this.replica.agree(key, next, told, yield* Clock.currentTimeMillis)
          if (reply[1] > this.#options.maxEntries) yield* this.#drop(entries, evicted)
          return result
        }
        text = reply[1]
      }
      return yield* new Redis.RedisError({ cause: new Error(`the entry "${key}" never stays as it is`) })
    })
  }
  #askAbout(entries: RedisEntries.RedisEntries): Effect.Effect<RedisEntries.About, Redis.RedisError> {
    return Effect.filterOrElse(
      entries.about,
      ({ epoch }) => epoch !== "",
      () => Effect.andThen(Effect.flatMap(randomEpoch, entries.name), entries.about)
    )
  }
  #read(entries: RedisEntries.RedisEntries, plan: Plan): Effect.Effect<void, Redis.RedisError> {
    switch (plan._tag) {
      case "Nothing":
        return Effect.void
      case "Read":
        return entries.since(plan.after, this.#hear)
      case "ReadAll":
        return this.#readAll(entries)
      case "Refill":
        this.replica.forgetOthers()
        return entries.since(0, this.#hear)
    }
  }
  #readAll(entries: RedisEntries.RedisEntries): Effect.Effect<void, Redis.RedisError> {
    return Effect.suspend(() => {
      const there = new Set<string>()
      const collect = (changes: ReadonlyArray<RedisEntries.Change>) => {
        for (const { group, text } of changes) if (text !== "") there.add(group)
        return this.#hear(changes)
      }
      return Effect.andThen(
        entries.since(0, collect),
        Effect.suspend(() => this.#forget(this.replica.table.keys().filter((key) => !there.has(key))))
      )
    })
  }
  /** Redis has no such entries. */
  #forget(keys: ReadonlyArray<string>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      for (let at = 0; at < keys.length; at += forgottenAtOnce) {
        if (at > 0) yield* Effect.yieldNow
        yield* this.#hear(keys.slice(at, at + forgottenAtOnce).map((group) => ({ group, text: "" })))
      }
    })
  }
  readonly #hear = (changes: ReadonlyArray<RedisEntries.Change>): Effect.Effect<void> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const news: Array<Table.Row> = []
      for (const { group, text } of changes) {
        const ban = this.replica.hear(group, text === "" ? undefined : Standing.parse(text), now)
        if (ban !== undefined) news.push(ban)
      }
      return this.#options.onNews(news)
    })

  #push(entries: RedisEntries.RedisEntries): Effect.Effect<void, Redis.RedisError> {
    const { replica } = this
    return Effect.forEach([...replica.pending], ([key, base]) => {
      const mine = replica.table.get(key)
      return this.#change(entries, key, base, (theirs) => [undefined, Reconcile.reconcile({ base, mine, theirs })])
    }, { concurrency: pushesAtOnce, discard: true })
  }
  /** Removes entries from Redis that are gone here, unless somebody changed them. */
  #drop(entries: RedisEntries.RedisEntries, rows: ReadonlyArray<Table.Row>): Effect.Effect<void, Redis.RedisError> {
    return Effect.forEach(
      rows,
      ({ key, standing }) => entries.put(key, RedisEntries.format(standing), ""),
      { concurrency: pushesAtOnce, discard: true }
    )
  }
}
