/**
 * Service 1: blocks, and transactions in blocks.
 */
import * as Effect from "effect/Effect"
import type * as Block from "../../domain/chain/Block.ts"
import * as Script from "../../domain/chain/Script.ts"
import * as Transaction from "../../domain/chain/Transaction.ts"
import * as CommandFailure from "../../domain/CommandFailure.ts"
import type * as HubBlockChain from "../../domain/hub/HubBlockChain.ts"
import * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubScriptKind from "../../domain/hub/HubScriptKind.ts"
import type * as HubTransaction from "../../domain/hub/HubTransaction.ts"
import type * as RegtestChain from "../../services/hub/RegtestChain.ts"
import type * as MessageServer from "../../services/MessageServer.ts"
import * as Describe from "./describe.ts"
import * as Names from "./names.ts"

type Handlers = MessageServer.Handlers<typeof HubBlockChain.group["members"][number], never>

interface Which {
  readonly hash?: HubHash.BlockHash
  readonly height?: number
}

type BlockRequest = Which & HubTransaction.Choices & {
  readonly reuseFilter?: boolean
  readonly setFilter?: HubHash.ScriptHash
  readonly addFilter?: ReadonlyArray<HubHash.ScriptHash>
  readonly scriptKinds?: number
}

/** Lets a transaction of a block pass. */
type Filter = (transaction: Transaction.Transaction) => boolean

const findBlock = (chain: RegtestChain.ChainReader, { hash, height }: Which): RegtestChain.ChainBlock | undefined => {
  if (hash !== undefined) return chain.block(HubHash.toBytes(hash))
  return height === undefined ? undefined : chain.blockAt(height)
}

const noBlock = ({ hash, height }: Which): CommandFailure.CommandFailed =>
  new CommandFailure.CommandFailed({
    text: hash !== undefined
      ? "Block not found"
      : height !== undefined
      ? "Block height out of range"
      : "Missing BlockHash or BlockHeight argument"
  })

const noTransaction = new CommandFailure.CommandFailed({ text: "No information available about transaction" })

/** @internal */
export const make = (chain: RegtestChain.RegtestChain["Service"]): Handlers => {
  /** What a client filtered by last. */
  const remembered = new Set<string>()
  const withBlock = <A>(
    which: Which,
    f: (chain: RegtestChain.ChainReader, block: RegtestChain.ChainBlock) => A
  ): Effect.Effect<A, CommandFailure.CommandFailed> =>
    Effect.flatten(chain.look((chain) => {
      const block = findBlock(chain, which)
      return block === undefined ? Effect.fail(noBlock(which)) : Effect.succeed(f(chain, block))
    }))
  return {
    getBlockChainInfo: () => chain.look(Describe.info),
    getBestBlockHash: () => chain.look(({ tip }) => ({ hash: Names.blockHash(tip.hash) })),
    getBlockCount: () => chain.look(({ tip }) => ({ height: Names.height(tip.height) })),
    getBlock: (request) =>
      withBlock(request, (chain, block) => describeBlock(block, request, filterOf(chain, request, remembered))),
    getBlockVerbose: (request) => withBlock(request, Describe.verbose),
    getBlockHeader: (request) =>
      chain.look((chain) => {
        const block = findBlock(chain, request)
        return block === undefined ? [] : [Describe.header(chain, block)]
      }),
    getTransaction: (request) =>
      Effect.filterOrFail(
        chain.look((chain) => describeTransaction(chain, request)),
        (found) => found !== undefined,
        () => noTransaction
      )
  }
}

/** All filters of a request have to let a transaction pass. */
const filterOf = (chain: RegtestChain.ChainReader, request: BlockRequest, remembered: Set<string>): Filter => {
  if (request.setFilter !== undefined) remembered.clear()
  const added = [...request.setFilter === undefined ? [] : [request.setFilter], ...request.addFilter ?? []]
  for (const hash of added) remembered.add(hash)
  const scripts = added.length > 0 || request.reuseFilter === true ? remembered : new Set<string>()
  const kinds = request.scriptKinds ?? 0
  return (transaction) =>
    (scripts.size === 0 || touches(chain, transaction, scripts)) &&
    (kinds === 0 || transaction.outputs.some(({ script }) => (HubScriptKind.of(script) & kinds) !== 0))
}

/** Whether a transaction pays to one of some scripts, or spends from one. */
const touches = (
  chain: RegtestChain.ChainReader,
  { inputs, outputs }: Transaction.Transaction,
  scripts: ReadonlySet<string>
): boolean => {
  const isOne = ({ script }: Transaction.Output) => scripts.has(Names.scriptHash(Script.hash(script)))
  return outputs.some(isOne) || inputs.some((input) => {
    const spent = chain.output(input)
    return spent !== undefined && isOne(spent)
  })
}

const describeBlock = (
  block: RegtestChain.ChainBlock,
  choices: HubTransaction.Choices,
  filter: Filter
): HubBlockChain.Block => ({
  height: Names.height(block.height),
  hash: Names.blockHash(block.hash),
  transactions: Describe.contentsOf(block).transactions
    .filter(({ transaction }) => filter(transaction))
    .map((placed) => describePlaced(placed, choices))
})

/** Hubs do not tell fees here, asked or not. */
const describePlaced = (
  { offset, transaction }: Block.Placed,
  choices: HubTransaction.Choices
): HubTransaction.Mined => ({
  ...(choices.withOffset === false ? {} : { offset: Names.offset(offset) }),
  ...describe(transaction, choices, true)
})

const describe = (
  transaction: Transaction.Transaction,
  choices: HubTransaction.Choices,
  isInList: boolean
): HubTransaction.Mined => ({
  ...(choices.withTxId === true ? { txId: Names.txId(transaction.id) } : {}),
  inputs: Describe.inputs(transaction, choices, isInList),
  outputs: Describe.outputs(transaction, choices),
  ...(choices.withBytes === true || Describe.asksForNothing(choices) ? { bytes: transaction.bytes } : {})
})

const describeTransaction = (
  chain: RegtestChain.ChainReader,
  request: HubTransaction.Choices & {
    readonly txId?: HubHash.TxId
    readonly height?: number
    readonly offset?: number
  }
): HubTransaction.Mined | undefined => {
  const { height = -1, offset = -1, txId } = request
  const block = chain.blockAt(height)
  const location = txId !== undefined
    ? chain.find(HubHash.toBytes(txId))
    : block === undefined
    ? undefined
    : { block, offset }
  const transaction = location === undefined ? undefined : chain.transaction(location)
  if (location === undefined || transaction === undefined) return undefined
  const fee = request.withFee === true ? feeOf(chain, transaction) : undefined
  return {
    ...(request.withOffset === true ? { offset: Names.offset(location.offset) } : {}),
    ...describe(transaction, request, false),
    ...(fee === undefined ? {} : { fee: Names.amount(fee) })
  }
}

/** A coinbase has none. */
const feeOf = (chain: RegtestChain.ChainReader, transaction: Transaction.Transaction): bigint | undefined => {
  let fee = -Transaction.amount(transaction)
  for (const input of transaction.inputs) {
    const spent = chain.output(input)
    if (spent === undefined) return undefined
    fee += spent.amount
  }
  return fee
}
