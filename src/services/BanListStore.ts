/**
 * Where a ban list keeps what it knows: a map from the key of a peer group to its standing.
 *
 * **Details**
 *
 * `BanList` is the logic and works over any store. `layerMemory` forgets everything when the program ends.
 * `BanListFile` keeps a file, `BanListSql` a table of a database, and `BanListRedis` shares with other machines. A store
 * must bound both its size and its own waiting: an operation that gets no answer in time fails with `StoreUnavailable`.
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
import * as Stream from "effect/Stream"
import * as OptionRules from "../domain/internal/optionRules.ts"
import type * as Punishment from "../domain/Punishment.ts"
import * as Table from "../internal/bans/table.ts"
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
  /**
   * The bans that came into the store by another way than this service: from another process or another machine. Ends at
   * once where there are no others, or where they cannot be heard of.
   */
  readonly changes: Stream.Stream<Entry>
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
      const table = new Table.Table(maxEntries)
      return BanListStore.of({
        find: (keys) => Effect.sync(() => table.find(keys)),
        update: (key, f) =>
          Effect.map(Clock.currentTimeMillis, (now) => {
            const [result, next] = f(Option.fromUndefinedOr(table.get(key)))
            if (Option.isSome(next)) table.set(key, next.value, now)
            else table.delete(key)
            return result
          }),
        remove: (key) => Effect.sync(() => table.delete(key)),
        list: Effect.sync(() => table.rows()),
        changes: Stream.empty
      })
    })
  )
}
