/**
 * The calls of a client to a Hub: arguments checked before anything is sent, replies in the form that programs want.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as HubApi from "../../domain/hub/HubApi.ts"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubRegTest from "../../domain/hub/HubRegTest.ts"
import type * as HubClient from "../../services/hub/HubClient.ts"
import * as HubError from "../../services/hub/HubError.ts"
import type * as HubQuery from "../../services/hub/HubQuery.ts"
import type * as MessageClient from "../../services/MessageClient.ts"

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

/** @internal */
export const asked = <A>(call: Effect.Effect<A, MessageClient.CallError>): Effect.Effect<A, HubError.HubError> =>
  Effect.mapError(call, HubError.fromCallError)

/** The header value that asks for validation off the main thread of the Hub. */
const offMainThread = { 10: 1 }

type Given = { readonly [name: string]: unknown }

/** Refuses arguments of which not exactly one alternative is given. */
const oneOf = <A>(
  call: string,
  given: object,
  alternatives: ReadonlyArray<ReadonlyArray<string>>,
  ask: () => Effect.Effect<A, HubError.HubError>,
  place = ""
): Effect.Effect<A, HubError.HubError> => {
  const values: Given = { ...given }
  const isGiven = (name: string) => values[name] !== undefined
  const complete = alternatives.filter((names) => names.every(isGiven))
  const touched = alternatives.filter((names) => names.some(isGiven))
  if (complete.length === 1 && touched.length === 1) return Effect.suspend(ask)
  const wanted = alternatives.map((names) => names.join(" and ")).join(", or ")
  const argument = touched.at(-1)?.find(isGiven) ?? alternatives[0]![0]!
  const problem = touched.length > 1 ? `give ${wanted}, but not both` : `give ${wanted}`
  return Effect.fail(HubError.badArgument(call, `${place}${argument}`, problem))
}

const byHashOrHeight = [["hash"], ["height"]]
const byIdOrPlace = [["txId"], ["height", "offset"]]
const byIdOrScript = [["txId"], ["scriptHash"]]

/** One answer for each output, or the answers cannot be told apart. */
const forEachOutput = <A>(
  call: string,
  outputs: ReadonlyArray<HubQuery.Output>,
  ask: (outputs: ReadonlyArray<HubQuery.Output>) => Effect.Effect<ReadonlyArray<A>, HubError.HubError>
): Effect.Effect<ReadonlyArray<A>, HubError.HubError> => {
  if (outputs.length === 0) return Effect.succeed([])
  const checked = Effect.forEach(
    outputs,
    (output, i) => oneOf(call, output, byIdOrPlace, () => Effect.void, `outputs[${i}].`),
    { discard: true }
  )
  return Effect.andThen(checked, ask(outputs)).pipe(
    Effect.filterOrFail(
      (answers) => answers.length === outputs.length,
      (answers) => HubError.senselessReply(call, `${answers.length} answers for ${outputs.length} outputs`)
    )
  )
}

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
    oneOf(
      "getBlockHeader",
      which,
      byHashOrHeight,
      () => Effect.map(asked(client.getBlockHeader(defined(which))), ([header]) => Option.fromUndefinedOr(header))
    ),
  block: (which, { scriptHashes = [], ...options } = {}) =>
    oneOf("getBlock", which, byHashOrHeight, () => {
      const [setFilter, ...addFilter] = scriptHashes
      return asked(client.getBlock({
        ...defined(which),
        ...defined(options),
        ...(setFilter === undefined ? {} : { setFilter, addFilter })
      }))
    }),
  blockVerbose: (which) =>
    oneOf("getBlockVerbose", which, byHashOrHeight, () => asked(client.getBlockVerbose(defined(which)))),
  transaction: (which, choices = {}) =>
    oneOf(
      "getTransaction",
      which,
      byIdOrPlace,
      () => asked(client.getTransaction({ ...defined(which), ...defined(choices) }))
    ),
  liveTransaction: (which) =>
    oneOf("getLiveTransaction", which, byIdOrScript, () => asked(client.getLiveTransaction(defined(which)))),
  sendTransaction: (transaction, { offThread, validateOnly } = {}) =>
    someBytes("sendTransaction", "transaction", transaction).pipe(
      Effect.andThen(asked(client.sendTransaction(
        { transaction, ...defined({ validateOnly }) },
        offThread === true ? { header: offMainThread } : {}
      ))),
      Effect.flatMap(readTxId)
    ),
  isUnspent: (outputs) => forEachOutput("isUnspent", outputs, (all) => asked(client.isUnspent(all.map(defined)))),
  unspentOutputs: (outputs) =>
    forEachOutput("getUnspentOutput", outputs, (all) => asked(client.getUnspentOutput(all.map(defined)))),
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

type Defined<A> = A extends unknown ? { readonly [K in keyof A]?: Exclude<A[K], undefined> } : never

/** Without the keys that are there but say nothing. */
const defined = <A extends object>(given: A): Defined<A> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<A>
