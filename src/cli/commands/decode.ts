/**
 * `flowee decode`: what bytes say.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Network from "../../domain/Network.ts"
import * as Capture from "../notation/capture.ts"
import * as FrameJson from "../notation/frameJson.ts"
import type * as FrameReader from "../notation/frameReader.ts"
import * as FrameText from "../notation/frameText.ts"
import * as Hex from "../notation/hex.ts"
import * as LineFrames from "../notation/lineFrames.ts"
import * as Lines from "../notation/lines.ts"
import * as TaggedJson from "../notation/taggedJson.ts"
import * as Findings from "../terminal/findings.ts"
import * as JsonFlag from "../terminal/json.ts"
import * as Output from "../terminal/output.ts"

const config = {
  frames: Argument.String("frame").pipe(
    Argument.withDescription("A frame in hexadecimal digits. Without any, standard input is decoded"),
    Argument.variadic()
  ),
  network: Flag.Literals("network", Object.keys(Network.networks) as Array<Network.Name>).pipe(
    Flag.withDescription(
      "Take the frames for those of Bitcoin Cash peers on this network. By default that is seen from how they begin"
    ),
    Flag.map((name) => Network.networks[name]),
    Flag.optional
  ),
  tagged: Flag.Boolean("tagged").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Each argument or line is a body of tagged values, without an envelope"),
    Flag.withDefault(false)
  )
}

/** What takes an input piece by piece. */
interface Reader<A> {
  readonly push: (piece: A) => ReadonlyArray<FrameReader.Found>
  readonly end: () => ReadonlyArray<FrameReader.Found>
}

const read = <A, E>(input: Stream.Stream<A, E>, make: () => Reader<A>): Stream.Stream<FrameReader.Found, E> =>
  Stream.mapAccumArray(input, make, (reader, pieces) => [reader, pieces.flatMap((piece) => reader.push(piece))], {
    onHalt: (reader) => [...reader.end()]
  })

const toBody = (line: string, index: number): FrameReader.Found => {
  const body = Hex.parse(line.trim())
  return body === undefined
    ? Result.fail(`line ${index + 1}: not hexadecimal digits, two for each byte`)
    : Result.succeed({ _tag: "Body", body })
}

const print = <E, R>(found: Stream.Stream<FrameReader.Found, E, R>, isJson: boolean) =>
  Effect.flatMap(Output.palette, (palette) => {
    const format = isJson ? FrameJson.format : FrameText.format(palette)
    return Findings.print(Stream.map(found, Result.map((frame) => `${format(frame)}\n`)), isJson)
  })

/** @internal */
export const decode = Command.make(
  "decode",
  config,
  Effect.fnUntraced(function*({ frames, network, tagged }) {
    const { stdin } = yield* Stdio.Stdio
    const isJson = yield* JsonFlag.Json
    const isGiven = frames.length > 0
    if (tagged) {
      const lines = isGiven ? Stream.fromIterable(frames) : Lines.split(stdin)
      if (isJson) return yield* Output.printLines(Stream.map(lines, TaggedJson.decodeLine))
      return yield* print(Stream.map(lines, toBody), isJson)
    }
    const from = Option.getOrUndefined(network)
    yield* isGiven
      ? print(read(Stream.fromIterable(frames), () => new LineFrames.LineFrames(from)), isJson)
      : print(read(stdin, () => new Capture.Capture(from)), isJson)
  })
).pipe(
  Command.withDescription(`Prints what frames say: messages of Hubs and other Flowee peers, and of Bitcoin Cash peers.

  The input is raw bytes, as captured from a socket, or lines of hexadecimal digits. A frame may go on in the next line, and
  frames of different kinds may be mixed. What is printed is understood by "flowee encode".

  With --tagged and --json each line of digits gives a line: [[tag, type, value], ...] or {"error": reason}. Types are int,
  string, bytes, bool and double. Integers are decimal text, strings and bytes hexadecimal digits, doubles the 16 digits
  of their bits.`),
  Command.withShortDescription("Print what frames say"),
  Command.withExamples([
    { command: "flowee decode 090008001000580104", description: "A request for the version of a Hub" },
    { command: "flowee decode < capture.bin", description: "What came from a socket" },
    { command: "flowee decode --json < frames.txt", description: "One JSON object for each message" },
    { command: "flowee decode --tagged --json < bodies.txt", description: "Bodies without envelope, one a line" }
  ])
)
