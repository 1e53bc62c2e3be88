/**
 * The key that the node mines to, and payments from it.
 */
import type { Bcash, Coin, FullNode, KeyRing, Script, TX } from "./bcash.ts"
import type { Payee, Payment } from "./protocol.ts"

/** A coin of a coinbase may be spent from the block that is this much higher. */
const maturity = 100

/** Less than this is dust, and not worth a change of its own. */
const leastChange = 1000

export const makeKey = (bcash: Bcash): KeyRing => bcash.KeyRing.fromPrivate(Buffer.alloc(32, 0x21), true)

export const scriptOf = (bcash: Bcash, { network }: FullNode, payee: Payee): Script =>
  "script" in payee
    ? bcash.Script.fromRaw(Buffer.from(payee.script, "hex"))
    : bcash.Script.fromAddress(bcash.Address.fromString(payee.address, network))

/** The oldest coins are the largest: the subsidy halves each 150 blocks. */
const findCoin = async (node: FullNode, script: Script, needed: number): Promise<Coin> => {
  for (let height = 1; height + maturity <= node.chain.height + 1; height++) {
    const block = await node.chain.getBlock((await node.chain.getHash(height))!)
    const [coinbase] = block!.txs
    const output = coinbase!.outputs[0]!
    if (output.value < needed || !output.script.raw.equals(script.raw)) continue
    const coin = await node.chain.getCoin(coinbase!.hash(), 0)
    if (coin !== null && !node.mempool.isSpent(coin.hash, coin.index)) return coin
  }
  throw new Error(
    `no coin of ${needed} satoshis that can be spent at height ${node.chain.height}: ` +
      `those of the first 149 blocks have 5,000,000,000, and each can be spent ${maturity} blocks later`
  )
}

/** Makes a payment that spends one coin, with the change going back. */
export const pay = async (
  bcash: Bcash,
  node: FullNode,
  key: KeyRing,
  { amount, fee, payee }: Payment
): Promise<TX> => {
  const own = bcash.Script.fromAddress(key.getAddress())
  const coin = await findCoin(node, own, amount + fee)
  const change = coin.value - amount - fee
  const transaction = new bcash.MTX()
  transaction.addCoin(coin)
  transaction.addOutput({ script: scriptOf(bcash, node, payee), value: amount })
  if (change >= leastChange) transaction.addOutput({ script: own, value: change })
  transaction.sign(key)
  return transaction.toTX()
}
