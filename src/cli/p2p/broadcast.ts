/**
 * `flowee p2p broadcast`: a transaction, given to the network itself.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as BroadcastReport from "../../domain/p2p/BroadcastReport.ts"
import * as HashHex from "../../domain/p2p/HashHex.ts"
import * as Broadcast from "../../services/p2p/Broadcast.ts"
import * as TransactionInput from "../hub/transactionInput.ts"
import * as Report from "../terminal/report.ts"
import * as Node from "./node.ts"
import * as Syncing from "./syncing.ts"

/**
 * The transaction is not with as many peers as it was to be. The report has told the rest.
 *
 * @internal
 */
export class NotTaken extends Data.TaggedError("NotTaken")<{ readonly outcome: Broadcast.Outcome }> {
  override get message(): string {
    return `not taken: ${because[this.outcome]}`
  }
}

const because: { readonly [outcome in Broadcast.Outcome]: string } = {
  Taken: "",
  Rejected: "the peers reject it",
  TimedOut: "too few peers have asked for it in time",
  Withdrawn: "it is not offered any more"
}

const describe = ({ progress }: BroadcastReport.PeerReport): string =>
  progress._tag === "Rejected"
    ? `rejected: ${progress.reason} (code 0x${progress.code.toString(16)})`
    : progress._tag.toLowerCase()

const toJson = ({ endPoint, progress }: BroadcastReport.PeerReport): object =>
  progress._tag === "Rejected"
    ? { peer: endPoint, progress: progress._tag, code: progress.code, reason: progress.reason }
    : { peer: endPoint, progress: progress._tag }

const toReport = ({ outcome, peers, txid }: Broadcast.Result): Report.Report => ({
  rows: [
    ["transaction", HashHex.format(txid)],
    ["outcome", outcome.toLowerCase()],
    ...peers.map((peer): readonly [string, string] => [peer.endPoint, describe(peer)])
  ],
  json: { txId: HashHex.format(txid), outcome, peers: peers.map(toJson) }
})

/** @internal */
export const broadcast = Command.make(
  "broadcast",
  {
    transaction: TransactionInput.argument,
    minimum: Flag.Int("minimum").pipe(
      Flag.withDescription("How many peers are to take it. Default: 1"),
      Flag.filter((count) => count > 0 && count <= 8, () => "a number from 1 to 8"),
      Flag.withDefault(1)
    ),
    ...Node.flags
  },
  ({ minimum, transaction, ...node }) =>
    Effect.gen(function*() {
      const bytes = yield* TransactionInput.read(transaction)
      const result = yield* Effect.scoped(Effect.gen(function*() {
        const service = yield* Broadcast.Broadcast
        const failure = yield* Syncing.attempts
        const result = yield* service.broadcast(bytes, { minimum, timeout: node.timeout })
        if (result.peers.length > 0) return result
        return yield* new Syncing.NoProgress({ after: node.timeout, lastFailure: failure.lastFailure })
      })).pipe(Effect.provide(Node.layer(node)))
      yield* Report.print(toReport(result))
      if (result.outcome !== "Taken") return yield* new NotTaken({ outcome: result.outcome })
    })
).pipe(
  Command.withDescription(
    "Offers a transaction to peers, and tells who took it and who rejected it, and why. Fails unless it was taken."
  ),
  Command.withShortDescription("Give a transaction to the network"),
  Command.withExamples([
    { command: "flowee p2p broadcast 0200000001... --minimum 3", description: "To three nodes of mainnet" },
    {
      command: "flowee p2p broadcast --network regtest --peer localhost:18444 < transaction.txt",
      description: "To one node of one's own"
    }
  ])
)
