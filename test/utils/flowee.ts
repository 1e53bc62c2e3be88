import * as NodeServices from "@effect/platform-node/NodeServices"
import { ConfigProvider, Console, Effect, Layer, Queue, Runtime, type Scope, Sink, Stdio, Stream } from "effect"
import { TerminalCapabilities } from "effect/cli"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as process from "node:process"
import * as Flowee from "../../src/cli/flowee.ts"
import * as Main from "../../src/cli/terminal/main.ts"

const root = Path.resolve(import.meta.dirname, "../..")

/** How a run of `flowee` ended. */
export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Options {
  /** Standard input. Default: none. */
  readonly input?: string | Uint8Array | undefined
  /** Put over the environment of this process. */
  readonly env?: Record<string, string> | undefined
  /** Called with all of standard output so far, each time that there is more of it. */
  readonly onStdout?: ((stdout: string, child: ChildProcess.ChildProcess) => void) | undefined
}

const spawn = (args: ReadonlyArray<string>, env: Record<string, string> = {}) =>
  ChildProcess.spawn(
    process.execPath,
    ["--conditions=effect-flowee-source", Path.join(root, "src/cli/main.ts"), ...args],
    { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] }
  )

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

/** Runs the command to its end in this process: fast, and without a terminal. */
export const runFlowee = (
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
    const exit = yield* Main.program(Flowee.flowee, { version: "0.0.0" }).pipe(
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

/** Runs the command to its end, in a process of its own. */
export const spawnFlowee = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Run> =>
  Effect.callback<Run>((resume) => {
    const child = spawn(args, options.env)
    const run = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      run.stdout += text
      options.onStdout?.(run.stdout, child)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      run.stderr += text
    })
    // A command that ends early leaves input unread.
    child.stdin.on("error", () => {})
    child.stdin.end(options.input ?? "")
    child.on("error", (error) => resume(Effect.die(error)))
    child.on("close", (code) => resume(Effect.succeed({ ...run, code })))
    return Effect.sync(() => {
      child.kill("SIGKILL")
    })
  })

/** A command that runs until it is ended, or the scope is closed. */
export interface Started {
  readonly child: ChildProcess.ChildProcess
  /** The next line of standard output. */
  readonly line: Effect.Effect<string>
  /** The next line of standard error. */
  readonly note: Effect.Effect<string>
  /** Sends a signal and waits for the end: gives the exit code. */
  readonly end: (signal: NodeJS.Signals) => Effect.Effect<number | null>
}

const lines = (stream: NodeJS.ReadableStream, queue: Queue.Queue<string>): void => {
  let rest = ""
  stream.setEncoding("utf8")
  stream.on("data", (text: string) => {
    const pieces = (rest + text).split("\n")
    rest = pieces.pop()!
    for (const piece of pieces) Queue.offerUnsafe(queue, piece)
  })
}

const ended = (child: ChildProcess.ChildProcess) =>
  Effect.callback<number | null>((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.succeed(child.exitCode))
    child.on("close", (code) => resume(Effect.succeed(code)))
  })

export const startFlowee = (
  args: ReadonlyArray<string>,
  env?: Record<string, string>
): Effect.Effect<Started, never, Scope.Scope> =>
  Effect.gen(function*() {
    const out = yield* Queue.unbounded<string>()
    const notes = yield* Queue.unbounded<string>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(args, env)),
      (child) =>
        Effect.suspend(() => {
          child.kill("SIGKILL")
          return ended(child)
        })
    )
    lines(child.stdout, out)
    lines(child.stderr, notes)
    const next = (queue: Queue.Queue<string>, name: string) =>
      Queue.take(queue).pipe(
        Effect.timeoutOrElse({
          duration: "20 seconds",
          orElse: () => Effect.die(new Error(`flowee ${args.join(" ")}: no line on ${name}`))
        })
      )
    return {
      child,
      line: next(out, "standard output"),
      note: next(notes, "standard error"),
      end: (signal) =>
        Effect.suspend(() => {
          child.kill(signal)
          return ended(child)
        })
    }
  })

/** A Hub of one's own, on a free port: gives its end point. */
export const startHub = Effect.gen(function*() {
  const hub = yield* startFlowee(["hub", "--port", "0", "--json"])
  return (JSON.parse(yield* hub.line) as { readonly hub: string }).hub
})

export const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").slice(0, -1)
