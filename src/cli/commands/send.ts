/**
 * `flowee send`: a transaction on its way.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Asking from "../hub/asking.ts"
import * as Known from "../hub/known.ts"
import * as Target from "../hub/target.ts"
import * as Lines from "../notation/lines.ts"
import * as Report from "../terminal/report.ts"

const config = {
  transaction: Known.argument("transaction", Known.bytes).pipe(
    Argument.withDescription("The signed transaction in hexadecimal digits. Without it, standard input has them"),
    Argument.optional
  ),
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Only ask whether it could be sent"),
    Flag.withDefault(false)
  ),
  ...Target.flags
}

/** Standard input holds something else. */
class NoTransaction extends Data.TaggedError("NoTransaction")<{}> {
  override get message(): string {
    return `standard input: expected ${Known.bytes.expected}, in one line`
  }
}

/** Large transactions do not fit into an argument. */
const fromInput: Effect.Effect<Uint8Array, NoTransaction | PlatformError.PlatformError, Stdio.Stdio> = Stdio.Stdio.use(
  ({ stdin }) =>
    Effect.flatMap(
      Stream.runHead(Lines.split(stdin)),
      (line) =>
        Effect.fromOption(Option.flatMap(line, (line) => Known.bytes.parse(line.trim()))).pipe(
          Effect.mapError(() => new NoTransaction())
        )
    )
)

/** @internal */
export const send = Command.make(
  "send",
  config,
  ({ dryRun, transaction, ...target }) =>
    Option.match(transaction, { onNone: () => fromInput, onSome: Effect.succeed }).pipe(
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
