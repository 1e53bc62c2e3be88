import { Effect, Queue, type Scope } from "effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as process from "node:process"
import * as Flowee from "../../src/cli/flowee.ts"
import * as Main from "../../src/cli/terminal/main.ts"
import { type Run, runCommand } from "./command.ts"

const root = Path.resolve(import.meta.dirname, "../..")

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

/** Runs the command to its end in this process: fast, and without a terminal. */
export const runFlowee = (
  args: ReadonlyArray<string>,
  options: { readonly input?: string | Uint8Array; readonly env?: Record<string, string> } = {}
): Effect.Effect<Run> => runCommand(Main.program(Flowee.flowee, { version: "0.0.0" }), args, options)

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
