/**
 * The flag that all commands have: output for programs.
 */
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"

/** @internal */
export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Print JSON, one value a line, for programs"),
    Flag.withDefault(false)
  )
})
