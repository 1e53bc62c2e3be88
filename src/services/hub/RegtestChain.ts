/**
 * A block chain of one's own, in memory: real blocks at the difficulty of regtest, a mempool, and all rules that matter
 * to applications. `EmbeddedHub` serves it; tests can drive it without a network.
 *
 * **Details**
 *
 * Blocks are made on demand. Their times come from the `Clock`, so that under a `TestClock` a chain is the same each time.
 * What is sent is checked as a node does: structure, inputs, maturity, lock times, amounts, fees, tokens and signatures.
 * A longer branch replaces the best chain, and what its blocks do not have goes back to the mempool.
 *
 * Nothing is ever forgotten, blocks off the best chain included, and regtest makes blocks cheap: do not let strangers
 * have one.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as Block from "../../domain/chain/Block.ts"
import type * as BlockRefused from "../../domain/chain/BlockRefused.ts"
import type * as SpendRules from "../../domain/chain/SpendRules.ts"
import type * as Transaction from "../../domain/chain/Transaction.ts"
import type * as TransactionRefused from "../../domain/chain/TransactionRefused.ts"
import * as Chain from "../../internal/hub/chain.ts"
import * as Mining from "../../internal/hub/mining.ts"
import * as Sending from "../../internal/hub/sending.ts"

/**
 * A block as the chain keeps it. `Block.decode` reads its transactions.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChainBlock {
  readonly hash: Uint8Array
  readonly height: number
  readonly bytes: Uint8Array
  /** The median time of this block and the ten before it, in seconds since 1970. */
  readonly medianTime: number
}

/**
 * Where a transaction is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Location {
  readonly block: ChainBlock
  /** Where its bytes begin within those of the block. */
  readonly offset: number
}

/**
 * An output on the best chain that pays to a script.
 *
 * @category models
 * @since 0.1.0
 */
export interface Payment {
  readonly location: Location
  /** Which output of the transaction. */
  readonly index: number
}

/**
 * A transaction that waits for a block.
 *
 * @category models
 * @since 0.1.0
 */
export interface MempoolEntry {
  readonly transaction: Transaction.Transaction
  /** In satoshis. */
  readonly fee: bigint
  /** In seconds since 1970. */
  readonly firstSeen: number
  /** The hash of the script of each output. */
  readonly scriptHashes: ReadonlyArray<Uint8Array>
  /** The id of the proof that another transaction spends the same, when one was seen. */
  readonly proofId: Uint8Array | undefined
}

/**
 * The mempool at one moment.
 *
 * @category models
 * @since 0.1.0
 */
export interface MempoolReader {
  readonly size: number
  /** Of all transactions together. */
  readonly bytes: number
  /** The memory that it takes, roughly, and the most that it may take, in bytes. */
  readonly usage: number
  readonly maxUsage: number
  readonly entries: Iterable<MempoolEntry>
  readonly find: (txId: Uint8Array) => MempoolEntry | undefined
  /** Those with an output whose script has that hash. */
  readonly payingTo: (scriptHash: Uint8Array) => ReadonlyArray<MempoolEntry>
}

/**
 * The chain at one moment. Hashes are in internal order.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChainReader {
  /** The last block of the best chain. */
  readonly tip: ChainBlock
  readonly mempool: MempoolReader
  /** A block of the best chain. */
  readonly blockAt: (height: number) => ChainBlock | undefined
  /** Any block, off the best chain too. */
  readonly block: (hash: Uint8Array) => ChainBlock | undefined
  readonly isOnBestChain: (block: ChainBlock) => boolean
  /** Where a transaction of the best chain is. */
  readonly find: (txId: Uint8Array) => Location | undefined
  /** The transaction of the best chain that begins there. */
  readonly transaction: (location: Location) => Transaction.Transaction | undefined
  /** An output of the best chain that no block spends. */
  readonly coin: (outPoint: Transaction.OutPoint) => SpendRules.Coin | undefined
  /** Any output of the best chain. */
  readonly output: (outPoint: Transaction.OutPoint) => SpendRules.Coin | undefined
  /** Where the transaction of the best chain is that spends an output. */
  readonly spender: (outPoint: Transaction.OutPoint) => Location | undefined
  /** The outputs of the best chain that pay to a script, the oldest first, spent or not. */
  readonly payments: (scriptHash: Uint8Array) => ReadonlyArray<Payment>
}

/**
 * What happens to a chain.
 *
 * - `TransactionAdded`: one came to the mempool.
 * - `DoubleSpend`: one was refused that spends what another one in the mempool spends.
 * - `BlocksRemoved`: others with more work take their place. The last block comes first.
 * - `BlockAdded`: a block is the new tip.
 *
 * @category models
 * @since 0.1.0
 */
export type ChainEvent =
  | { readonly _tag: "TransactionAdded"; readonly entry: MempoolEntry }
  | { readonly _tag: "DoubleSpend"; readonly entry: MempoolEntry; readonly duplicate: Transaction.Transaction }
  | { readonly _tag: "BlocksRemoved"; readonly blocks: ReadonlyArray<ChainBlock> }
  | { readonly _tag: "BlockAdded"; readonly block: ChainBlock; readonly contents: Block.Block }

/**
 * A block chain in memory.
 *
 * @category services
 * @since 0.1.0
 */
export class RegtestChain extends Context.Service<RegtestChain, {
  /** Looks at the chain as it is at one moment. What is seen must not leave the function: it changes. */
  readonly look: <A>(f: (chain: ChainReader) => A) => Effect.Effect<A>
  /** Makes blocks that pay to an address; the first one takes what is in the mempool. */
  readonly generate: (options: {
    /** The 20 bytes of a P2PKH address. */
    readonly address: Uint8Array
    /** How many. Default: 1. */
    readonly blocks?: number | undefined
  }) => Effect.Effect<ReadonlyArray<ChainBlock>>
  /** Takes a block. One that does not make the chain longer is kept until another one does. */
  readonly submitBlock: (
    bytes: Uint8Array
  ) => Effect.Effect<ChainBlock, Block.MalformedBlock | BlockRefused.BlockRefused>
  /** Puts a transaction into the mempool. One that is there is taken again. */
  readonly sendTransaction: (bytes: Uint8Array, options?: {
    /** Only says whether it would be taken. Default: `false`. */
    readonly validateOnly?: boolean | undefined
  }) => Effect.Effect<
    Transaction.Transaction,
    Transaction.MalformedTransaction | TransactionRefused.TransactionRefused
  >
  /** Tells a function of each event, within the change that it is about, until the scope is closed. It must not throw. */
  readonly listen: (listener: (event: ChainEvent) => void) => Effect.Effect<void, never, Scope.Scope>
}>()("effect-flowee/RegtestChain") {}

/**
 * Options of a chain.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The least fee of a transaction, in satoshis for 1000 bytes. Default: 1000. */
  readonly minFeeRate?: number | undefined
  /** The most memory that the mempool takes, in bytes. Default: {@link maxMempool}. */
  readonly maxMempool?: number | undefined
}

/**
 * The most memory that a mempool takes unless told otherwise, in bytes: 300,000,000.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxMempool = 300_000_000

/**
 * Makes a chain that has the first block of regtest.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<RegtestChain["Service"]> =>
  Effect.sync(() => {
    const chain = new Chain.Chain({
      minFeeRate: options.minFeeRate ?? 1000,
      maxMempool: options.maxMempool ?? maxMempool
    })
    // Scripts are checked a few at a time. Until a change is made, none other may be.
    const alone = Semaphore.makeUnsafe(1).withPermit
    const seconds = Effect.map(Clock.currentTimeMillis, (millis) => Math.floor(millis / 1000))
    return RegtestChain.of({
      look: (f) => chain.turn.whenFree(() => f(chain)),
      generate: ({ address, blocks = 1 }) =>
        alone(Effect.flatMap(seconds, (now) => Mining.generate(chain, { address, blocks, now }))),
      submitBlock: (bytes) => alone(Effect.flatMap(seconds, (now) => Mining.submit(chain, bytes, now))),
      sendTransaction: (bytes, { validateOnly = false } = {}) =>
        alone(Effect.flatMap(seconds, (now) => Sending.send(chain, bytes, { validateOnly, now }))),
      listen: (listener) =>
        Effect.asVoid(Effect.acquireRelease(
          Effect.sync(() => chain.listeners.add(listener)),
          () => Effect.sync(() => chain.listeners.delete(listener))
        ))
    })
  })

/**
 * Provides a chain of its own at each call.
 *
 * **Example** (Money to spend)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { RegtestChain } from "effect-flowee"
 *
 * const program = Effect.gen(function*() {
 *   const chain = yield* RegtestChain.RegtestChain
 *   yield* chain.generate({ address: new Uint8Array(20), blocks: 101 })
 *   return yield* chain.look(({ tip }) => tip.height)
 * }).pipe(Effect.provide(RegtestChain.layer()))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<RegtestChain> => Layer.effect(RegtestChain, make(options))
