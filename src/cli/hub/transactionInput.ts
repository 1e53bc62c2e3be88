/**
 * A transaction that a command is given: as an argument, or on standard input, since large ones do not fit into one.
 */
import * as Argument from "effect/cli/Argument"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as PlatformError from "effect/PlatformError"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Lines from "../notation/lines.ts"
import * as Known from "./known.ts"

/** @internal */
export const argument = Known.argument("transaction", Known.bytes).pipe(
  Argument.withDescription("The signed transaction in hexadecimal digits. Without it, standard input has them"),
  Argument.optional
)

/** Standard input holds something else. @internal */
export class NoTransaction extends Data.TaggedError("NoTransaction")<{}> {
  override get message(): string {
    return `standard input: expected ${Known.bytes.expected}, in one line`
  }
}

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
export const read = (
  given: Option.Option<Uint8Array>
): Effect.Effect<Uint8Array, NoTransaction | PlatformError.PlatformError, Stdio.Stdio> =>
  Option.match(given, { onNone: () => fromInput, onSome: Effect.succeed })
