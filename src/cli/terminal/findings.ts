/**
 * Prints what was found in an input, and what was wrong with the rest of it.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Json from "../notation/json.ts"
import * as Output from "./output.ts"

/**
 * Some of the input made no sense. What, was told.
 *
 * @internal
 */
export class Incomplete extends Data.TaggedError("Incomplete")<{}> {
  override get message(): string {
    return ""
  }
}

/**
 * Each finding that is a piece of output is printed. What is wrong goes to standard error, and the whole then fails at
 * the end; programs find it in place of the output, as a line of JSON.
 *
 * @internal
 */
export const print = <E, R>(
  findings: Stream.Stream<Result.Result<string | Uint8Array, string>, E, R>,
  isJson: boolean
): Effect.Effect<void, E | Output.OutputError | Incomplete, R | Stdio.Stdio> => {
  if (isJson) return Output.print(Stream.map(findings, Result.getOrElse((reason) => `${Json.error(reason)}\n`)))
  return Effect.suspend(() => {
    let problems = 0
    const pieces = Stream.filterMapEffect(findings, (finding) => {
      if (Result.isSuccess(finding)) return Effect.succeed(finding)
      problems += 1
      return Effect.as(Output.note(finding.failure), finding)
    })
    return Effect.andThen(Output.print(pieces), Effect.suspend(() => problems === 0 ? Effect.void : new Incomplete()))
  })
}
