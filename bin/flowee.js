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

/** Runs the sources with another Node.js in place of this one. */
const handOver = (node) => {
  const child = spawn(node, [fileOf(sources), ...process.argv.slice(2)], { stdio: "inherit" })
  // Signals are for the other one. Of one that reaches both, as Ctrl-C does, it takes no notice the second time.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal))
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

const sources = "../src/cli/main.ts"

const runSources = async () => {
  const own = fileOf("../node_modules/.bin/node")
  if (!existsSync(fileOf("../node_modules/effect"))) refuse("run `npm ci` first")
  else if (isCurrent()) await import(sources)
  else if (existsSync(own)) handOver(own)
  else refuse(tooOld)
}

if (existsSync(fileOf("../tsconfig.src.json"))) await runSources()
else if (isCurrent()) await import("../dist/cli/main.js")
else refuse(tooOld)
