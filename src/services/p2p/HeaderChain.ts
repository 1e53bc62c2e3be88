/**
 * The chain of block headers: which one is the best, and where a block is in it.
 *
 * Headers come from peers that nobody trusts. Each one is checked by the rules of its network (`HeaderRules`), and the
 * chain with the most work is the best one, however long it is. When another chain overtakes it the best chain is
 * *reorganised*: blocks from its end give way to others.
 *
 * **Details**
 *
 * All headers are in memory, in about 105 bytes each, and in a `HeaderStore`. What is there is checked again by all rules
 * when the chain is made.
 *
 * Headers that make a chain with no more work than the best one are kept beside it, since more of them may follow: a
 * branch of 5000 headers comes in three messages. How many are kept is bounded; those with the least work go first. No
 * branch may leave the chain below a checkpoint that it has passed. Each header costs the work that its place demands,
 * so filling memory is as dear as mining.
 *
 * Batches are checked one after the other, at some hundred thousand headers a second, and others get a turn between
 * them.
 *
 * **Example** (Headers of a peer)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import * as ChainParams from "effect-flowee/ChainParams"
 * import * as HeaderChain from "effect-flowee/HeaderChain"
 * import * as NodeHash256 from "effect-flowee/NodeHash256"
 *
 * const take = Effect.fnUntraced(function*(headers: Uint8Array) {
 *   const chain = yield* HeaderChain.HeaderChain
 *   const outcome = yield* chain.accept(headers)
 *   if (outcome._tag === "Accepted") yield* Effect.log(`the chain has height ${outcome.tip.height}`)
 * })
 *
 * const Chain = HeaderChain.layerMemory({ params: ChainParams.mainnet }).pipe(Layer.provide(NodeHash256.layer))
 *
 * const program = Effect.provide(take(new Uint8Array(0)), Chain)
 * ```
 *
 * Source: peer-to-peer component, "Header chain".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import type * as ChainParams from "../../domain/p2p/ChainParams.ts"
import * as HeadersRefused from "../../domain/p2p/HeadersRefused.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as Accepting from "../../internal/headers/accepting.ts"
import * as Changes from "../../internal/headers/changes.ts"
import * as Loading from "../../internal/headers/loading.ts"
import * as LookUps from "../../internal/headers/lookUps.ts"
import * as Tips from "../../internal/headers/tips.ts"
import * as Hash256 from "../Hash256.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"
import * as HeaderStore from "./HeaderStore.ts"
import type * as HeaderStoreError from "./HeaderStoreError.ts"

/**
 * A block of the best chain.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tip {
  /** The genesis block has height 0. */
  readonly height: number
  readonly hash: Uint8Array
  /** The work of the chain up to this block: how many hashes it takes on average to make it. */
  readonly work: bigint
  /** When its miner says that it was made, in seconds since 1970. */
  readonly time: number
}

/**
 * What became of a batch of headers.
 *
 * - `Accepted`: they are in the best chain now.
 * - `SideBranch`: they are good, but their chain has no more work than the best one. `isKept` is `false` when branches
 *   with more work take all room: headers that follow these will not be known.
 * - `AlreadyKnown`: nothing in it is new.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | {
    readonly _tag: "Accepted"
    /** How many of them were new. */
    readonly added: number
    /** The height of the last block that the best chain had before and has still. */
    readonly forkHeight: number
    /** How many blocks above that gave way; 0 when the chain was extended. */
    readonly disconnected: number
    readonly tip: Tip
  }
  | {
    readonly _tag: "SideBranch"
    /** How many of them were new. */
    readonly added: number
    readonly isKept: boolean
    /** The height of the last block that the branch and the best chain both have. */
    readonly forkHeight: number
    /** The last block of the branch. To ask for what follows, put its hash before the locator. */
    readonly tip: Tip
  }
  | { readonly _tag: "AlreadyKnown" }

/**
 * A change of the best chain.
 *
 * The blocks from `forkHeight + 1` to the height of the tip are new: `headers` reads them. A reader that lags is told of
 * several changes in one, so that `forkHeight` is always about what it was told of before.
 *
 * - `Extended`: blocks were added.
 * - `Reorganised`: blocks from its end gave way to others.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | {
    readonly _tag: "Extended"
    /** The height of the last block that the best chain had before. */
    readonly forkHeight: number
    readonly tip: Tip
  }
  | {
    readonly _tag: "Reorganised"
    /** The height of the last block that the best chain had before and has still. */
    readonly forkHeight: number
    /** The hashes of the blocks above that which are no longer in the best chain, the lowest first. */
    readonly disconnected: ReadonlyArray<Uint8Array>
    readonly tip: Tip
  }

/**
 * The chain at one moment, and what happens to it from then on.
 *
 * @category models
 * @since 0.1.0
 */
export interface Subscription {
  readonly tip: Tip
  /** Ends with the chain. For one reader. */
  readonly events: Stream.Stream<Event>
}

/**
 * Which headers a peer asks for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  /** The hashes of its chain, the newest first. Those that are not in the best chain are passed over. */
  readonly locator: ReadonlyArray<Uint8Array>
  /** The hash of the last block that it wants. Default: as many as there are. */
  readonly stop?: Uint8Array | undefined
  /** How many it gets at most, 1 to 2000. Default: 2000. */
  readonly maximum?: number | undefined
}

/**
 * The best chain of headers.
 *
 * @category services
 * @since 0.1.0
 */
export class HeaderChain extends Context.Service<HeaderChain, {
  readonly params: ChainParams.ChainParams
  /** The last block of the best chain. */
  readonly tip: Effect.Effect<Tip>
  /**
   * Takes the headers of one message: objects, or packed headers, which must not change until it is done. They are taken
   * all or not at all.
   *
   * It fails with `HeadersRefused` when they are bad: see `HeadersRefused.points` for what that costs the sender. It
   * fails with `HeaderStoreError` when they cannot be stored; they are not taken then, and may be given again.
   */
  readonly accept: (
    headers: Uint8Array | ReadonlyArray<BlockHeader.BlockHeader>
  ) => Effect.Effect<Outcome, HeadersRefused.HeadersRefused | HeaderStoreError.HeaderStoreError>
  /** The header at a height of the best chain. */
  readonly headerAt: (height: number) => Effect.Effect<Option.Option<BlockHeader.BlockHeader>>
  /** The hash of the block at a height of the best chain. */
  readonly hashAt: (height: number) => Effect.Effect<Option.Option<Uint8Array>>
  /** The height of a block of the best chain. */
  readonly heightOf: (hash: Uint8Array) => Effect.Effect<Option.Option<number>>
  /** Whether a block is known, in the best chain or in a branch beside it. */
  readonly isKnown: (hash: Uint8Array) => Effect.Effect<boolean>
  /** Up to that many headers of the best chain from a height on, packed. */
  readonly headers: (height: number, count: number) => Effect.Effect<Uint8Array>
  /**
   * The height of the first block whose time is `seconds` since 1970 or later; one above the tip when there is none.
   *
   * Times of blocks are not in order: later blocks may have earlier times, by up to two hours in practice. So what
   * happened at some time may be in a block below: begin two hours earlier to be safe.
   */
  readonly heightAtTime: (seconds: number) => Effect.Effect<number>
  /** The locator of a request for the headers that follow: see `Locator`. */
  readonly locator: Effect.Effect<ReadonlyArray<Uint8Array>>
  /**
   * The answer to a `getheaders`, packed: what follows the first hash of the locator that is in the best chain, or the
   * genesis block when none is. An empty locator asks for the block of `stop` alone.
   */
  readonly headersAfter: (request: Request) => Effect.Effect<Uint8Array>
  /** Whether the tip is at most that old by its own time: an older one means that headers are missing. */
  readonly isRecent: (maximumAge: Duration.Input) => Effect.Effect<boolean>
  /** The tip of this moment, and the changes that follow it: none is missed between the two. */
  readonly subscribe: Effect.Effect<Subscription, never, Scope.Scope>
  /** The changes from the moment on at which the stream is run. */
  readonly events: Stream.Stream<Event>
}>()("effect-flowee/HeaderChain") {}

/**
 * Options of a chain.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The network: `ChainParams.mainnet` or another. */
  readonly params: ChainParams.ChainParams
  /**
   * Whether a store whose content is corrupt or foreign is set aside, and the chain begins anew. Nothing is deleted.
   * Default: `false`, which fails.
   */
  readonly rebuild?: boolean | undefined
  /** The highest block that is taken: 1 to 50,000,000. Default: 4,000,000, which take some 420 MB. */
  readonly maxHeight?: number | undefined
  /** Headers beside the best chain, at most: 0 to 1,000,000. Default: 20,000, which take 2.2 MB. */
  readonly maxSideHeaders?: number | undefined
  /** Branches beside the best chain, at most: 0 to 1000. Default: 32. */
  readonly maxSideBranches?: number | undefined
}

const rules = {
  maxHeight: OptionRules.count(4_000_000, 1, 50_000_000),
  maxSideHeaders: OptionRules.count(20_000, 0, 1_000_000),
  maxSideBranches: OptionRules.count(32, 0, 1000)
}

const annotations = { package: "effect-flowee", module: "HeaderChain" }

const toEvent = ({ disconnected, forkHeight, tip }: Changes.Change): Event =>
  disconnected.length === 0
    ? { _tag: "Extended", forkHeight, tip }
    : { _tag: "Reorganised", forkHeight, disconnected, tip }

const currentSeconds = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))

const refuseTooMany = (count: number) =>
  Effect.fail(
    new HeadersRefused.HeadersRefused({
      reason: new HeadersRefused.TooManyHeaders({ count, maximum: P2PMessage.maxHeaders })
    })
  )

/**
 * Makes a chain over the store, and loads what is in it. Events end with the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (options: Options) => Effect.Effect<
  HeaderChain["Service"],
  HeaderStoreError.HeaderStoreError | NetworkConfig.BadOption,
  HeaderStore.HeaderStore | Hash256.Hash256 | Scope.Scope
> = Effect.fnUntraced(function*(options) {
  const { maxHeight, maxSideBranches, maxSideHeaders } = yield* Effect.fromResult(OptionRules.resolve(rules, options))
  const { params, rebuild = false } = options
  const store = yield* HeaderStore.HeaderStore
  const { hash256 } = yield* Hash256.Hash256
  const load = Loading.loadTree({
    params,
    hash256,
    maxHeight,
    maxHeaders: maxSideHeaders,
    maxBranches: maxSideBranches
  }, store)

  const tree = yield* Effect.catchIf(
    load,
    ({ reason }) => rebuild && reason._tag !== "StoreUnavailable",
    (error) => Effect.andThen(Loading.setAside(store, error), load)
  )
  const changes = new Changes.Changes()
  yield* Effect.addFinalizer(() => changes.end)
  const accept = yield* Accepting.make(tree, store, changes)
  for (const source of store.bundled) yield* Loading.loadBundled(source, (headers) => accept(headers, Infinity))

  const subscribe = Effect.map(changes.subscribe, (changed): Subscription => ({
    tip: Tips.ofChain(tree.chain),
    events: Stream.map(changed, toEvent)
  }))

  return HeaderChain.of({
    params,
    ...LookUps.make(tree),
    accept: (headers) => {
      const packed = headers instanceof Uint8Array ? headers : BlockHeader.pack(headers)
      const count = Math.floor(packed.length / BlockHeader.size)
      return count > P2PMessage.maxHeaders
        ? refuseTooMany(count)
        : Effect.flatMap(currentSeconds, (now) => accept(packed, now))
    },
    subscribe,
    events: Stream.unwrap(Effect.map(subscribe, ({ events }) => events))
  })
}, Effect.annotateLogs(annotations))

/**
 * Provides a chain over the `HeaderStore` in the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<
  HeaderChain,
  HeaderStoreError.HeaderStoreError | NetworkConfig.BadOption,
  HeaderStore.HeaderStore | Hash256.Hash256
> => Layer.effect(HeaderChain, make(options))

/**
 * Options of {@link layerMemory}.
 *
 * @category models
 * @since 0.1.0
 */
export interface MemoryOptions extends Options, HeaderStore.MemoryOptions {}

/**
 * Provides a chain that is gone when the program ends.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerMemory = (
  options: MemoryOptions
): Layer.Layer<HeaderChain, HeaderStoreError.HeaderStoreError | NetworkConfig.BadOption, Hash256.Hash256> =>
  Layer.provide(layer(options), HeaderStore.layerMemory(options))

/**
 * Options of {@link layerFile}.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileOptions extends Options, HeaderStore.FileOptions {}

/**
 * Provides a chain that is kept in a file: see `HeaderStore.layerFile`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (options: FileOptions): Layer.Layer<
  HeaderChain,
  HeaderStoreError.HeaderStoreError | NetworkConfig.BadOption,
  FileSystem.FileSystem | Hash256.Hash256
> => Layer.provide(layer(options), HeaderStore.layerFile(options))
