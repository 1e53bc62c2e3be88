/**
 * The file of a ban list that is full.
 */
import { NodeFileSystem } from "@effect/platform-node"
import { Context, Effect, Exit, FileSystem, Layer, Scope } from "effect"
import { NetAddress } from "effect/net"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import * as BanFile from "../../src/internal/bans/file.ts"
import * as NodeBanList from "../../src/layers/NodeBanList.ts"
import * as BanList from "../../src/services/BanList.ts"
import * as BanListFile from "../../src/services/BanListFile.ts"
import type { Case } from "./probe.ts"

const entries = 100_000
const forever = 8_640_000_000_000_000

/** As long as reasons can be. */
const reason = "x".repeat(500)

const keyOf = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`

const fill = (file: BanFile.BanFile, updatedAt: number, bannedUntil = forever): void => {
  for (let i = 0; i < entries; i++) {
    file.replica.change(keyOf(i), { points: 0, updatedAt, bannedUntil, reason }, updatedAt)
  }
}

const FileSystemOfNode = Effect.provide(FileSystem.FileSystem, NodeFileSystem.layer)

const folders: Array<string> = []
process.once("exit", () => folders.forEach((folder) => Fs.rmSync(folder, { recursive: true, force: true })))

const temporaryFile = Effect.sync(() => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-flowee-loop-"))
  folders.push(folder)
  return Path.join(folder, "bans")
})

const open = (path: string) =>
  Effect.map(
    FileSystemOfNode,
    (fs) => new BanFile.BanFile(fs, { path, maxEntries: entries, keepPoints: 1e12, onNews: () => Effect.void })
  )

const filled = Effect.gen(function*() {
  const path = yield* temporaryFile
  const file = yield* open(path)
  fill(file, 1)
  return { file, path }
})

/** A ban list with a file of its own, and another process that bans 100,000 groups at once. */
const hearing = Effect.gen(function*() {
  const path = yield* temporaryFile
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(NodeBanList.layerFile({ path }), scope)
  const list = Context.get(context, BanList.BanList)
  yield* list.ban(NetAddress.inetAddressFromStringUnsafe("192.0.2.1:1"))
  yield* Context.get(context, BanListFile.BanListFile).save
  const { save } = Context.get(context, BanListFile.BanListFile)
  const other = yield* open(path)
  yield* other.reload
  fill(other, Date.now())
  yield* other.save
  return { run: Effect.andThen(save, Scope.close(scope, Exit.void)) }
})

export const cases: ReadonlyArray<Case> = [
  { what: "a ban file of 100,000 entries: writing", prepare: Effect.map(filled, ({ file }) => ({ run: file.save })) },
  {
    what: "a ban file of 100,000 entries: reading",
    prepare: Effect.gen(function*() {
      const { file, path } = yield* filled
      yield* file.save
      return { run: (yield* open(path)).reload }
    })
  },
  {
    what: "a ban file of 100,000 entries: all changed here and elsewhere",
    prepare: Effect.gen(function*() {
      const { file, path } = yield* filled
      yield* file.save
      const other = yield* open(path)
      yield* other.reload
      fill(other, 2)
      yield* other.save
      fill(file, 3)
      return { run: file.save }
    })
  },
  { what: "a ban file of 100,000 entries: all of them news", prepare: hearing }
]
