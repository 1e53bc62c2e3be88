import { Effect } from "effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as process from "node:process"
import type { Run } from "./command.ts"

const root = Path.resolve(import.meta.dirname, "../..")

export interface Options {
  /** Put over the environment of this process. */
  readonly env?: Record<string, string> | undefined
  /** Called with all of standard error so far, each time that there is more of it. */
  readonly onStderr?: ((stderr: string, child: ChildProcess.ChildProcess) => void) | undefined
}

/** Runs an example to its end, with the Node.js that runs the tests. */
export const runExample = (
  file: string,
  args: ReadonlyArray<string>,
  options: Options = {}
): Effect.Effect<Run> =>
  Effect.callback<Run>((resume) => {
    const child = ChildProcess.spawn(
      process.execPath,
      ["--conditions=effect-flowee-source", Path.join("examples", file), ...args],
      { cwd: root, env: { ...process.env, ...options.env }, stdio: ["ignore", "pipe", "pipe"] }
    )
    const run = { stdout: "", stderr: "" }
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      run.stdout += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      run.stderr += text
      options.onStderr?.(run.stderr, child)
    })
    child.on("error", (error) => resume(Effect.die(error)))
    child.on("close", (code) => resume(Effect.succeed({ ...run, code })))
    return Effect.sync(() => {
      child.kill("SIGKILL")
    })
  })
