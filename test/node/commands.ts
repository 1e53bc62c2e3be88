/**
 * What the node does when it is asked.
 */
import type { Address, Bcash, FullNode, KeyRing, Peer, TX, VerifyError } from "./bcash.ts"
import * as Hex from "./hex.ts"
import * as Loopback from "./loopback.ts"
import * as Mining from "./mining.ts"
import type { Commands, Name, Payee, PeerInfo, Request, Submitted, Tip } from "./protocol.ts"
import * as Wallet from "./wallet.ts"

export interface Context {
  readonly bcash: Bcash
  readonly node: FullNode
  readonly key: KeyRing
}

type Handlers = {
  readonly [N in Name]: (context: Context, request: Commands[N]["request"]) => Promise<Commands[N]["answer"]>
}

export const tipOf = ({ chain }: FullNode): Tip => ({ height: chain.height, hash: Hex.showHash(chain.tip.hash) })

const hashAt = async ({ chain }: FullNode, height: number): Promise<Buffer> => {
  const hash = await chain.getHash(height)
  if (hash === null) throw new Error(`there is no block at height ${height}, the tip is at ${chain.height}`)
  return hash
}

const peersOf = ({ pool }: FullNode): ReadonlyArray<Peer> => {
  const peers: Array<Peer> = []
  for (let peer = pool.peers.head(); peer !== null; peer = peer.next) peers.push(peer)
  return peers
}

const describePeer = (peer: Peer): PeerInfo => ({
  id: peer.id,
  endPoint: peer.hostname(),
  outbound: peer.outbound,
  handshake: peer.handshake,
  version: peer.version,
  services: peer.services,
  userAgent: peer.agent ?? "",
  height: peer.height,
  wantsHeaders: peer.preferHeaders,
  hasFilter: peer.spvFilter !== null,
  banScore: peer.banScore
})

const addressOf = ({ bcash, key, node }: Context, payee: Payee | undefined): Address => {
  if (payee === undefined) return key.getAddress()
  const address = Wallet.scriptOf(bcash, node, payee).getAddress()
  if (address === null) throw new Error("blocks are mined to an address only, and the script has none")
  return address
}

const fork = async (
  { key, node }: Context,
  { count, depth }: Commands["fork"]["request"]
): Promise<ReadonlyArray<string>> => {
  const from = await node.chain.getEntryByHeight(node.chain.height - depth)
  if (from === null) throw new Error(`the chain has no ${depth} blocks to leave`)
  return (await Mining.mineOn(node, from, count, key.getAddress())).map(Hex.showHash)
}

/** Waits until the socket is open: the handshake comes after that. */
const connect = ({ bcash, node }: Context, endPoint: string): Promise<number> => {
  const host = endPoint.slice(0, endPoint.lastIndexOf(":"))
  if (!Loopback.isLoopback(host)) throw new Error(`${endPoint} is not on loopback`)
  if (peersOf(node).some((peer) => peer.hostname() === endPoint)) throw new Error(`${endPoint} is a peer already`)
  return new Promise((resolve, reject) => {
    const peer = node.pool.createOutbound(bcash.net.NetAddress.fromHostname(endPoint, node.network))
    let problem = "the socket was closed"
    peer.on("error", (error) => problem = error.message)
    peer.once("connect", () => resolve(peer.id))
    peer.once("close", () => reject(new Error(`cannot connect to ${endPoint}: ${problem}`)))
    node.pool.peers.add(peer)
  })
}

const disconnect = ({ node }: Context, id: number): null => {
  const peer = node.pool.peers.find(id)
  if (peer === undefined) throw new Error(`there is no peer ${id}`)
  peer.destroy()
  return null
}

/** There is no index: it looks into the blocks, the newest first. */
const findTransaction = async ({ chain, mempool }: FullNode, txid: string): Promise<TX> => {
  const hash = Hex.parseHash(txid)
  const waiting = mempool.getTX(hash)
  if (waiting !== null) return waiting
  for (let height = chain.height; height >= 0; height--) {
    const block = await chain.getBlock((await chain.getHash(height))!)
    const found = block!.txs.find((tx) => tx.hash().equals(hash))
    if (found !== undefined) return found
  }
  throw new Error(`the transaction ${txid} is neither in the mempool nor in a block`)
}

const isRefusal = (error: unknown): error is VerifyError =>
  error instanceof Error && "type" in error && error.type === "VerifyError"

const submit = async ({ mempool }: FullNode, tx: TX): Promise<Submitted> => {
  const txid = tx.txid()
  try {
    const missing = await mempool.addTX(tx)
    return { _tag: missing === null ? "Accepted" : "Orphaned", txid }
  } catch (error) {
    if (!isRefusal(error)) throw error
    return { _tag: "Rejected", txid, code: error.code, reason: error.reason }
  }
}

const spend = async (
  { bcash, key, node }: Context,
  payment: Commands["spend"]["request"]
): Promise<Commands["spend"]["answer"]> => {
  const tx = await Wallet.pay(bcash, node, key, payment)
  if (payment.broadcast) {
    const submitted = await submit(node, tx)
    if (submitted._tag !== "Accepted") throw new Error(`the payment was not taken: ${JSON.stringify(submitted)}`)
  }
  const { prevout } = tx.inputs[0]!
  return {
    txid: tx.txid(),
    raw: tx.toRaw().toString("hex"),
    coin: { txid: Hex.showHash(prevout.hash), index: prevout.index }
  }
}

const handlers: Handlers = {
  tip: async ({ node }) => tipOf(node),
  hashAt: async ({ node }, { height }) => Hex.showHash(await hashAt(node, height)),
  blockAt: async ({ node }, { height }) => {
    const block = await node.chain.getBlock(await hashAt(node, height))
    return block!.toRaw().toString("hex")
  },
  generate: async (context, { count, payee }) =>
    (await Mining.mine(context.node, count, addressOf(context, payee))).map(Hex.showHash),
  fork,
  connect: async (context, { endPoint }) => await connect(context, endPoint),
  disconnect: async (context, { id }) => disconnect(context, id),
  peers: async ({ node }) => peersOf(node).map(describePeer),
  mempool: async ({ node }) => Array.from(node.mempool.map.keys(), Hex.showHash),
  transaction: async ({ node }, { txid }) => (await findTransaction(node, txid)).toRaw().toString("hex"),
  spend,
  submit: async ({ bcash, node }, { raw }) => await submit(node, bcash.TX.fromRaw(Buffer.from(raw, "hex"))),
  bans: async ({ node }) => Array.from(node.pool.hosts.banned.keys()),
  clearBans: async ({ node }) => {
    node.pool.hosts.banned.clear()
    return null
  }
}

export const run = async (context: Context, request: Request): Promise<unknown> => {
  const handler = handlers[request.command] as (context: Context, request: Request) => Promise<unknown>
  return await handler(context, request)
}
