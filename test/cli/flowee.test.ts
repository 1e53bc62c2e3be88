import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { linesOf, runFlowee } from "../utils/flowee.ts"

const root = Path.resolve(import.meta.dirname, "../..")

const commands = [
  "hub",
  "generate",
  "version",
  "info",
  "block",
  "tx",
  "address",
  "mempool",
  "watch",
  "send",
  "ping",
  "decode",
  "encode"
]

/** Runs a program to its end: gives its exit code and what it printed. */
const run = (program: string, args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number | null; readonly output: string }>((resume) => {
    const child = ChildProcess.spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    const add = (text: string) => {
      output += text
    }
    child.stdout.setEncoding("utf8").on("data", add)
    child.stderr.setEncoding("utf8").on("data", add)
    child.on("close", (code) => resume(Effect.succeed({ code, output })))
    return Effect.sync(() => {
      child.kill("SIGKILL")
    })
  })

describe("flowee", () => {
  it.live("says what it can do, without colours where nobody sees them", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runFlowee(["--help"])
      assert.strictEqual(code, 0)
      assert.strictEqual(stderr, "")
      for (const command of commands) assert.match(stdout, new RegExp(`^  ${command} {2,}\\S`, "m"))
      assert.notInclude(stdout, "\u001b")
    }))

  it.live.each(commands)("explains %s, with examples", (command) =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runFlowee([command, "--help"])
      assert.strictEqual(code, 0)
      assert.strictEqual(stderr, "")
      assert.include(stdout, "EXAMPLES")
      assert.include(stdout, `  flowee ${command}`)
      assert.include(stdout, "--json")
    }))

  it.live("says its version, and completes commands", () =>
    Effect.gen(function*() {
      const version = yield* runFlowee(["--version"])
      assert.match(version.stdout, /^flowee v\d+\.\d+\.\d+\n$/)
      const completions = yield* runFlowee(["--completions", "bash"])
      assert.strictEqual(completions.code, 0)
      for (const command of commands) assert.include(completions.stdout, command)
    }))

  it.live("explains misuse on standard error", () =>
    Effect.gen(function*() {
      for (const args of [["hubb"], ["ping", "nowhere"], ["hub", "--port", "65536"], ["decode", "--network", "moon"]]) {
        const { code, stderr, stdout } = yield* runFlowee(args)
        assert.strictEqual(code, 1, args.join(" "))
        assert.strictEqual(stdout, "")
        assert.include(stderr, args[args.length - 1]!)
        assert.notInclude(stderr, "    at ")
      }
    }))

  it.live("starts from the package's bin in a checkout, and ends as the command does", () =>
    Effect.gen(function*() {
      const good = yield* run(Path.join(root, "bin/flowee.js"), ["decode", "0600087e2c04"])
      assert.deepStrictEqual(good, { code: 0, output: "native ping\n" })
      const bad = yield* run(Path.join(root, "bin/flowee.js"), ["decode", "zz"])
      assert.strictEqual(bad.code, 1)
      assert.strictEqual(linesOf(bad.output).length, 1)
    }))
})
