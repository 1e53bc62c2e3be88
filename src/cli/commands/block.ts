/**
 * `flowee block`: what a block is made of.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as HubBlockChain from "../../domain/hub/HubBlockChain.ts"
import type * as HubError from "../../services/hub/HubError.ts"
import type * as HubQuery from "../../services/hub/HubQuery.ts"
import * as Asking from "../hub/asking.ts"
import * as Known from "../hub/known.ts"
import * as Target from "../hub/target.ts"
import * as Remarks from "../notation/remarks.ts"
import * as Report from "../terminal/report.ts"

const config = {
  block: Known.argument("block", Known.block).pipe(
    Argument.withDescription("Its height or its hash. Default: the best block"),
    Argument.optional
  ),
  ...Target.flags
}

const neighbour = (label: string, hash: string | undefined): Report.Report["rows"] =>
  hash === undefined ? [] : [[label, hash]]

const toReport = (block: HubBlockChain.Verbose): Report.Report => ({
  rows: [
    ["height", String(block.height)],
    ["hash", block.hash],
    ["confirmations", String(block.confirmations)],
    ["time", Remarks.formatTime(block.time)],
    ["size", `${block.size} bytes`],
    ["merkle root", block.merkleRoot],
    ["version", String(block.version)],
    ["bits", block.bits.toString(16)],
    ["nonce", String(block.nonce)],
    ["difficulty", String(block.difficulty)],
    ...neighbour("previous", block.previous),
    ...neighbour("next", block.next),
    ...block.txIds.map((txId) => ["transaction", txId] as const)
  ],
  json: block
})

const bestBlock = (hub: Asking.Hub): Effect.Effect<HubQuery.Block, HubError.HubError> =>
  Effect.map(hub.bestBlockHash, (hash) => ({ hash }))

/** @internal */
export const block = Command.make(
  "block",
  config,
  ({ block, ...target }) =>
    Asking.ask(target, (hub) =>
      Option.match(block, { onNone: () => bestBlock(hub), onSome: Effect.succeed }).pipe(
        Effect.flatMap(hub.blockVerbose),
        Effect.map(toReport)
      )).pipe(Effect.flatMap(Report.print))
).pipe(
  Command.withDescription("Says what a block is made of, with the ids of its transactions."),
  Command.withShortDescription("What a block is made of"),
  Command.withExamples([
    { command: "flowee block", description: "The best one" },
    { command: "flowee block 1", description: "The one after the first" }
  ])
)
