/**
 * The calls of a client to a Hub: arguments checked before anything is sent, replies in the form that programs want.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Header from "../../domain/Header.ts"
import type * as HubApi from "../../domain/hub/HubApi.ts"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import type * as HubLiveTransactions from "../../domain/hub/HubLiveTransactions.ts"
import * as HubRegTest from "../../domain/hub/HubRegTest.ts"
import type * as HubClient from "../../services/hub/HubClient.ts"
import * as HubError from "../../services/hub/HubError.ts"
import type * as HubQuery from "../../services/hub/HubQuery.ts"
import type * as MessageClient from "../../services/MessageClient.ts"
import { asked, defined, requireOne } from "./asking.ts"

/** @internal */
export type Client = MessageClient.MessageClient<(typeof HubApi.calls)["members"][number]>

/**
 * The members of a client that are calls.
 *
 * @internal
 */
export type Calls = Omit<
  HubClient.HubClient["Service"],
  "connection" | "network" | "parseAddress" | "formatAddress" | "blocks" | "addresses" | "transactions" | "doubleSpends"
>

/** The header value that asks for validation off the main thread of the Hub. */
const offMainThread = { [Header.asyncRequest]: 1 }

const byHashOrHeight = [["hash"], ["height"]]
const byIdOrPlace = [["txId"], ["height", "offset"]]
const byIdOrScript = [["txId"], ["scriptHash"]]

/** One answer for each output, or the answers cannot be told apart. */
const forEachOutput = <A>(
  name: string,
  outputs: ReadonlyArray<HubQuery.Output>,
  call: (
    outputs: ReadonlyArray<HubLiveTransactions.OutPoint>
  ) => Effect.Effect<ReadonlyArray<A>, MessageClient.CallError>
): Effect.Effect<ReadonlyArray<A>, HubError.HubError> => {
  if (outputs.length === 0) return Effect.succeed([])
  return Effect.forEach(outputs, (output, i) => requireOne(name, output, byIdOrPlace, `outputs[${i}].`), {
    discard: true
  }).pipe(
    Effect.andThen(asked(call(outputs.map(defined)), (argument) => `outputs${argument}`)),
    Effect.filterOrFail(
      (answers) => answers.length === outputs.length,
      (answers) => HubError.senselessReply(name, `${answers.length} answers for ${outputs.length} outputs`)
    )
  )
}

/** The first script hash clears the filter of the connection. */
const toFilter = ([setFilter, ...addFilter]: ReadonlyArray<HubHash.ScriptHash>) =>
  setFilter === undefined ? {} : { setFilter, addFilter }

const fromFilter = (argument: string): string =>
  argument === "setFilter"
    ? "scriptHashes[0]"
    : argument.replace(/^addFilter\[(\d+)\]/, (_, i: string) => `scriptHashes[${Number(i) + 1}]`)

const readTxId = (
  { asyncTxId, txId }: { readonly asyncTxId?: HubHash.TxId; readonly txId?: HubHash.TxId }
): Effect.Effect<HubHash.TxId, HubError.HubError> => {
  const id = txId ?? asyncTxId
  return id === undefined
    ? Effect.fail(HubError.senselessReply("sendTransaction", "it has no id of a transaction"))
    : Effect.succeed(id)
}

const someBytes = (call: string, argument: string, bytes: unknown): Effect.Effect<void, HubError.HubError> =>
  bytes instanceof Uint8Array && bytes.length > 0
    ? Effect.void
    : Effect.fail(HubError.badArgument(call, argument, "give some bytes"))

/** @internal */
export const make = (client: Client): Calls => ({
  version: Effect.map(asked(client.version()), ({ version }) => version),
  blockChainInfo: asked(client.getBlockChainInfo()),
  bestBlockHash: Effect.map(asked(client.getBestBlockHash()), ({ hash }) => hash),
  blockCount: Effect.map(asked(client.getBlockCount()), ({ height }) => height),
  blockHeader: (which) =>
    requireOne("getBlockHeader", which, byHashOrHeight).pipe(
      Effect.andThen(asked(client.getBlockHeader(defined(which)))),
      Effect.map(([header]) => Option.fromUndefinedOr(header))
    ),
  block: (which, { scriptHashes = [], ...options } = {}) =>
    Effect.andThen(
      requireOne("getBlock", which, byHashOrHeight),
      asked(client.getBlock({ ...defined(which), ...toFilter(scriptHashes), ...defined(options) }), fromFilter)
    ),
  blockVerbose: (which, { verbose } = {}) =>
    Effect.andThen(
      requireOne("getBlockVerbose", which, byHashOrHeight),
      asked(client.getBlockVerbose({ ...defined(which), ...defined({ verbose }) }))
    ),
  transaction: (which, choices = {}) =>
    Effect.andThen(
      requireOne("getTransaction", which, byIdOrPlace),
      asked(client.getTransaction({ ...defined(which), ...defined(choices) }))
    ),
  liveTransaction: (which) =>
    Effect.andThen(
      requireOne("getLiveTransaction", which, byIdOrScript),
      asked(client.getLiveTransaction(defined(which)))
    ),
  sendTransaction: (transaction, { offThread, validateOnly } = {}) =>
    someBytes("sendTransaction", "transaction", transaction).pipe(
      Effect.andThen(asked(client.sendTransaction(
        { transaction, ...defined({ validateOnly }) },
        offThread === true ? { header: offMainThread } : {}
      ))),
      Effect.flatMap(readTxId)
    ),
  isUnspent: (outputs) => forEachOutput("isUnspent", outputs, (all) => client.isUnspent(all)),
  unspentOutputs: (outputs) => forEachOutput("getUnspentOutput", outputs, (all) => client.getUnspentOutput(all)),
  searchMempool: (search) =>
    (search.txIds?.length ?? 0) + (search.scriptHashes?.length ?? 0) === 0
      ? Effect.fail(HubError.badArgument("searchMempool", "txIds", "give some ids, or some script hashes"))
      : asked(client.searchMempool(defined(search))),
  mempoolInfo: asked(client.getMempoolInfo()),
  createAddress: asked(client.createAddress()),
  validateAddress: (address) => asked(client.validateAddress({ address })),
  generateBlocks: ({ address, blocks = 1 }) =>
    Number.isInteger(blocks) && blocks >= 1 && blocks <= HubRegTest.maxBlocks
      ? asked(client.generateBlock({ blocks, address }))
      : Effect.fail(
        HubError.badArgument("generateBlock", "blocks", `give 1 to ${HubRegTest.maxBlocks}, not ${blocks}`)
      ),
  submitBlock: (block) =>
    someBytes("submitBlock", "block", block).pipe(
      Effect.andThen(asked(client.submitBlock({ block }))),
      Effect.map(({ hash }) => hash)
    )
})
