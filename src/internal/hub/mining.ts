/**
 * New blocks: made here, or offered by others.
 */
import * as Auth from "@bitauth/libauth"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Block from "../../domain/chain/Block.ts"
import * as BlockRefused from "../../domain/chain/BlockRefused.ts"
import * as BlockRules from "../../domain/chain/BlockRules.ts"
import * as Coinbase from "../../domain/chain/Coinbase.ts"
import type * as Transaction from "../../domain/chain/Transaction.ts"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as ChainParams from "../../domain/p2p/ChainParams.ts"
import type * as HeaderError from "../../domain/p2p/HeaderError.ts"
import * as HeaderRules from "../../domain/p2p/HeaderRules.ts"
import * as InPieces from "../inPieces.ts"
import * as BlockTree from "./blockTree.ts"
import type * as Chain from "./chain.ts"
import * as Scripts from "./scripts.ts"

/** The version of blocks that signal nothing (BIP 9). */
const version = 0x2000_0000

/** Room for the header, the number of transactions and the coinbase. */
const reserved = 1000

/** @internal */
export const generate = (chain: Chain.Chain, options: {
  readonly address: Uint8Array
  readonly blocks: number
  readonly now: number
}): Effect.Effect<ReadonlyArray<BlockTree.StoredBlock>> =>
  Effect.gen(function*() {
    const made: Array<BlockTree.StoredBlock> = []
    while (made.length < options.blocks) {
      const stored = chain.tree.add(assemble(chain, options.address, options.now), chain.tip)
      // It is made of what was checked, so that a refusal would be a fault of this program.
      const plan = Result.getOrThrow(yield* InPieces.run(() => chain.plan(stored)))
      yield* chain.turn.hold(() => chain.move(plan))
      made.push(stored)
      if (made.length % madeAtOnce === 0) yield* Effect.yieldNow
    }
    return made
  })

/** After so many blocks there is a pause. */
const madeAtOnce = 10

const assemble = (chain: Chain.Chain, address: Uint8Array, now: number): Block.Block => {
  const { bits, hash, height, medianTime } = chain.tip
  const transactions: Array<Transaction.Transaction> = []
  let amount = Coinbase.subsidy(height + 1)
  let room = BlockRules.maxSize - reserved
  for (const { fee, transaction } of chain.pool.entries) {
    room -= transaction.bytes.length
    // Those that come later may depend on it.
    if (room < 0) break
    transactions.push(transaction)
    amount += fee
  }
  transactions.sort(Block.compareIds)
  return Block.mine({
    version,
    previous: hash,
    time: Math.max(now, medianTime + 1),
    bits,
    transactions: [Coinbase.make({ height: height + 1, address, amount }), ...transactions]
  })
}

/** @internal */
export const submit = (
  chain: Chain.Chain,
  bytes: Uint8Array,
  now: number
): Effect.Effect<BlockTree.StoredBlock, Block.MalformedBlock | BlockRefused.BlockRefused> =>
  Effect.gen(function*() {
    if (bytes.length > BlockRules.maxSize) return yield* Effect.fromResult(refuse("bad-blk-length"))
    // What came from a socket may be part of a larger piece of memory, which would be kept with it.
    const own = bytes.slice()
    const block = yield* Effect.fromResult(yield* InPieces.run(() => Block.decodeInPieces(own)))
    // Where a test clock stands in 1970, blocks are ahead of it.
    const clock = Math.max(now, chain.tip.time)
    const stored = yield* Effect.fromResult(yield* InPieces.run(() => keep(chain, block, clock)))
    if (stored.height > chain.tip.height) yield* activate(chain, stored)
    return stored
  })

const refuse = (rule: string, detail?: string) => Result.fail(new BlockRefused.BlockRefused({ rule, detail }))

/** Keeps a block if it is sound by itself and follows one that is known. */
function* keep(
  chain: Chain.Chain,
  block: Block.Block,
  now: number
): Generator<void, Result.Result<BlockTree.StoredBlock, BlockRefused.BlockRefused>> {
  const known = chain.block(block.hash)
  if (known !== undefined) return refuse(known.isInvalid ? "duplicate-invalid" : "duplicate")
  const previous = chain.block(block.header.previous)
  if (previous === undefined) return refuse("prev-blk-not-found")
  if (previous.isInvalid) return refuse("bad-prevblk")
  const header = HeaderRules.check(BlockTree.viewOf(previous), block.bytes.subarray(0, BlockHeader.size), {
    params: ChainParams.regtest,
    hash256: Auth.hash256,
    now
  })
  if (Result.isFailure(header)) {
    const { reason } = header.failure
    return refuse(headerRules[reason._tag], reason.message)
  }
  const fault = yield* BlockRules.findFaultInPieces(block, previous.height + 1)
  return fault === undefined ? Result.succeed(chain.tree.add(block, previous)) : Result.fail(fault)
}

const headerRules: { readonly [reason in HeaderError.Reason["_tag"]]: string } = {
  IncompleteHeader: "bad-header",
  NotConnected: "prev-blk-not-found",
  BadTarget: "bad-diffbits",
  WrongDifficulty: "bad-diffbits",
  NoProofOfWork: "high-hash",
  TimeTooOld: "time-too-old",
  TimeTooNew: "time-too-new",
  CheckpointMismatch: "checkpoint mismatch"
}

/** After so many transactions whose scripts are right there is a pause. */
const checkedAtOnce = 4

/** Makes a block the tip if it and those before it break no rule. */
const activate = (
  chain: Chain.Chain,
  target: BlockTree.StoredBlock
): Effect.Effect<void, BlockRefused.BlockRefused> =>
  Effect.gen(function*() {
    const plan = yield* Effect.fromResult(yield* InPieces.run(() => chain.plan(target)))
    for (const { spends, stored } of plan.added) {
      for (let at = 0; at < spends.length; at++) {
        // Within a transaction it yields between inputs.
        if (at > 0 && at % checkedAtOnce === 0) yield* Effect.yieldNow
        yield* Effect.mapError(Scripts.verify(spends[at]), ({ rule }) =>
          chain.tree.invalidate(stored, new BlockRefused.BlockRefused({ rule: "blk-bad-inputs", detail: rule })))
      }
    }
    yield* chain.turn.hold(() =>
      chain.move(plan)
    )
  })
