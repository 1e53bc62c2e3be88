/**
 * What a command prints: results on standard output, all else on standard error.
 */
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as PlatformError from "effect/PlatformError"
import * as Runtime from "effect/Runtime"
import * as Sink from "effect/Sink"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as TextValue from "../notation/textValue.ts"
import * as Palette from "./palette.ts"

/**
 * Nobody reads standard output any more, as behind `| head`. The process ends as others do then.
 *
 * @internal
 */
export class ReaderGone extends Data.TaggedError("ReaderGone")<{}> {
  /** 128 and the number of SIGPIPE. */
  override readonly [Runtime.errorExitCode] = 141
  override get message(): string {
    return ""
  }
}

/**
 * Standard output takes nothing.
 *
 * @internal
 */
export class OutputFailed extends Data.TaggedError("OutputFailed")<{ readonly cause: PlatformError.PlatformError }> {
  override get message(): string {
    return `nothing can be printed: ${this.cause.message}`
  }
}

/** @internal */
export type OutputError = ReaderGone | OutputFailed

const codeOf = (cause: unknown): unknown => cause instanceof Error && "code" in cause ? cause.code : undefined

const toOutputError = (error: PlatformError.PlatformError): OutputError => {
  const code = codeOf(error.cause)
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED"
    ? new ReaderGone()
    : new OutputFailed({ cause: error })
}

/**
 * Prints pieces of text or bytes, no faster than they are taken.
 *
 * @internal
 */
export const print = <E, R>(
  pieces: Stream.Stream<string | Uint8Array, E, R>
): Effect.Effect<void, E | OutputError, R | Stdio.Stdio> =>
  Stdio.Stdio.use((stdio) => Stream.run(pieces, Sink.mapError(stdio.stdout(), toOutputError)))

/**
 * Prints lines, those of one array in one piece.
 *
 * @internal
 */
export const printLines = <E, R>(
  lines: Stream.Stream<string, E, R>
): Effect.Effect<void, E | OutputError, R | Stdio.Stdio> =>
  print(Stream.mapArray(lines, (chunk) => [`${chunk.join("\n")}\n`]))

/** @internal */
export const printLine = (line: string): Effect.Effect<void, OutputError, Stdio.Stdio> => printLines(Stream.make(line))

/**
 * Tells something on standard error, in one line that steers no terminal.
 *
 * @internal
 */
export const note = (text: string): Effect.Effect<void> => Console.error(TextValue.printable(text))

/**
 * How text is set off: not at all where nobody sees it, or `NO_COLOR` is set.
 *
 * @internal
 */
export const palette: Effect.Effect<Palette.Palette> = Effect.map(
  TerminalCapabilities.TerminalCapabilities,
  ({ canColor }) => canColor ? Palette.colored : Palette.plain
)
