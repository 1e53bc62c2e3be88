/**
 * `flowee info`: where a Hub stands.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type * as HubBlockChain from "../../domain/hub/HubBlockChain.ts"
import * as Asking from "../hub/asking.ts"
import * as Target from "../hub/target.ts"
import * as Remarks from "../notation/remarks.ts"
import * as Report from "../terminal/report.ts"

const toReport = (hub: string, version: string, info: HubBlockChain.Info): Report.Report => ({
  rows: [
    ["hub", hub],
    ["version", version],
    ["chain", info.chain],
    ["blocks", String(info.blocks)],
    ["headers", String(info.headers)],
    ["best block", info.bestBlock],
    ["median time", Remarks.formatTime(info.medianTime)],
    ["difficulty", String(info.difficulty)],
    ["work", String(info.work)],
    ["verified", `${(info.progress * 100).toFixed(2)} %`]
  ],
  json: { hub, version, ...info }
})

/** @internal */
export const info = Command.make("info", Target.flags, (target) =>
  Asking.ask(target, (hub) =>
    Effect.map(
      Effect.all([hub.version, hub.blockChainInfo], { concurrency: "unbounded" }),
      ([version, info]) => toReport(hub.connection.endPoint, version, info)
    )).pipe(Effect.flatMap(Report.print))).pipe(
    Command.withDescription("Says where a Hub stands: which block chain it is on, its best block, and the work in it."),
    Command.withShortDescription("Where a Hub stands"),
    Command.withExamples([{ command: "flowee info", description: "The Hub of this machine" }])
  )
