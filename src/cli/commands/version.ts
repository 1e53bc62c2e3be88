/**
 * `flowee version`: which software a Hub is.
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Asking from "../hub/asking.ts"
import * as Target from "../hub/target.ts"
import * as Report from "../terminal/report.ts"

/** @internal */
export const version = Command.make(
  "version",
  Target.flags,
  (target) =>
    Asking.ask(target, (hub) =>
      Effect.map(hub.version, (version): Report.Report => ({
        rows: [["hub", hub.connection.endPoint], ["version", version]],
        json: { hub: hub.connection.endPoint, version }
      }))).pipe(Effect.flatMap(Report.print))
).pipe(
  Command.withDescription("Says which software a Hub is. That of this command is said by --version."),
  Command.withShortDescription("Which software a Hub is"),
  Command.withExamples([
    { command: "flowee version", description: "The Hub of this machine" },
    { command: "flowee version --hub hub.example:1235 --timeout 3", description: "Another one" }
  ])
)
