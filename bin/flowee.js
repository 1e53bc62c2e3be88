#!/usr/bin/env node
/**
 * Starts the command `flowee`.
 *
 * An installed package runs what was built. A checkout runs its sources as they are, so that nothing has to be built and
 * nothing is stale. Where the Node.js that was called is too old, a checkout has one of its own. This file is plain
 * JavaScript that any Node.js can read, to be able to say so.
 */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"

const fileOf = (path) => fileURLToPath(new URL(path, import.meta.url))

/** The oldest Node.js that runs the package. */
const oldest = [22, 19]

const isCurrent = () => {
  const [major, minor] = process.versions.node.split(".").map(Number)
  return major > oldest[0] || (major === oldest[0] && minor >= oldest[1])
}

/** Runs another Node.js in place of this one. */
const handOver = (node, args) => {
  const child = spawn(node, args, { stdio: "inherit" })
  // Ctrl-C reaches both processes. Other signals are sent to one: it passes them on and waits for the end of the other.
  process.on("SIGINT", () => {})
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
  child.on("error", (error) => refuse(error.message))
  child.on("exit", (code, signal) => {
    if (signal === null) process.exitCode = code
    else {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    }
  })
}

const refuse = (reason) => {
  process.stderr.write(`flowee: ${reason}\n`)
  process.exitCode = 1
}

const tooOld = `Node.js ${oldest.join(".")} or newer is needed; this is ${process.versions.node}`

const runSources = () => {
  const own = fileOf("../node_modules/.bin/node")
  const node = isCurrent() ? process.execPath : existsSync(own) ? own : undefined
  if (!existsSync(fileOf("../node_modules/effect"))) return refuse("run `npm ci` first")
  if (node === undefined) return refuse(tooOld)
  handOver(node, ["--conditions=effect-flowee-source", fileOf("../src/cli/main.ts"), ...process.argv.slice(2)])
}

if (existsSync(fileOf("../tsconfig.src.json"))) runSources()
else if (isCurrent()) await import("../dist/cli/main.js")
else refuse(tooOld)
