/**
 * The chain, its coins and its mempool, and the moves between their states. A move is planned and checked first; when it
 * is made, it is made at once.
 */
import * as Result from "effect/Result"
import * as Block from "../../domain/chain/Block.ts"
import type * as BlockRefused from "../../domain/chain/BlockRefused.ts"
import * as RegtestGenesis from "../../domain/chain/RegtestGenesis.ts"
import type * as ScriptRules from "../../domain/chain/ScriptRules.ts"
import type * as SpendRules from "../../domain/chain/SpendRules.ts"
import * as Transaction from "../../domain/chain/Transaction.ts"
import type * as RegtestChain from "../../services/hub/RegtestChain.ts"
import * as Turn from "../turn.ts"
import * as Acceptance from "./acceptance.ts"
import * as BlockTree from "./blockTree.ts"
import * as ChainIndex from "./chainIndex.ts"
import * as Coins from "./coins.ts"
import * as Connect from "./connect.ts"
import * as Keys from "./keys.ts"
import * as Mempool from "./mempool.ts"

function* readInPieces(bytes: Uint8Array): Generator<void, Block.Block> {
  return Result.getOrThrow(yield* Block.decodeInPieces(bytes))
}

/** Reads a block that was read before. */
const read = (bytes: Uint8Array): Block.Block => Result.getOrThrow(Block.decode(bytes))

interface Step {
  readonly stored: BlockTree.StoredBlock
  readonly block: Block.Block
}

/**
 * What is to happen so that a block becomes the tip.
 *
 * @internal
 */
export interface Plan {
  readonly path: BlockTree.Path
  readonly removed: ReadonlyArray<Step>
  readonly added: ReadonlyArray<Step & { readonly spends: ReadonlyArray<ScriptRules.Spend> }>
  readonly coins: Coins.CoinTrial
}

/** @internal */
export class Chain implements RegtestChain.ChainReader {
  readonly tree = new BlockTree.BlockTree(read(RegtestGenesis.bytes))
  readonly coins = new Coins.CoinSet()
  readonly index = new ChainIndex.ChainIndex()
  readonly pool: Mempool.Mempool
  readonly policy: Acceptance.Policy
  /** A move may take more than one turn of the event loop. Whoever looks at the chain waits until it is made. */
  readonly turn = new Turn.Turn()
  readonly listeners = new Set<(event: RegtestChain.ChainEvent) => void>()

  constructor(policy: Acceptance.Policy) {
    this.policy = policy
    this.pool = new Mempool.Mempool(policy.maxMempool)
  }

  get tip(): BlockTree.StoredBlock {
    return this.tree.tip
  }

  get mempool(): RegtestChain.MempoolReader {
    return this.pool
  }

  blockAt(height: number): BlockTree.StoredBlock | undefined {
    return this.tree.at(height)
  }

  block(hash: Uint8Array): BlockTree.StoredBlock | undefined {
    return this.tree.find(hash)
  }

  isOnBestChain(block: RegtestChain.ChainBlock): boolean {
    return this.tree.at(block.height)?.hash === block.hash
  }

  find(txId: Uint8Array): ChainIndex.Location | undefined {
    return this.index.find(txId)
  }

  transaction({ block, offset }: RegtestChain.Location): Transaction.Transaction | undefined {
    const found = Transaction.read(block.bytes, offset)
    if (Result.isFailure(found)) return undefined
    const { transaction } = found.success
    // What can be read at an offset need not be a transaction of the block.
    const location = this.index.find(transaction.id)
    return location?.offset === offset && location.block.hash === block.hash ? transaction : undefined
  }

  coin(outPoint: Transaction.OutPoint): SpendRules.Coin | undefined {
    return this.coins.get(Keys.outPointKey(outPoint))
  }

  spender(outPoint: Transaction.OutPoint): ChainIndex.Location | undefined {
    return this.index.spender(outPoint)
  }

  payments(scriptHash: Uint8Array): ReadonlyArray<ChainIndex.Payment> {
    return this.index.payments(scriptHash)
  }

  output(outPoint: Transaction.OutPoint): SpendRules.Coin | undefined {
    const location = this.index.find(outPoint.txId)
    const transaction = location === undefined ? undefined : this.transaction(location)
    const output = transaction?.outputs[outPoint.index]
    if (location === undefined || transaction === undefined || output === undefined) return undefined
    return { ...output, height: location.block.height, isCoinbase: Transaction.isCoinbase(transaction) }
  }

  /** Where the block after another one is. */
  placeAfter(previous: BlockTree.StoredBlock): SpendRules.Place {
    return {
      height: previous.height + 1,
      medianTimePast: previous.medianTime,
      medianTimeAt: (height) => BlockTree.ancestor(previous, height).medianTime
    }
  }

  /** Tries to make a block the tip. All rules are checked but those of scripts. */
  *plan(target: BlockTree.StoredBlock): Generator<void, Result.Result<Plan, BlockRefused.BlockRefused>> {
    const path = this.tree.path(this.tip, target)
    const coins = new Coins.CoinTrial(this.coins)
    const removed: Array<Step> = []
    for (const stored of path.removed) removed.push({ stored, block: yield* readInPieces(stored.bytes) })
    for (const { block } of removed) yield* Connect.disconnect(coins, block, (outPoint) => this.output(outPoint))
    const added: Array<Plan["added"][number]> = []
    for (const stored of path.added) {
      const block = yield* readInPieces(stored.bytes)
      const spends = yield* Connect.connect(coins, block, this.placeAfter(stored.previous!))
      if (Result.isFailure(spends)) return Result.fail(this.tree.invalidate(stored, spends.failure))
      added.push({ stored, block, spends: spends.success })
    }
    return Result.succeed({ path, removed, added, coins })
  }

  /**
   * Makes the move that was planned, and tells of it. Nothing may have changed since, and nobody may look at the chain
   * during a pause.
   */
  *move({ added, coins, path, removed }: Plan): Generator<void, void> {
    yield* this.coins.apply(coins)
    for (const { block } of removed) yield* this.index.remove(block)
    this.tree.follow(path)
    for (const { block, stored } of added) yield* this.index.add(stored, block)
    yield* Acceptance.settle(this, removed.map(({ block }) => block), added.map(({ block }) => block))
    if (removed.length > 0) this.tell({ _tag: "BlocksRemoved", blocks: path.removed })
    for (const { block, stored } of added) this.tell({ _tag: "BlockAdded", block: stored, contents: block })
  }

  tell(event: RegtestChain.ChainEvent): void {
    for (const listener of this.listeners) listener(event)
  }
}
