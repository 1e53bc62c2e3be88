import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as process from "node:process"

let folder = ""

beforeEach(() => {
  folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "flowee-install-"))
  for (const name of ["install.ts", "package.json", "package-lock.json"]) {
    Fs.copyFileSync(Path.join(import.meta.dirname, name), Path.join(folder, name))
  }
})

afterEach(() => Fs.rmSync(folder, { recursive: true }))

/** Runs it where no registry can be reached, and nothing was ever downloaded. */
const install = () =>
  ChildProcess.spawnSync(process.execPath, [Path.join(folder, "install.ts")], {
    encoding: "utf8",
    env: {
      ...process.env,
      NODE_OPTIONS: "",
      npm_config_cache: Path.join(folder, "cache"),
      npm_config_fetch_retries: "0",
      npm_config_https_proxy: "",
      npm_config_noproxy: "127.0.0.1",
      npm_config_proxy: "",
      npm_config_registry: "http://127.0.0.1:9"
    }
  })

/** Says of a version of the node that it was installed. */
const pretend = (version: string): void => {
  const lockfile = Fs.readFileSync(Path.join(folder, "package-lock.json"), "utf8")
  Fs.mkdirSync(Path.join(folder, "node_modules"))
  Fs.writeFileSync(
    Path.join(folder, "node_modules", ".package-lock.json"),
    lockfile.replace(`"version": "1.1.1"`, `"version": "${version}"`)
  )
}

describe("installing the full node", () => {
  it("does nothing when it is there", () => {
    pretend("1.1.1")
    const { status, stderr, stdout } = install()
    assert.deepStrictEqual([status, stdout, stderr], [0, "", ""])
  })

  for (
    const [when, prepare] of [
      ["it is absent", () => {}],
      ["another version is there", () => pretend("1.1.0")],
      [
        "an installation was interrupted",
        () => Fs.mkdirSync(Path.join(folder, "node_modules", "bcash"), { recursive: true })
      ]
    ] as const
  ) {
    it(`fails when ${when} and it cannot be had, and says what to do`, () => {
      prepare()
      const { status, stderr } = install()
      assert.strictEqual(status, 1)
      assert.include(stderr, "THE FULL NODE OF THE TESTS COULD NOT BE INSTALLED")
      assert.include(stderr, "cd test/node && npm ci --ignore-scripts")
      assert.include(stderr, "ECONNREFUSED")
    })
  }
})
