/**
 * Installs the full node of the tests beside this file, if it is not there as its lockfile says. `npm test` runs it.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"

const folder = import.meta.dirname

interface Lockfile {
  readonly packages: { readonly [path: string]: { readonly version: string; readonly optional?: boolean } }
}

const read = (...path: ReadonlyArray<string>): Lockfile =>
  JSON.parse(Fs.readFileSync(Path.join(folder, ...path), "utf8")) as Lockfile

/** npm writes what it installed into node_modules when it is done, so half an installation has none. */
const isInstalled = (): boolean => {
  if (!Fs.existsSync(Path.join(folder, "node_modules", ".package-lock.json"))) return false
  const installed = read("node_modules", ".package-lock.json").packages
  return Object.entries(read("package-lock.json").packages)
    .every(([path, { optional, version }]) => path === "" || optional || installed[path]?.version === version)
}

/** Nothing is built: it runs without its native parts. Returns what went wrong. */
const install = (): string | undefined => {
  const { error, status, stderr } = ChildProcess.spawnSync(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    { cwd: folder, encoding: "utf8", shell: process.platform === "win32" }
  )
  return status === 0 ? undefined : error?.message ?? stderr.trim()
}

const help = `
THE FULL NODE OF THE TESTS COULD NOT BE INSTALLED, so there are no tests.

It is the npm package bcash, which test/node/package-lock.json pins, and it comes from the npm registry once. When npm
can reach that (behind a proxy: npm config set proxy), run this again, or by hand:

    cd test/node && npm ci --ignore-scripts
`

if (!isInstalled()) {
  process.stderr.write("Installing the full node of the tests (npm ci in test/node)\n")
  const problem = install()
  if (problem !== undefined) {
    process.stderr.write(`${problem}\n${help}\n`)
    process.exitCode = 1
  }
}
