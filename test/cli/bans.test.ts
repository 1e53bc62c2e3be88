import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, FileSystem, Layer, type Scope } from "effect"
import { NetAddress } from "effect/net"
import * as NodeBanList from "../../src/layers/NodeBanList.ts"
import * as BanList from "../../src/services/BanList.ts"
import { linesOf, runFlowee, spawnFlowee } from "../utils/flowee.ts"

const peer = NetAddress.inetAddressFromStringUnsafe

const inFolder = <A, E>(f: (folder: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* f(yield* fs.makeTempDirectoryScoped(), fs)
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

/** `flowee bans` with a file. */
const bansAt = (file: string) => (...args: ReadonlyArray<string>) => runFlowee(["bans", ...args, "--file", file])

const jsonOf = (text: string) =>
  linesOf(text).map((line) =>
    JSON.parse(line) as { readonly group: string; readonly until: number | null; readonly reason: string }
  )

describe("flowee bans", () => {
  it.live("bans, lists and lifts, where there was no file and no folder", () =>
    inFolder((folder, fs) =>
      Effect.gen(function*() {
        const bans = bansAt(`${folder}/some/where/bans`)
        assert.deepStrictEqual(yield* bans("list"), { code: 0, stdout: "", stderr: "nobody is banned\n" })
        assert.deepStrictEqual(yield* fs.readDirectory(folder), [])

        const added = yield* bans("add", "203.0.113.9")
        assert.strictEqual(added.code, 0)
        assert.match(added.stdout, /^banned {2}203\.0\.113\.9 until \d{4}-\d\d-\d\d \d\d:\d\d UTC\n$/)
        yield* bans("add", "2001:db8:0:0:1::1", "--for", "ever", "--reason", "abuse\treport")
        yield* bans("add", "198.51.100.0/24", "--for", "7 days")

        const { stdout } = yield* bans("list")
        const lines = linesOf(stdout)
        assert.strictEqual(lines.length, 3)
        assert.match(lines[0]!, /^203\.0\.113\.9 {6}until .* UTC$/)
        assert.match(lines[1]!, /^2001:db8::\/64 {4}for ever {20}abuse.*report$/)
        const removed = yield* bans("remove", "2001:db8::1")
        assert.deepStrictEqual(removed, { code: 0, stdout: "no longer banned  2001:db8::/64\n", stderr: "" })
        assert.strictEqual(linesOf((yield* bans("list")).stdout).length, 2)
        assert.deepStrictEqual(yield* fs.readDirectory(`${folder}/some/where`), ["bans"])
      })
    ))

  it.live("tells programs the same", () =>
    inFolder((folder) =>
      Effect.gen(function*() {
        const bans = bansAt(`${folder}/bans`)
        const now = Date.now() / 1000
        const [added] = jsonOf(
          (yield* bans("add", "198.51.100.0/24", "--for", "90 minutes", "--reason", "x", "--json")).stdout
        )
        assert.deepInclude(added, { group: "198.51.100.0/24", reason: "x" })
        assert.closeTo(added!.until! - now, 5400, 30)
        yield* bans("add", "203.0.113.9", "--for", "ever")
        assert.deepStrictEqual(jsonOf((yield* bans("list", "--json")).stdout), [
          added!,
          { group: "203.0.113.9", until: null, reason: "" }
        ])
        assert.deepStrictEqual(JSON.parse((yield* bans("remove", "203.0.113.9", "--json")).stdout), {
          group: "203.0.113.9",
          removed: true
        })
        assert.deepStrictEqual(yield* bans("remove", "203.0.113.9", "--json"), {
          code: 1,
          stdout: "",
          stderr: "203.0.113.9 is not banned\n"
        })
      })
    ))

  it.live("says which network is banned around somebody who is not", () =>
    inFolder((folder, fs) =>
      Effect.gen(function*() {
        const bans = bansAt(`${folder}/none/bans`)
        assert.strictEqual((yield* bans("remove", "203.0.113.9")).stderr, "203.0.113.9 is not banned\n")
        assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
        yield* bans("add", "198.51.100.0/24")
        const { code, stderr } = yield* bans("remove", "198.51.100.7")
        assert.strictEqual(code, 1)
        assert.strictEqual(stderr, "198.51.100.7 is not banned, but the network around it is: 198.51.100.0/24\n")
      })
    ))

  it.live(
    "takes the file of the environment, in a process of its own",
    () =>
      inFolder((folder) =>
        Effect.gen(function*() {
          const env = { FLOWEE_BANS: `${folder}/bans` }
          assert.strictEqual((yield* spawnFlowee(["bans", "add", "203.0.113.9"], { env })).code, 0)
          assert.match((yield* bansAt(`${folder}/bans`)("list")).stdout, /^203\.0\.113\.9 /)
          const fallback = yield* spawnFlowee(["bans", "list", "--json"], {
            env: { FLOWEE_BANS: "", XDG_STATE_HOME: folder }
          })
          assert.deepStrictEqual(fallback, { code: 0, stdout: "", stderr: "" })
        })
      ),
    30_000
  )

  it.live("refuses what is no address, no duration and no ban file", () =>
    inFolder((folder, fs) =>
      Effect.gen(function*() {
        const bans = bansAt(`${folder}/bans`)
        for (const who of ["localhost", "203.0.113.9:80", "203.0.113.0/33", "", "::1%lo"]) {
          const { code, stderr } = yield* bans("add", who)
          assert.strictEqual(code, 1, who)
          assert.include(stderr, "an IP address, or a network", who)
        }
        for (const duration of ["x", "-1 days", "0 seconds", "Infinity days"]) {
          const { code, stderr } = yield* bans("add", "203.0.113.9", `--for=${duration}`)
          assert.strictEqual(code, 1, duration)
          assert.include(stderr, "a duration such as", duration)
        }
        assert.deepStrictEqual(yield* fs.readDirectory(folder), [])
        yield* fs.writeFileString(`${folder}/bans`, "mine")
        for (const args of [["list"], ["add", "203.0.113.9"], ["remove", "203.0.113.9"]]) {
          const { code, stderr, stdout } = yield* bans(...args)
          assert.deepStrictEqual({ code, stdout }, { code: 1, stdout: "" })
          assert.match(stderr, /^the ban file .*bans is no list of bans/)
        }
        assert.strictEqual(yield* fs.readFileString(`${folder}/bans`), "mine")
      })
    ))

  it.live("works while a server has the file, and neither loses what the other did", () =>
    inFolder((folder) =>
      Effect.gen(function*() {
        const path = `${folder}/bans`
        const bans = bansAt(path)
        const listed = Effect.map(
          bans("list", "--json"),
          ({ stdout }) => jsonOf(stdout).map(({ group }) => group).sort()
        )
        yield* Effect.scoped(Effect.gen(function*() {
          const server = Context.get(
            yield* Layer.build(NodeBanList.layerFile({ path })),
            BanList.BanList
          )
          const told: Array<string> = []
          yield* server.subscribe((ban) => void told.push(ban.reason))
          yield* server.ban(peer("192.0.2.1:1"), { reason: "first" })
          // The server has not written yet.
          yield* bans("add", "198.51.100.0/24", "--reason", "by hand")
          yield* server.ban(peer("192.0.2.2:1"), { reason: "second" })
          yield* Effect.sleep(1000)
          assert.isTrue(yield* server.isBanned(peer("198.51.100.7:1")))
          assert.include(told, "by hand")
          assert.deepStrictEqual(yield* listed, ["192.0.2.1", "192.0.2.2", "198.51.100.0/24"])
          yield* bans("remove", "192.0.2.1")
          yield* Effect.sleep(1000)
          assert.isFalse(yield* server.isBanned(peer("192.0.2.1:1")))
          yield* server.ban(peer("192.0.2.3:1"))
        }))
        assert.deepStrictEqual(yield* listed, ["192.0.2.2", "192.0.2.3", "198.51.100.0/24"])
      })
    ))
})
