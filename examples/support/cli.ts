/**
 * The command line of the examples: answers go to standard output, all else to standard error.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Duration, Effect, Inspectable, Logger, Option, Result } from "effect"
import { CliConfig, CliError, CliOutput, Command, Flag, GlobalFlag } from "effect/cli"
import { EndPoint } from "effect-flowee"
import * as Report from "./report.ts"

const parseEndPoint = (text: string): EndPoint.EndPoint => Result.getOrThrow(EndPoint.fromInput(text))

/** What can be said on the command line. */
export const flags = {
  hub: Flag.String("hub").pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription("A Hub to ask. Default: one that is started for the occasion"),
    Flag.mapTryCatch(parseEndPoint, () => "HOST:PORT, [IPV6]:PORT or unix:/PATH"),
    Flag.optional
  ),
  cookieFile: Flag.Path("cookie-file").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("Log in to the Hub with the cookie of this file. Default: no login"),
    Flag.optional
  ),
  timeout: Flag.Finite("timeout").pipe(
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("When to give up. Default: 30"),
    Flag.filter((seconds) => seconds > 0 && seconds <= 86_400, () => "seconds, more than 0 and at most 86400"),
    Flag.map(Duration.seconds),
    Flag.withDefault(Duration.seconds(30))
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Print the answer as one JSON object"),
    Flag.withDefault(false)
  )
}

/** The parsed command line. */
export type Options = Command.Command.Config.Infer<typeof flags>

/** Help goes to standard output when it was asked for; what is wrong with the command line is an error. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Effect.forEach(event.errors, (error) => Console.error(error.message), { discard: true })
      : CliOutput.defaultPresenter.present(event)
}

/** What is logged is one line too, and what went wrong where somebody must look into it. */
const logger = Logger.withConsoleError(Logger.make<unknown, string>(({ cause, logLevel, message }) => {
  const text = (Array.isArray(message) ? message : [message])
    .map((part) => typeof part === "string" ? part : Inspectable.toStringUnknown(part, 0))
    .join(" ")
  const line = Report.oneLine(`${logLevel.toUpperCase()} ${text}`)
  return cause.reasons.length === 0 ? line : `${line}\n${Cause.pretty(cause)}`
}))

/** An error is one line for a person; a defect is all there is to know about it. */
const report = <E extends { readonly message: string }>(cause: Cause.Cause<E>): Effect.Effect<void> => {
  const error = Cause.findErrorOption(cause)
  if (Option.isNone(error)) return Cause.hasInterruptsOnly(cause) ? Effect.void : Console.error(Cause.pretty(cause))
  // These were presented already.
  return CliError.isCliError(error.value) && error.value._tag === "ShowHelp"
    ? Effect.void
    : Console.error(Report.oneLine(error.value.message))
}

/** A command as a program: what is wrong is told, and then fails it. */
export const program = <Name extends string, Input, E extends { readonly message: string }, C>(
  command: Command.Command<Name, Input, C, E, Command.Environment>
): Effect.Effect<void, E | CliError.CliError, Command.Environment> =>
  Command.run(command, { version: "0.1.0" }).pipe(
    Effect.tapCause(report),
    Effect.provide([
      CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.LogLevel] }),
      CliOutput.layerPresenter(presenter),
      Logger.layer([logger])
    ])
  )

/** Runs a command to the end of the process: exit code 1 after an error, 130 after Ctrl-C. */
export const run = <Name extends string, Input, E extends { readonly message: string }, C>(
  command: Command.Command<Name, Input, C, E, Command.Environment>
): void =>
  program(command).pipe(
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain({ disableErrorReporting: true })
  )
