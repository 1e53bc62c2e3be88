/**
 * Where a ban list keeps what it knows: a map from the key of a peer group to its standing.
 *
 * **Details**
 *
 * `BanList` is the logic and works over any store. `layerMemory` forgets everything when the program ends. A store that
 * is shared by several processes, or that survives restarts, is another layer of this service. A store must bound both
 * its size and its own waiting: an operation that gets no answer in time fails with `StoreUnavailable`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as OptionRules from "../domain/internal/optionRules.ts"
import * as Punishment from "../domain/Punishment.ts"
import type * as NetworkConfig from "./NetworkConfig.ts"

/**
 * The store cannot be reached, does not answer in time, or refuses.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreUnavailable
  extends Schema.TaggedError<StoreUnavailable>("effect-flowee/BanListStore/StoreUnavailable")("StoreUnavailable", {
    operation: Schema.Literals(["find", "update", "remove", "list"]),
    cause: Schema.Defect()
  })
{
  override get message(): string {
    return `the store of the ban list failed to ${this.operation}`
  }
}

/**
 * An entry of the store holds something that is no standing.
 *
 * @category errors
 * @since 0.1.0
 */
export class EntryMalformed
  extends Schema.TaggedError<EntryMalformed>("effect-flowee/BanListStore/EntryMalformed")("EntryMalformed", {
    key: Schema.String,
    cause: Schema.Defect()
  })
{
  override get message(): string {
    return `the entry "${this.key}" of the ban list cannot be read: remove it, or restore the store`
  }
}

/**
 * The store of a ban list failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class BanListError extends Schema.TaggedError<BanListError>("effect-flowee/BanListStore/BanListError")(
  "BanListError",
  { reason: Schema.Union([StoreUnavailable, EntryMalformed]) }
) {
  override get message(): string {
    return this.reason.message
  }
}

/**
 * One entry of a store.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  /** The key of a peer group, see `PeerGroup.key`. */
  readonly key: string
  readonly standing: Punishment.Standing
}

/**
 * The store of a ban list.
 *
 * @category services
 * @since 0.1.0
 */
export class BanListStore extends Context.Service<BanListStore, {
  /** The entries that exist under the given keys, in any order. Up to 65 keys are asked for at once. */
  readonly find: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Entry>, BanListError>
  /**
   * Changes one entry, atomically: no other change of it comes between what `f` is given and what it returns. `f` is
   * pure and may be called more than once; a standing of `None` is no entry.
   */
  readonly update: <A>(
    key: string,
    f: (
      current: Option.Option<Punishment.Standing>
    ) => readonly [result: A, next: Option.Option<Punishment.Standing>]
  ) => Effect.Effect<A, BanListError>
  /** Removes an entry. `false` when there was none. */
  readonly remove: (key: string) => Effect.Effect<boolean, BanListError>
  /** All entries. */
  readonly list: Effect.Effect<ReadonlyArray<Entry>, BanListError>
}>()("effect-flowee/BanListStore") {}

/**
 * Options of {@link layerMemory}.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryOptions {
  /** The most groups that are remembered: 1 to 10,000,000. Default: 100,000, which take about 30 MB. */
  readonly maxEntries?: number | undefined
}

const rules = { maxEntries: OptionRules.count(100_000, 1, 10_000_000) }

class Memory {
  readonly #maxEntries: number
  /** Groups that have points only, the least recently touched first. */
  readonly #scored = new Map<string, Punishment.Standing>()
  /** Groups that were banned when they were last touched, in that order too. */
  readonly #banned = new Map<string, Punishment.Standing>()

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries
  }
  get(key: string): Punishment.Standing | undefined {
    return this.#banned.get(key) ?? this.#scored.get(key)
  }
  set(key: string, standing: Punishment.Standing, now: number): void {
    this.delete(key)
    if (this.#scored.size + this.#banned.size >= this.#maxEntries) this.#evict(now)
    const entries = Punishment.isBanned(standing, now) ? this.#banned : this.#scored
    entries.set(key, standing)
  }
  delete(key: string): boolean {
    return this.#scored.delete(key) || this.#banned.delete(key)
  }
  entries(): ReadonlyArray<Entry> {
    return [...this.#scored, ...this.#banned].map(([key, standing]) => ({ key, standing }))
  }
  #evict(now: number): void {
    // Bans mostly last equally long, so one that is over is found at the front.
    const first = this.#banned.entries().next()
    if (first.done !== true && !Punishment.isBanned(first.value[1], now)) {
      this.#banned.delete(first.value[0])
      return
    }
    const oldest = this.#scored.keys().next()
    if (oldest.done !== true) this.#scored.delete(oldest.value)
    else this.#evictBans()
  }
  /** Many at once, so that the cost of finding those that end first is spread over many insertions. */
  #evictBans(): void {
    const byEnd = [...this.#banned].sort((a, b) => a[1].bannedUntil - b[1].bannedUntil)
    for (const [key] of byEnd.slice(0, Math.ceil(byEnd.length / 100))) this.#banned.delete(key)
  }
}

/**
 * Keeps everything in memory, and never more entries than it may.
 *
 * **Details**
 *
 * A new group takes the place of a ban that is over, or of the group that was least recently changed among those that
 * have points only: so a spray of addresses costs no memory and lifts no ban. Only when every entry is a ban do the bans
 * that end first go, a hundredth of them at once.
 *
 * No operation waits, so `BanList.isBanned` over this store ends in the tick it was started in.
 *
 * Without options it cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export function layerMemory(): Layer.Layer<BanListStore>
export function layerMemory(options: MemoryOptions | undefined): Layer.Layer<BanListStore, NetworkConfig.BadOption>
export function layerMemory(options?: MemoryOptions): Layer.Layer<BanListStore, NetworkConfig.BadOption> {
  const checked = Effect.fromResult(OptionRules.resolve(rules, options))
  return Layer.effect(
    BanListStore,
    Effect.map(checked, ({ maxEntries }) => {
      const memory = new Memory(maxEntries)
      return BanListStore.of({
        find: (keys) =>
          Effect.sync(() => {
            const found: Array<Entry> = []
            for (const key of keys) {
              const standing = memory.get(key)
              if (standing !== undefined) found.push({ key, standing })
            }
            return found
          }),
        update: (key, f) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            const [result, next] = f(Option.fromUndefinedOr(memory.get(key)))
            if (Option.isSome(next)) memory.set(key, next.value, now)
            else memory.delete(key)
            return result
          }),
        remove: (key) => Effect.sync(() => memory.delete(key)),
        list: Effect.sync(() => memory.entries())
      })
    })
  )
}
