import { NodeFileSystem, NodePath } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Logger, Option, PlatformError } from "effect"
import * as Network from "../../../src/domain/Network.ts"
import * as AddressFile from "../../../src/domain/p2p/AddressFile.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import type * as Hash256 from "../../../src/services/Hash256.ts"
import * as PeerAddressStore from "../../../src/services/p2p/PeerAddressStore.ts"
import * as Books from "../../utils/addressBook.ts"

const Platform = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeHash256.layer)

const network = Network.mainnet

const snapshot = (port: number): AddressFile.Snapshot => ({
  key: new Uint8Array(32).fill(port),
  entries: [Books.entry(`8.8.8.8:${port}`), Books.entry("8.8.4.4:8333")]
})

const inDirectory = <A, E>(
  f: (path: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E, Layer.Success<typeof Platform>>
) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* f(`${yield* fs.makeTempDirectoryScoped()}/peers`, fs)
  }).pipe(Effect.scoped, Effect.provide(Platform))

const make = PeerAddressStore.makeFile

const saved = (path: string) => Effect.flatMap(make({ path, network }), ({ load }) => load)

describe("PeerAddressStore", () => {
  it.effect("keeps what was saved in memory", () =>
    Effect.gen(function*() {
      const store = yield* PeerAddressStore.PeerAddressStore
      assert.deepStrictEqual(yield* store.load, Option.none())
      yield* store.save(snapshot(1))
      assert.deepStrictEqual(yield* store.load, Option.some(snapshot(1)))
    }).pipe(Effect.provide(PeerAddressStore.layerMemory)))

  it.live("keeps what was saved in a file, for its own user only", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        const store = yield* make({ path, network })
        assert.deepStrictEqual(yield* store.load, Option.none())
        yield* store.save(snapshot(1))
        yield* store.save(snapshot(2))
        assert.deepStrictEqual(yield* saved(path), Option.some(snapshot(2)))
        assert.strictEqual((yield* fs.stat(path)).mode & 0o777, 0o600)
        assert.isFalse(yield* fs.exists(`${path}.new`))
      })
    ))

  it.live("keeps the old file when it is killed at any byte of a write", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        yield* Effect.flatMap(make({ path, network }), ({ save }) => save(snapshot(1)))
        const { length } = yield* fs.readFile(path)
        for (let size = 0; size <= length; size++) {
          const store = yield* make({ path, network }).pipe(
            Effect.provideService(FileSystem.FileSystem, killedAfter(fs, size))
          )
          yield* Effect.exit(store.save(snapshot(2)))
          assert.strictEqual((yield* fs.readFile(`${path}.new`)).length, size)
          assert.deepStrictEqual(yield* saved(path), Option.some(snapshot(1)), `killed after ${size} bytes`)
        }
        // What is left of that is in nobody's way.
        yield* Effect.flatMap(make({ path, network }), ({ save }) => save(snapshot(3)))
        assert.deepStrictEqual(yield* saved(path), Option.some(snapshot(3)))
      })
    ))

  it.live("leaves a damaged file alone, says where the damage is, and saves nothing over it", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        yield* Effect.flatMap(make({ path, network }), ({ save }) => save(snapshot(1)))
        const good = yield* fs.readFile(path)
        for (let at = 0; at < good.length; at++) {
          const bad = Uint8Array.from(good)
          bad[at] ^= 0xff
          yield* fs.writeFile(path, bad)
          const store = yield* make({ path, network })
          const error = yield* Effect.flip(at % 2 === 0 ? store.load : store.save(snapshot(2)))
          assert.include(["Foreign", "OtherVersion", "OtherNetwork", "Damaged"], error.problem)
          assert.include(error.message, path)
          assert.match(error.message, /byte \d+/)
          assert.isDefined(error.offset)
          assert.deepStrictEqual(new Uint8Array(yield* fs.readFile(path)), bad)
        }
      })
    ))

  it.live("moves a damaged file aside when it may rebuild, and only that", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        yield* fs.writeFileString(path, "FLWPEERS, or what is left of it")
        assert.strictEqual((yield* Effect.flip(saved(path))).problem, "OtherVersion")
        const store = yield* make({ path, network, rebuild: true })
        assert.deepStrictEqual(yield* store.load, Option.none())
        assert.include(yield* fs.readFileString(`${path}.bad`), "what is left of it")
        yield* store.save(snapshot(1))
        assert.deepStrictEqual(yield* saved(path), Option.some(snapshot(1)))

        yield* fs.writeFileString(path, "my diary")
        const error = yield* Effect.flip(Effect.flatMap(make({ path, network, rebuild: true }), ({ load }) => load))
        assert.strictEqual(error.problem, "Foreign")
        assert.strictEqual(yield* fs.readFileString(path), "my diary")
      })
    ).pipe(Effect.provide(Logger.layer([]))))

  it.live("tells a file of another network", () =>
    inDirectory((path) =>
      Effect.gen(function*() {
        yield* Effect.flatMap(make({ path, network: Network.regtest }), ({ save }) => save(snapshot(1)))
        const error = yield* Effect.flip(saved(path))
        assert.strictEqual(error.problem, "OtherNetwork")
        assert.include(error.message, "regtest")
      })
    ))

  it.live("says when the file cannot be read or written", () =>
    inDirectory((path, fs) =>
      Effect.gen(function*() {
        yield* fs.makeDirectory(path)
        assert.strictEqual((yield* Effect.flip(saved(path))).problem, "Unreadable")
        const elsewhere = yield* make({ path: `${path}/none/peers`, network })
        assert.deepStrictEqual(yield* elsewhere.load, Option.none())
        const error = yield* Effect.flip(elsewhere.save(snapshot(1)))
        assert.strictEqual(error.problem, "Unwritable")
        assert.include(error.message, `${path}/none/peers`)
      })
    ))

  it.effect("does not read a file that is larger than any can be", () =>
    Effect.gen(function*() {
      const huge = FileSystem.layerNoop({
        stat: () => Effect.succeed({ size: BigInt(AddressFile.maxSize + 1) } as FileSystem.File.Info),
        readFile: () => Effect.die("it was read")
      })
      const { load } = yield* make({ path: "peers", network }).pipe(Effect.provide(huge))
      assert.strictEqual((yield* Effect.flip(load)).problem, "TooLarge")
    }).pipe(Effect.provide([NodePath.layer, NodeHash256.layer as Layer.Layer<Hash256.Hash256>])))
})

/** A file system that writes so many bytes of a file and then nothing any more. */
const killedAfter = (fs: FileSystem.FileSystem, size: number): FileSystem.FileSystem => {
  const killed = Effect.fail(PlatformError.systemError({ _tag: "Unknown", module: "FileSystem", method: "killed" }))
  return {
    ...fs,
    open: (path, options) =>
      Effect.map(fs.open(path, options), (file) => ({
        ...file,
        stat: file.stat,
        sync: killed,
        writeAll: (bytes) => Effect.andThen(file.writeAll(bytes.subarray(0, size)), killed)
      })),
    rename: () => killed,
    remove: () => killed
  }
}
