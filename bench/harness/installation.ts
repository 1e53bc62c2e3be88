/**
 * Which of the other libraries are there.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"
import * as Broker from "../libraries/nats/broker.ts"
import type { LibraryName } from "./workload.ts"

const bench = Path.dirname(import.meta.dirname)

const packages: { readonly [library in LibraryName]?: string } = {
  ws: "ws",
  zeromq: "zeromq",
  nats: "@nats-io/transport-node",
  grpc: "@grpc/grpc-js",
  bcash: "bcash"
}

/** Packages that cannot be loaded just by their name, and what loads them. */
const loaders: { readonly [library in LibraryName]?: string } = {
  bcash: `(await import("./libraries/bcash/package.ts")).load()`
}

const isPresent = (name: string): boolean => Fs.existsSync(Path.join(bench, "node_modules", name, "package.json"))

/** Whether `install` has been run, or need not be. A package that came later may be missing. */
export const isInstalled = (): boolean => Object.values(packages).every(isPresent)

/** Installs what the lockfile says. Returns what went wrong. */
export const install = (): string | undefined => {
  // zeromq brings its binary along: nothing is to be built or downloaded.
  const { error, status, stderr } = ChildProcess.spawnSync(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    { cwd: bench, encoding: "utf8", shell: process.platform === "win32" }
  )
  return status === 0 ? undefined : error?.message ?? stderr.trim()
}

/** Loads a package in a process of its own: one with a binary may fail in ways that cannot be caught. */
const loadingProblem = (name: string, loader: string): string | undefined => {
  const { status, stderr } = ChildProcess.spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", `${loader}; process.exit(0)`],
    { cwd: bench, encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } }
  )
  if (status === 0) return undefined
  const reason = stderr.split("\n").find((line) => line.includes("Error")) ?? "it ended without a word"
  return isPresent(name) ? `the package ${name} cannot be loaded: ${reason}` : `the package ${name} is not installed`
}

const findProblem = (library: LibraryName): string | undefined => {
  const name = packages[library]
  const loader = loaders[library] ?? `await import(${JSON.stringify(name)})`
  const problem = name === undefined ? undefined : loadingProblem(name, loader)
  if (problem !== undefined || library !== "nats") return problem
  return Broker.version() === undefined
    ? "the broker nats-server is not installed (Debian: apt-get install nats-server)"
    : undefined
}

const known = new Map<LibraryName, string | undefined>()

/** Why a library cannot take part, or `undefined` when it can. */
export const problemOf = (library: LibraryName): string | undefined => {
  if (!known.has(library)) known.set(library, findProblem(library))
  return known.get(library)
}

/** The versions of what takes part. */
export const versions = (): ReadonlyArray<readonly [name: string, version: string]> => {
  const found: Array<readonly [string, string]> = []
  for (const name of Object.values(packages)) {
    const file = Path.join(bench, "node_modules", name, "package.json")
    if (Fs.existsSync(file)) {
      found.push([name, (JSON.parse(Fs.readFileSync(file, "utf8")) as { readonly version: string }).version])
    }
  }
  const effect = Path.join(bench, "..", "node_modules", "effect", "package.json")
  found.push(["effect", (JSON.parse(Fs.readFileSync(effect, "utf8")) as { readonly version: string }).version])
  const broker = Broker.version()
  if (broker !== undefined) found.push(["nats-server", broker.replace(/^nats-server: v/, "")])
  return found
}
