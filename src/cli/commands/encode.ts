/**
 * `flowee encode`: the reverse of `flowee decode`.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Frame from "../notation/frame.ts"
import type * as FrameReader from "../notation/frameReader.ts"
import * as Hex from "../notation/hex.ts"
import * as Lines from "../notation/lines.ts"
import * as TaggedJson from "../notation/taggedJson.ts"
import * as TextFrames from "../notation/textFrames.ts"
import * as Findings from "../terminal/findings.ts"
import * as JsonFlag from "../terminal/json.ts"
import * as Output from "../terminal/output.ts"

const config = {
  frames: Argument.String("frame").pipe(
    Argument.withDescription("A frame as \"flowee decode\" prints it. Without any, standard input is read"),
    Argument.variadic()
  ),
  tagged: Flag.Boolean("tagged").pipe(
    Flag.withoutNegation,
    Flag.withDescription("With --json: each argument or line is a list of tagged values, and so is each line printed"),
    Flag.withDefault(false)
  ),
  raw: Flag.Boolean("raw").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Print the bytes themselves, not their hexadecimal digits"),
    Flag.withDefault(false)
  )
}

const read = <E>(lines: Stream.Stream<string, E>): Stream.Stream<FrameReader.Found, E> =>
  Stream.mapAccumArray(
    lines,
    () => new TextFrames.TextFrames(),
    (frames, pieces) => [frames, pieces.flatMap((line) => frames.push(line))],
    { onHalt: (frames) => [...frames.end()] }
  )

/** @internal */
export const encode = Command.make(
  "encode",
  config,
  Effect.fnUntraced(function*({ frames, raw, tagged }) {
    const { stdin } = yield* Stdio.Stdio
    const isJson = yield* JsonFlag.Json
    const lines = frames.length > 0
      ? Stream.fromIterable(frames.flatMap((frame) => frame.split("\n")))
      : Lines.split(stdin)
    if (tagged && isJson) return yield* Output.printLines(Stream.map(lines, TaggedJson.encodeLine))
    const print = (bytes: Uint8Array) => raw ? bytes : `${Hex.format(bytes)}\n`
    yield* Findings.print(
      Stream.map(read(lines), (found) => Result.map(Result.flatMap(found, Frame.encode), print)),
      isJson
    )
  })
).pipe(
  Command.withDescription(`Makes frames, the reverse of "flowee decode". Prints a line of hexadecimal digits for each.

  The input is what "flowee decode" prints, as text or as JSON. Names and remarks may be left out:

    native SERVICE/MESSAGE      native ping      legacy NETWORK COMMAND      tagged
      header TAG VALUE                             body DIGITS                 TAG TYPE VALUE
      TAG TYPE VALUE

  With --tagged and --json each line is a list [[tag, type, value], ...]; one that cannot be encoded gives
  {"error": reason}.`),
  Command.withShortDescription("Make frames from what decode prints"),
  Command.withExamples([
    { command: "flowee encode 'native 0/0'", description: "A request for the version of a Hub" },
    { command: "flowee decode 0600087e2c04 | flowee encode", description: "There and back again" },
    {
      command: "flowee encode '{\"envelope\":\"native\",\"service\":1,\"message\":4,\"values\":[[7,\"int\",\"2\"]]}'",
      description: "From JSON"
    },
    { command: "flowee encode --tagged --json < values.txt", description: "Bodies without envelope, one a line" }
  ])
)
