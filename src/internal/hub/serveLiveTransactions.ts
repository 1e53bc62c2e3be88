/**
 * Service 2: the mempool, outputs that can be spent, and sending transactions.
 */
import * as Effect from "effect/Effect"
import type * as SpendRules from "../../domain/chain/SpendRules.ts"
import * as CommandFailure from "../../domain/CommandFailure.ts"
import * as Header from "../../domain/Header.ts"
import * as HubHash from "../../domain/hub/HubHash.ts"
import type * as HubLiveTransactions from "../../domain/hub/HubLiveTransactions.ts"
import type * as HubTransaction from "../../domain/hub/HubTransaction.ts"
import type * as RegtestChain from "../../services/hub/RegtestChain.ts"
import type * as MessageServer from "../../services/MessageServer.ts"
import * as Describe from "./describe.ts"
import * as Names from "./names.ts"

type Handlers = MessageServer.Handlers<typeof HubLiveTransactions.group["members"][number], never>

const failed = (text: string) => new CommandFailure.CommandFailed({ text })

/** @internal */
export const make = (chain: RegtestChain.RegtestChain["Service"]): Handlers => ({
  getLiveTransaction: (request) =>
    Effect.filterOrFail(
      chain.look((chain) => find(chain, request)),
      (found) => found !== undefined,
      () => failed("No information available about transaction")
    ),
  sendTransaction: ({ transaction, validateOnly }, { message }) =>
    chain.sendTransaction(transaction, { validateOnly }).pipe(
      Effect.mapError((error) => failed(error._tag === "MalformedTransaction" ? "TX decode failed" : error.message)),
      Effect.map(({ id }) => {
        const txId = Names.txId(id)
        return Header.get(message.header, Header.asyncRequest) === 1 ? { asyncTxId: txId } : { txId }
      })
    ),
  isUnspent: (outPoints) =>
    chain.look((chain) =>
      outPoints.map((outPoint) => {
        const found = findUnspent(chain, outPoint)
        return found === undefined ? { isUnspent: false } : describeUnspent(found)
      })
    ),
  getUnspentOutput: (outPoints) =>
    chain.look((chain) =>
      outPoints.map((outPoint) => {
        const found = findUnspent(chain, outPoint)
        if (found === undefined) return { isUnspent: false }
        const { amount, script } = found.coin
        return { ...describeUnspent(found), amount: Names.amount(amount), script }
      })
    ),
  searchMempool: (request) =>
    chain.look(({ mempool }) =>
      Array.from(search(mempool, request), ([entry, matching]) => describeHit(entry, matching, request))
    ),
  getMempoolInfo: () =>
    chain.look(({ mempool: { bytes, maxUsage, size, usage } }) => ({ size, bytes, usage, maxUsage, minFee: 0 }))
})

const find = (
  chain: RegtestChain.ChainReader,
  { scriptHash, txId }: { readonly txId?: HubHash.TxId; readonly scriptHash?: HubHash.ScriptHash }
) => {
  if (txId !== undefined) {
    const id = HubHash.toBytes(txId)
    return describeWaiting(chain.mempool.find(id)) ?? describeMined(chain, chain.find(id))
  }
  if (scriptHash === undefined) return undefined
  const hash = HubHash.toBytes(scriptHash)
  return describeWaiting(chain.mempool.payingTo(hash)[0]) ??
    describeMined(chain, chain.payments(hash).at(-1)?.location)
}

const describeWaiting = (entry: RegtestChain.MempoolEntry | undefined) =>
  entry === undefined ? undefined : { bytes: entry.transaction.bytes }

const describeMined = (chain: RegtestChain.ChainReader, location: RegtestChain.Location | undefined) => {
  const transaction = location === undefined ? undefined : chain.transaction(location)
  return location === undefined || transaction === undefined
    ? undefined
    : { height: Names.height(location.block.height), bytes: transaction.bytes }
}

interface Unspent {
  readonly coin: SpendRules.Coin
  readonly location: RegtestChain.Location
  readonly index: number
}

/** Only blocks count here: what the mempool spends is unspent, and what it pays is not there. */
const findUnspent = (
  chain: RegtestChain.ChainReader,
  { height, index = Names.index(0), offset, txId: id }: HubLiveTransactions.OutPoint
): Unspent | undefined => {
  const txId = id === undefined ? idOf(chain, height, offset) : HubHash.toBytes(id)
  const location = txId === undefined ? undefined : chain.find(txId)
  const coin = txId === undefined ? undefined : chain.coin({ txId, index })
  return coin === undefined || location === undefined ? undefined : { coin, location, index }
}

const idOf = (chain: RegtestChain.ChainReader, height = -1, offset = -1): Uint8Array | undefined => {
  const block = chain.blockAt(height)
  return block === undefined ? undefined : chain.transaction({ block, offset })?.id
}

const describeUnspent = ({ index, location: { block, offset } }: Unspent): HubLiveTransactions.Unspent => ({
  isUnspent: true,
  height: Names.height(block.height),
  offset: Names.offset(offset),
  index: Names.index(index)
})

/** What was found, with the outputs that a script was found in. */
type Hits = ReadonlyMap<RegtestChain.MempoolEntry, ReadonlyArray<number>>

const search = (
  mempool: RegtestChain.MempoolReader,
  { scriptHashes = [], txIds = [] }: {
    readonly txIds?: ReadonlyArray<HubHash.TxId>
    readonly scriptHashes?: ReadonlyArray<HubHash.ScriptHash>
  }
): Hits => {
  const hits = new Map<RegtestChain.MempoolEntry, ReadonlyArray<number>>()
  for (const txId of txIds) {
    const entry = mempool.find(HubHash.toBytes(txId))
    if (entry !== undefined) hits.set(entry, [])
  }
  const wanted = new Set<string>(scriptHashes)
  for (const scriptHash of wanted) {
    for (const entry of mempool.payingTo(HubHash.toBytes(scriptHash as HubHash.ScriptHash))) {
      if ((hits.get(entry) ?? []).length === 0) hits.set(entry, matchesOf(entry, wanted))
    }
  }
  return hits
}

const matchesOf = ({ scriptHashes }: RegtestChain.MempoolEntry, wanted: ReadonlySet<string>): ReadonlyArray<number> =>
  Array.from(scriptHashes.keys()).filter((index) => wanted.has(Names.scriptHash(scriptHashes[index])))

const describeHit = (
  { fee, firstSeen, proofId, transaction }: RegtestChain.MempoolEntry,
  matching: ReadonlyArray<number>,
  choices: HubTransaction.Choices
): HubLiveTransactions.Hit => ({
  ...(choices.withTxId === true ? { txId: Names.txId(transaction.id) } : {}),
  matchingOutputs: matching.map(Names.index),
  firstSeen,
  ...(choices.withBytes === true || Describe.asksForNothing(choices) ? { bytes: transaction.bytes } : {}),
  inputs: Describe.inputs(transaction, choices, true),
  outputs: Describe.outputs(transaction, choices),
  ...(choices.withFee === true ? { fee: Names.amount(fee) } : {}),
  ...(proofId === undefined ? {} : { proofId: Names.proofId(proofId) })
})
