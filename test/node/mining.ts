/**
 * Makes blocks.
 */
import * as Timers from "node:timers/promises"
import type { Address, ChainEntry, FullNode } from "./bcash.ts"

/** The time of the first block that is mined, and the seconds between those of `mineFirst`. */
const firstTime = 1_600_000_000

const spacing = 600

const mineOne = async (node: FullNode, previous: ChainEntry, address: Address): Promise<ChainEntry> => {
  const entry = await node.chain.add(await node.miner.mineBlock(previous, address))
  if (entry === null) throw new Error("the block that was mined does not connect")
  // All in memory never waits for anything, so nobody else would have a turn.
  await Timers.setImmediate()
  return entry
}

/** Mines on the tip, with what is in the mempool. */
export const mine = async (node: FullNode, count: number, address: Address): Promise<ReadonlyArray<Buffer>> => {
  const hashes: Array<Buffer> = []
  for (let i = 0; i < count; i++) hashes.push((await mineOne(node, node.chain.tip, address)).hash)
  return hashes
}

/**
 * Mines the blocks after the genesis. They are the same in each run, to the bit, so nodes that began with the same
 * number of blocks have the same chain, and one that began with more has a longer one.
 */
export const mineFirst = async (node: FullNode, count: number, address: Address): Promise<void> => {
  const random = Math.random
  const now = node.network.now
  try {
    for (let height = 1; height <= count; height++) {
      node.network.now = () => firstTime + spacing * height
      Math.random = () => height / 2 ** 32
      await mineOne(node, node.chain.tip, address)
    }
  } finally {
    Math.random = random
    node.network.now = now
  }
}

/** Mines blocks without transactions on one of the main chain. */
export const mineOn = async (
  node: FullNode,
  from: ChainEntry,
  count: number,
  address: Address
): Promise<ReadonlyArray<Buffer>> => {
  const hashes: Array<Buffer> = []
  const { mempool } = node.miner
  // What is in the mempool spends coins of the main chain.
  node.miner.mempool = null
  try {
    for (let i = 0, previous = from; i < count; i++) {
      previous = await mineOne(node, previous, address)
      hashes.push(previous.hash)
    }
  } finally {
    node.miner.mempool = mempool
  }
  return hashes
}
