/**
 * Transactions and blocks as replies of the Hub API show them.
 */
import * as Result from "effect/Result"
import * as Block from "../../domain/chain/Block.ts"
import * as Script from "../../domain/chain/Script.ts"
import * as Transaction from "../../domain/chain/Transaction.ts"
import type * as HubBlockChain from "../../domain/hub/HubBlockChain.ts"
import type * as HubTransaction from "../../domain/hub/HubTransaction.ts"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import * as Target from "../../domain/p2p/Target.ts"
import type * as RegtestChain from "../../services/hub/RegtestChain.ts"
import * as Names from "./names.ts"

/**
 * Whether a request leaves open what is to be told of transactions, so that it is their bytes.
 *
 * @internal
 */
export const asksForNothing = (choices: HubTransaction.Choices): boolean =>
  choices.withOffset !== true && choices.withTxId !== true && choices.withBytes !== true &&
  choices.withInputs !== true && choices.withFee !== true && !asksForOutputs(choices)

const asksForOutputs = (choices: HubTransaction.Choices): boolean =>
  choices.withAmounts === true || choices.withScripts === true || choices.withOutputs === true ||
  choices.withAddresses === true || choices.withScriptHashes === true

/**
 * The inputs that were asked for. In lists of transactions that of a coinbase has its script only.
 *
 * @internal
 */
export const inputs = (
  transaction: Transaction.Transaction,
  choices: HubTransaction.Choices,
  isInList: boolean
): ReadonlyArray<HubTransaction.Input> => {
  if (choices.withInputs !== true) return []
  return transaction.inputs.map((input) => {
    const isNull = Transaction.isNull(input)
    return isNull && isInList
      ? { script: input.script }
      : { prevTxId: Names.txId(input.txId), prevIndex: isNull ? -1 : input.index, script: input.script }
  })
}

/** @internal */
export const outputs = (
  transaction: Transaction.Transaction,
  choices: HubTransaction.Choices
): ReadonlyArray<HubTransaction.Output> => {
  if (!asksForOutputs(choices)) return []
  const only = new Set<number>(choices.onlyOutputs)
  return transaction.outputs
    .map((output, index) => describeOutput(output, index, choices))
    .filter(({ index }) => only.size === 0 || only.has(index))
}

const describeOutput = (
  { amount, script }: Transaction.Output,
  index: number,
  choices: HubTransaction.Choices
): HubTransaction.Output => {
  const address = choices.withAddresses === true ? Script.addressOf(script) : undefined
  return {
    index: Names.index(index),
    ...(choices.withAmounts === true || choices.withOutputs === true ? { amount: Names.amount(amount) } : {}),
    ...(choices.withScripts === true || choices.withOutputs === true ? { script } : {}),
    ...(address === undefined ? {} : { address: Names.address(address) }),
    ...(choices.withScriptHashes === true ? { scriptHash: Names.scriptHash(Script.hash(script)) } : {})
  }
}

/** @internal */
export const header = (chain: RegtestChain.ChainReader, block: RegtestChain.ChainBlock): HubBlockChain.Header => {
  const { bits, merkleRoot, nonce, previous, time, version } = Result.getOrThrow(
    BlockHeader.decode(block.bytes.subarray(0, BlockHeader.size))
  )
  const isOnBestChain = chain.isOnBestChain(block)
  const next = isOnBestChain ? chain.blockAt(block.height + 1) : undefined
  return {
    hash: Names.blockHash(block.hash),
    confirmations: isOnBestChain ? chain.tip.height - block.height + 1 : -1,
    height: Names.height(block.height),
    version,
    merkleRoot: Names.merkleRoot(merkleRoot),
    time,
    medianTime: block.medianTime,
    nonce,
    bits,
    difficulty: difficulty(bits),
    ...(block.height === 0 ? {} : { previous: Names.blockHash(previous) }),
    ...(next === undefined ? {} : { next: Names.blockHash(next.hash) })
  }
}

/** @internal */
export const verbose = (chain: RegtestChain.ChainReader, block: RegtestChain.ChainBlock): HubBlockChain.Verbose => {
  const known = header(chain, block)
  return {
    ...known,
    size: block.bytes.length,
    txIds: contentsOf(block).transactions.map(({ transaction }) => Names.txId(transaction.id)),
    work: work(known)
  }
}

/** @internal */
export const info = (chain: RegtestChain.ChainReader): HubBlockChain.Info => {
  const tip = header(chain, chain.tip)
  return {
    chain: "regtest",
    blocks: tip.height,
    headers: tip.height,
    bestBlock: tip.hash,
    difficulty: tip.difficulty,
    medianTime: tip.medianTime,
    progress: 1,
    work: work(tip)
  }
}

/**
 * The transactions of a block.
 *
 * @internal
 */
export const contentsOf = (block: RegtestChain.ChainBlock): Block.Block => Result.getOrThrow(Block.decode(block.bytes))

/** As Hubs count it: the first block took none. */
const work = ({ bits, height }: HubBlockChain.Header): bigint => BigInt(height) * Target.work(bits)

/** How many times the hardest target of a block of difficulty 1 has to be missed: the number that people compare. */
const difficulty = (bits: number): number => {
  const mantissa = 0xffff / (bits & 0xff_ffff)
  return mantissa * 256 ** (0x1d - (bits >>> 24))
}
