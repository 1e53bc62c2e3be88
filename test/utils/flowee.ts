import { Effect } from "effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as process from "node:process"

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

/** Runs the command to its end. */
export const runFlowee = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Run> =>
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

/** A command that runs until the scope is closed: gives what it says first on standard output. */
export const startFlowee = (args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly child: ChildProcess.ChildProcess; readonly line: string }, Error>((resume) => {
      const child = spawn(args)
      let stdout = ""
      let stderr = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text
        const end = stdout.indexOf("\n")
        if (end >= 0) resume(Effect.succeed({ child, line: stdout.slice(0, end) }))
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text
      })
      child.on("close", () => resume(Effect.fail(new Error(`flowee ${args.join(" ")} ended: ${stderr}`))))
    }),
    ({ child }) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.on("close", () => resume(Effect.void))
        child.kill("SIGTERM")
      })
  )

/** A Hub of one's own, on a free port: gives its end point. */
export const startHub = Effect.map(
  startFlowee(["hub", "--port", "0", "--json"]),
  ({ line }) => (JSON.parse(line) as { readonly hub: string }).hub
)

export const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").slice(0, -1)
