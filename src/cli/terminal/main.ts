/**
 * Runs a command as the main program of a process: exit code 1 after an error, 130 after Ctrl-C.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Output from "./output.ts"

const explainMisuse = (event: CliOutput.Presenter.InvalidInvocation): Effect.Effect<void> =>
  Effect.flatMap(TerminalCapabilities.TerminalCapabilities, ({ canColor }) => {
    const formatter = CliOutput.defaultFormatter({ colors: canColor })
    return Console.error(`${formatter.formatHelpDoc(event.helpDoc)}\n${formatter.formatErrors(event.errors)}`)
  })

/** Help goes to standard output when it was asked for. What is wrong with a command line is no result. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation" ? explainMisuse(event) : CliOutput.defaultPresenter.present(event)
}

/** An error is one line for a person; a defect is all there is to know about it. */
const report = <E extends { readonly message: string }>(cause: Cause.Cause<E>): Effect.Effect<void> => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (error === undefined) return Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(Cause.pretty(cause))
  // Misuse was explained already, and an error without a message has told what it had to.
  if (error.message === "" || (CliError.isCliError(error) && error._tag === "ShowHelp")) return Effect.void
  return Output.note(error.message)
}

/**
 * A command as a program: what is wrong is told, and then fails it.
 *
 * @internal
 */
export const program = <Name extends string, Input, E extends { readonly message: string }, C>(
  command: Command.Command<Name, Input, C, E, Command.Environment>,
  options: { readonly version: string }
): Effect.Effect<void, E | CliError.CliError, Command.Environment> =>
  Command.run(command, options).pipe(
    Effect.tapCause(report),
    Effect.provide([CliOutput.layerPresenter(presenter), Layer.succeed(Logger.LogToStderr, true)])
  )

/**
 * Runs a command to the end of the process.
 *
 * @internal
 */
export const run = <Name extends string, Input, E extends { readonly message: string }, C>(
  command: Command.Command<Name, Input, C, E, Command.Environment>,
  options: { readonly version: string }
): void =>
  program(command, options).pipe(
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({ disableErrorReporting: true })
  )
