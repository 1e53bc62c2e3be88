/**
 * `flowee send`: a transaction on its way.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Asking from "../hub/asking.ts"
import * as Target from "../hub/target.ts"
import * as TransactionInput from "../hub/transactionInput.ts"
import * as Report from "../terminal/report.ts"

const config = {
  transaction: TransactionInput.argument,
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Only ask whether it could be sent"),
    Flag.withDefault(false)
  ),
  ...Target.flags
}

/** @internal */
export const send = Command.make(
  "send",
  config,
  ({ dryRun, transaction, ...target }) =>
    TransactionInput.read(transaction).pipe(
      Effect.flatMap((bytes) => Asking.ask(target, (hub) => hub.sendTransaction(bytes, { validateOnly: dryRun }))),
      Effect.map((txId): Report.Report => ({
        rows: [[dryRun ? "could be sent" : "sent", txId]],
        json: { txId, sent: !dryRun }
      })),
      Effect.flatMap(Report.print)
    )
).pipe(
  Command.withDescription(
    "Gives a transaction to a Hub, which puts it into its mempool and tells the network. Prints its id."
  ),
  Command.withShortDescription("Send a transaction"),
  Command.withExamples([
    { command: "flowee send 0200000001...", description: "To the Hub of this machine" },
    { command: "flowee send < transaction.txt", description: "A large one, from a file" },
    { command: "flowee send --dry-run 0200000001...", description: "Would it be taken?" }
  ])
)
