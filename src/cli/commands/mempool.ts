/**
 * `flowee mempool`: what waits for the next block.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type * as HubLiveTransactions from "../../domain/hub/HubLiveTransactions.ts"
import * as Asking from "../hub/asking.ts"
import * as Target from "../hub/target.ts"
import * as Report from "../terminal/report.ts"

const toReport = (info: HubLiveTransactions.MempoolInfo): Report.Report => ({
  rows: [
    ["transactions", String(info.size)],
    ["bytes", String(info.bytes)],
    ["memory", `${info.usage} of ${info.maxUsage} bytes`],
    ["least fee", String(info.minFee)]
  ],
  json: info
})

/** @internal */
export const mempool = Command.make(
  "mempool",
  Target.flags,
  (target) => Asking.ask(target, (hub) => Effect.map(hub.mempoolInfo, toReport)).pipe(Effect.flatMap(Report.print))
).pipe(
  Command.withDescription("Says how much waits in the mempool of a Hub for the next block."),
  Command.withShortDescription("What waits for the next block"),
  Command.withExamples([{ command: "flowee mempool", description: "The Hub of this machine" }])
)
