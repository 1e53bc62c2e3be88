/**
 * Commands that run to their end in this process, which takes milliseconds where a process of their own takes a second.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Console, Effect, Layer, Runtime, Sink, Stdio, Stream } from "effect"
import { type Command, TerminalCapabilities } from "effect/cli"

/** How a run of a command ended. */
export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Collects what is written to it. */
const collector = () => {
  const pieces: Array<string> = []
  return {
    add: (...args: ReadonlyArray<unknown>) => pieces.push(`${args.join(" ")}\n`),
    sink: () =>
      Sink.forEach((piece: string | Uint8Array) =>
        Effect.sync(() => pieces.push(typeof piece === "string" ? piece : Buffer.from(piece).toString("latin1")))
      ),
    get text() {
      return pieces.join("")
    }
  }
}

/** As much as a pipe brings at once. */
const pieceLength = 65_536

const inPieces = (input: string | Uint8Array): Stream.Stream<Uint8Array> => {
  const bytes = Buffer.from(input)
  const count = Math.max(1, Math.ceil(bytes.length / pieceLength))
  return Stream.fromIterable(
    Array.from({ length: count }, (_, i) => bytes.subarray(i * pieceLength, (i + 1) * pieceLength))
  ).pipe(Stream.rechunk(1))
}

/** Runs a command to its end, without a terminal, with its own standard streams and environment. */
export const runCommand = <E>(
  program: Effect.Effect<void, E, Command.Environment>,
  args: ReadonlyArray<string>,
  options: { readonly input?: string | Uint8Array; readonly env?: Record<string, string> } = {}
): Effect.Effect<Run> =>
  Effect.gen(function*() {
    const stdout = collector()
    const stderr = collector()
    const Environment = Layer.merge(
      NodeServices.layer,
      Stdio.layerTest({
        args: Effect.succeed(args),
        stdin: inPieces(options.input ?? ""),
        stdout: stdout.sink,
        stderr: stderr.sink
      })
    )
    const exit = yield* program.pipe(
      Effect.provide(Environment),
      Effect.provideService(TerminalCapabilities.TerminalCapabilities, {
        canColor: false,
        canAnimate: false,
        canPrompt: false
      }),
      Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnvRecord(options.env ?? {})),
      Effect.provideService(Console.Console, { ...globalThis.console, log: stdout.add, error: stderr.add }),
      Effect.exit
    )
    let code: number | null = null
    Runtime.defaultTeardown(exit, (result) => {
      code = result
    })
    return { code, stdout: stdout.text, stderr: stderr.text }
  })
