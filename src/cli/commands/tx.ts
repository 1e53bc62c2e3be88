/**
 * `flowee tx`: what a transaction does.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Transaction from "../../domain/chain/Transaction.ts"
import type * as Network from "../../domain/Network.ts"
import * as HashHex from "../../domain/p2p/HashHex.ts"
import type * as HubError from "../../services/hub/HubError.ts"
import type * as HubQuery from "../../services/hub/HubQuery.ts"
import * as Asking from "../hub/asking.ts"
import * as Known from "../hub/known.ts"
import * as Target from "../hub/target.ts"
import * as Hex from "../notation/hex.ts"
import * as Remarks from "../notation/remarks.ts"
import * as Report from "../terminal/report.ts"

/** The answer of the Hub has no transaction in it. */
class NoBytes extends Data.TaggedError("NoBytes")<{}> {
  override get message(): string {
    return "the Hub did not send the transaction"
  }
}

const config = {
  transaction: Known.argument("transaction", Known.transaction).pipe(
    Argument.withDescription("Its id, or HEIGHT:OFFSET, where it is in the chain")
  ),
  ...Target.flags
}

/** A transaction, and the height of its block when it is in one. */
interface Found {
  readonly height: number | undefined
  readonly bytes: Uint8Array
}

const find = (hub: Asking.Hub, which: HubQuery.Transaction): Effect.Effect<Found, HubError.HubError | NoBytes> =>
  which.txId === undefined
    ? Effect.flatMap(
      hub.transaction(which, { withBytes: true }),
      ({ bytes }) => bytes === undefined ? Effect.fail(new NoBytes()) : Effect.succeed({ height: which.height, bytes })
    )
    : Effect.map(hub.liveTransaction(which), ({ bytes, height }) => ({ height, bytes }))

const showInput = (input: Transaction.Input): string =>
  Transaction.isNull(input) ? "new coins" : `${HashHex.format(input.txId)}:${input.index}`

const toReport = (
  { bytes, height }: Found,
  transaction: Transaction.Transaction,
  network: Network.Network
): Report.Report => {
  const id = HashHex.format(transaction.id)
  const outputs = transaction.outputs.map(({ amount, script }, index) => ({
    index,
    amount: Number(amount),
    address: Known.payeeOf(script, network),
    script: Hex.format(script)
  }))
  return {
    rows: [
      ["id", id],
      ["where", height === undefined ? "in the mempool" : `in block ${height}`],
      ["size", `${bytes.length} bytes`],
      ...transaction.inputs.map((input) => ["spends", showInput(input)] as const),
      ...outputs.map(({ address, amount, script }) =>
        ["pays", `${Remarks.formatCoins(BigInt(amount))} BCH to ${address ?? `script ${script}`}`] as const
      )
    ],
    json: {
      id,
      height: height ?? null,
      size: bytes.length,
      inputs: transaction.inputs.map((input) =>
        Transaction.isNull(input) ? { coinbase: true } : { txId: HashHex.format(input.txId), index: input.index }
      ),
      outputs,
      bytes: Hex.format(bytes)
    }
  }
}

/** @internal */
export const tx = Command.make(
  "tx",
  config,
  ({ transaction: which, ...target }) =>
    Asking.ask(target, (hub) =>
      Effect.gen(function*() {
        const found = yield* find(hub, which)
        const transaction = yield* Effect.fromResult(Transaction.decode(found.bytes))
        return toReport(found, transaction, yield* hub.network)
      })).pipe(Effect.flatMap(Report.print))
).pipe(
  Command.withDescription(`Says what a transaction spends and pays, and where it is.

  By its id a Hub finds what is in its mempool; what is in blocks only where it has an index of them.`),
  Command.withShortDescription("What a transaction does"),
  Command.withExamples([
    { command: "flowee tx 1:81", description: "The first one of the second block" }
  ])
)
