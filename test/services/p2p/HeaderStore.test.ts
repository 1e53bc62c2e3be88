import { NodeFileSystem } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, FileSystem, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as HeaderStore from "../../../src/services/p2p/HeaderStore.ts"
import { expectChain, late } from "../../utils/chainOfHeaders.ts"
import * as Disks from "../../utils/disk.ts"
import * as Recorded from "../../utils/headerChain.ts"
import { MinedChain } from "../../utils/minedChain.ts"

const { mainnet, regtest } = ChainParams

const path = "/data/headers"

/** Runs a program with the chain in the file of a disk. */
const run = <A, E>(
  disk: Disks.Disk,
  program: Effect.Effect<A, E, HeaderChain.HeaderChain>,
  options: Partial<HeaderChain.FileOptions> = {},
  faults?: Disks.Faults
) =>
  Effect.provide(
    program,
    HeaderChain.layerFile({ path, params: regtest, ...options }).pipe(
      Layer.provide([NodeHash256.layer, Disks.mount(disk, faults).layer]),
      Layer.provideMerge(Layer.effectDiscard(TestClock.setTime(late * 1000)))
    )
  )

const accept = (packed: Uint8Array) => Effect.flatMap(HeaderChain.HeaderChain, (chain) => chain.accept(packed))

const tip = Effect.flatMap(HeaderChain.HeaderChain, (chain) => chain.tip)

/** Why a chain cannot be made of a disk. The disk must be as it was. */
const refusal = Effect.fnUntraced(function*(disk: Disks.Disk, options?: Partial<HeaderChain.FileOptions>) {
  const before = disk.copy()
  const error = yield* Effect.flip(run(disk, tip, options))
  assert.deepStrictEqual(disk.files, before.files)
  if (error._tag !== "HeaderStoreError") return assert.fail(error.message)
  return error.reason
})

const diskOf = (...parts: ReadonlyArray<Uint8Array | ReadonlyArray<number>>) =>
  new Disks.Disk([[path, Uint8Array.from(parts.flatMap((part) => [...part]))]])

describe("HeaderStore in a file", () => {
  it.effect("keeps headers, the genesis block first", () =>
    Effect.gen(function*() {
      const disk = new Disks.Disk()
      const mined = new MinedChain(regtest).mine(2500)
      yield* run(disk, expectChain(new MinedChain(regtest)))
      assert.deepStrictEqual(disk.read(path), mined.packed(0, 0))
      yield* run(disk, Effect.andThen(accept(mined.packed(1, 2000)), accept(mined.packed(2001, 2400))))
      assert.deepStrictEqual(disk.read(path), mined.packed(0, 2400))
      yield* run(disk, Effect.andThen(expectChain(mined.fork(2400)), accept(mined.packed(2401))))
      yield* run(disk, expectChain(mined))
      assert.deepStrictEqual([...disk.files.keys()], [path])
    }))

  it.effect("keeps what a reorganisation made of the chain", () =>
    Effect.gen(function*() {
      const disk = new Disks.Disk()
      const ours = new MinedChain(regtest).mine(20)
      const theirs = ours.fork(5).mine(16, { salt: 1 })
      yield* run(disk, Effect.andThen(accept(ours.packed(1)), accept(theirs.packed(6))))
      assert.deepStrictEqual(disk.read(path), theirs.packed(0))
      assert.deepStrictEqual([...disk.files.keys()], [path])
      yield* run(disk, expectChain(theirs))
    }))

  it.effect("loads bundled files that overlap, and stores what they have", () =>
    Effect.gen(function*() {
      const names = ["mainnet-headers-0-99", "mainnet-headers-91-104", "mainnet-headers-100-111"]
      const disk = new Disks.Disk(names.map((name) => [`/bundled/${name}`, Recorded.load(name)]))
      const bundled = names.map((name) => `/bundled/${name}`)
      const found: Array<readonly [number, string]> = []
      for (const count of [1, 2, 3, 0]) {
        const { hash, height } = yield* run(disk, tip, { params: mainnet, bundled: bundled.slice(0, count) })
        found.push([height, HashHex.format(hash)])
      }
      assert.deepStrictEqual(found, [
        [99, "00000000cd9b12643e6854cb25939b39cd7a1ad0af31a9bd8b2efe67854b1995"],
        [104, "00000000fb11ef25014e02b315285a22f80c8f97689d7e36d723317defaabe5b"],
        [111, "000000004d6a6dd8b882deec7b54421949dddd2c166bd51ee7f62a52091a6c35"],
        [111, "000000004d6a6dd8b882deec7b54421949dddd2c166bd51ee7f62a52091a6c35"]
      ])
    }))

  it.effect("loads a bundled file that begins after the genesis block, whatever the clock says", () =>
    Effect.gen(function*() {
      const disk = new Disks.Disk([["/bundled", Recorded.load("regtest-headers")]])
      const layer = HeaderChain.layerFile({ path, params: regtest, bundled: ["/bundled"] }).pipe(
        Layer.provide([NodeHash256.layer, Disks.mount(disk).layer])
      )
      assert.strictEqual((yield* Effect.provide(tip, layer)).height, 2726)
      assert.strictEqual((yield* Effect.provide(tip, layer)).height, 2726)
    }))

  it.effect("keeps a longer chain than the bundled one, and takes a better one", () =>
    Effect.gen(function*() {
      const ours = new MinedChain(regtest).mine(10)
      const theirs = ours.fork(4).mine(9, { salt: 1 })
      const disk = new Disks.Disk([["/old", ours.packed(0, 8)], ["/better", theirs.packed(0)]])
      yield* run(disk, accept(ours.packed(1)))
      yield* run(disk, expectChain(ours), { bundled: ["/old"] })
      yield* run(disk, expectChain(theirs), { bundled: ["/better"] })
      yield* run(disk, expectChain(theirs))
    }))

  it.effect("works on a real file system", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped()}/headers`
      const ours = new MinedChain(regtest).mine(300)
      const theirs = ours.fork(290).mine(20, { salt: 1 })
      const on = <A, E>(program: Effect.Effect<A, E, HeaderChain.HeaderChain>, rebuild = false) =>
        Effect.provide(
          program,
          Layer.provide(HeaderChain.layerFile({ path, params: regtest, rebuild }), NodeHash256.layer)
        )
      yield* TestClock.setTime(late * 1000)
      yield* on(Effect.andThen(accept(ours.packed(1)), accept(theirs.packed(291, 300))))
      yield* on(Effect.andThen(expectChain(ours), accept(theirs.packed(291))))
      assert.deepStrictEqual(Uint8Array.from(yield* fs.readFile(path)), theirs.packed(0))
      // What a crash leaves behind.
      yield* fs.writeFile(path, ours.packed(300).subarray(0, 37), { flag: "a" })
      const longer = theirs.fork(310).mine(1)
      yield* on(Effect.andThen(expectChain(theirs), accept(longer.packed(311))))
      yield* on(expectChain(longer))
      assert.deepStrictEqual(Uint8Array.from(yield* fs.readFile(path)), longer.packed(0))
      yield* fs.writeFileString(path, "something else")
      assert.strictEqual((yield* Effect.flip(on(tip)))._tag, "HeaderStoreError")
      yield* on(expectChain(new MinedChain(regtest)), true)
      assert.strictEqual(yield* fs.readFileString(`${path}.broken-1`), "something else")
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})

describe("HeaderStore refuses", () => {
  const mined = new MinedChain(regtest).mine(40)

  it.effect("a file of another network, or of something else, and leaves it as it is", () =>
    Effect.gen(function*() {
      const message = "the file /data/headers holds no headers of this chain: it does not begin with the genesis block"
      const contents = [
        Recorded.load("mainnet-headers-0-99"),
        Recorded.load("regtest-headers"),
        mined.packed(1),
        new TextEncoder().encode("my shopping list"),
        new TextEncoder().encode("a text of more than one line\n".repeat(50)),
        new Uint8Array(80).fill(255)
      ]
      for (const content of contents) {
        const reason = yield* refusal(diskOf(content))
        assert.deepInclude(reason, { _tag: "ForeignFile", path })
        assert.strictEqual(reason.message, message)
      }
    }))

  it.effect("a file with any byte changed, and says where", () =>
    Effect.gen(function*() {
      const content = mined.packed(0)
      let found = 0
      for (let at = 0; at < content.length; at++) {
        const changed = content.slice()
        changed[at]! ^= 1 << (at % 8)
        const disk = diskOf(changed)
        const exit = yield* Effect.exit(run(disk, tip))
        const index = Math.floor(at / 80)
        if (Exit.isSuccess(exit)) {
          // Half of all hashes are good enough on regtest, and nothing tells more of the last header than its hash.
          assert.strictEqual(index, 40)
          continue
        }
        found++
        const error = Cause.findErrorOption(exit.cause)
        assert.strictEqual(error._tag, "Some")
        const { reason } = error._tag === "Some" && error.value._tag === "HeaderStoreError"
          ? error.value
          : assert.fail()
        if (index === 0) assert.strictEqual(reason._tag, "ForeignFile")
        else if (reason._tag === "CorruptFile") {
          assert.isTrue(
            reason.offset === index * 80 || reason.offset === (index + 1) * 80,
            `byte ${at}: ${reason.offset}`
          )
          assert.match(reason.message, /^the header file \/data\/headers is corrupt at byte \d+: the header for height/)
        } else assert.fail(reason.message)
        assert.deepStrictEqual(disk.read(path), changed)
      }
      assert.isAbove(found, 40 * 80 - 1)
    }))

  it.effect("headers twice, in another order, or with a gap", () =>
    Effect.gen(function*() {
      for (const from of [5, 7, 1, 0]) {
        const disk = diskOf(mined.packed(0, 5), mined.packed(from, from + 5))
        assert.deepInclude(yield* refusal(disk), { _tag: "CorruptFile", path, offset: 6 * 80 })
      }
    }))

  it.effect("bundled files that are missing or do not fit", () =>
    Effect.gen(function*() {
      const disk = new Disks.Disk([[path, mined.packed(0)], ["/bundled", mined.packed(2)]])
      const missing = yield* refusal(disk, { bundled: ["/missing"] })
      assert.deepInclude(missing, { _tag: "StoreUnavailable", operation: "read", path: "/missing" })
      const other = yield* refusal(disk, { params: mainnet, bundled: ["/bundled"] })
      assert.deepInclude(other, { _tag: "ForeignFile", path })
      const alone = new Disks.Disk([[path, mined.packed(0, 0)], ["/bundled", mined.packed(2)]])
      assert.deepInclude(yield* refusal(alone, { bundled: ["/bundled"], rebuild: true }), {
        _tag: "ForeignFile",
        path: "/bundled"
      })
    }))

  it.effect("nothing any more when it is to be rebuilt, and keeps what was there", () =>
    Effect.gen(function*() {
      const content = mined.packed(0)
      content[20 * 80 + 50]! ^= 1
      const disk = diskOf(content)
      assert.deepInclude(yield* refusal(disk), { _tag: "CorruptFile" })
      yield* run(disk, expectChain(new MinedChain(regtest)), { rebuild: true })
      assert.deepStrictEqual(disk.read(`${path}.broken-1`), content)
      yield* run(disk, accept(mined.packed(1)), { rebuild: true })
      yield* run(disk, expectChain(mined), { rebuild: true })
      disk.files.set(path, content)
      yield* run(disk, expectChain(new MinedChain(regtest)), { rebuild: true })
      assert.deepStrictEqual([...disk.files.keys()].sort(), [path, `${path}.broken-1`, `${path}.broken-2`])
    }))

  it.effect("a damaged rewrite, and sets it aside when it is to", () =>
    Effect.gen(function*() {
      const disk = new Disks.Disk([[path, mined.packed(0)], [`${path}.rewrite`, new Uint8Array(500).fill(3)]])
      const reason = yield* refusal(disk)
      assert.strictEqual(
        reason.message,
        "the header file /data/headers.rewrite is corrupt at byte 0: it is damaged"
      )
      yield* run(disk, expectChain(new MinedChain(regtest)), { rebuild: true })
      assert.deepStrictEqual([...disk.files.keys()].sort(), [path, `${path}.broken-1`, `${path}.broken-1.rewrite`])
    }))

  it.effect("a rewrite of another file", () =>
    Effect.gen(function*() {
      const theirs = mined.fork(30).mine(15, { salt: 1 })
      const killed = diskOf(mined.packed(0))
      for (let after = 0; !killed.files.has(`${path}.rewrite`); after++) {
        killed.files.set(path, mined.packed(0))
        yield* Effect.exit(run(killed, accept(theirs.packed(31)), {}, { after }))
      }
      const rewrite = killed.read(`${path}.rewrite`)
      const diskWith = (content: Uint8Array) => new Disks.Disk([[path, content], [`${path}.rewrite`, rewrite]])
      for (const content of [mined.packed(0, 29), theirs.fork(20).mine(20, { salt: 2 }).packed(0), new Uint8Array(0)]) {
        assert.strictEqual(
          (yield* refusal(diskWith(content))).message,
          "the header file /data/headers.rewrite is corrupt at byte 0: it does not continue what is in /data/headers"
        )
      }
      for (let at = 0; at < rewrite.length; at += 11) {
        const disk = diskWith(mined.packed(0))
        disk.files.get(`${path}.rewrite`)![at]! ^= 4
        assert.match((yield* refusal(disk)).message, /headers\.rewrite is corrupt at byte 0: it is damaged$/)
      }
      yield* run(diskWith(mined.packed(0)), expectChain(theirs))
      yield* run(diskWith(mined.packed(0, 30)), expectChain(theirs))
    }))
})

describe("HeaderStore", () => {
  const mined = new MinedChain(regtest).mine(40)

  it.effect("leaves out what was never written after a power cut", () =>
    Effect.gen(function*() {
      for (const [whole, part, zeros] of [[40, 0, 80], [40, 0, 4096], [39, 30, 50 + 160], [39, 70, 90], [0, 0, 800]]) {
        const disk = diskOf(mined.packed(0, whole), mined.packed(40).subarray(0, part), new Uint8Array(zeros!))
        yield* run(disk, Effect.andThen(expectChain(mined.fork(whole!)), accept(mined.packed(1))))
        yield* run(disk, expectChain(mined))
      }
      // A header may end with zeros itself.
      for (let height = 1; height <= 40; height++) {
        yield* run(diskOf(mined.packed(0, height)), expectChain(mined.fork(height)))
      }
    }))

  it.effect("takes a batch again after a write that failed at any byte", () =>
    Effect.gen(function*() {
      const ours = mined.fork(8)
      const theirs = ours.fork(6).mine(3, { salt: 1 })
      for (let after = 0;; after++) {
        const disk = diskOf(ours.packed(0, 4))
        const failed = yield* run(
          disk,
          Effect.gen(function*() {
            const errors: Array<string> = []
            for (const packed of [ours.packed(5, 6), ours.packed(7), theirs.packed(7)]) {
              yield* Effect.catchTag(accept(packed), "HeaderStoreError", ({ reason }) =>
                Effect.suspend(() => {
                  errors.push(reason._tag)
                  return accept(packed)
                }))
            }
            yield* expectChain(theirs)
            return errors.length
          }),
          {},
          { after, how: "Fail" }
        )
        yield* run(disk, expectChain(theirs))
        assert.deepStrictEqual([...disk.files.keys()], [path])
        assert.isAtMost(failed, 1)
        if (after > 1500) return
      }
    }))

  it.effect("opens its file once for all batches, and again after a write that failed", () =>
    Effect.gen(function*() {
      const openedBy = Effect.fnUntraced(function*(faults?: Disks.Faults) {
        const disk = diskOf(mined.packed(0, 10))
        const mounted = Disks.mount(disk, faults)
        yield* Effect.gen(function*() {
          for (let at = 11; at <= 40; at += 3) {
            const packed = mined.packed(at, at + 2)
            yield* Effect.catch(accept(packed), () => accept(packed))
            assert.deepStrictEqual(mounted.open, [path])
          }
        }).pipe(
          Effect.provide(
            HeaderChain.layerFile({ path, params: regtest }).pipe(Layer.provide([NodeHash256.layer, mounted.layer]))
          )
        )
        assert.deepStrictEqual(disk.read(path), mined.packed(0))
        assert.deepStrictEqual(mounted.open, [])
        return mounted.opened()
      })
      yield* TestClock.setTime(late * 1000)
      assert.strictEqual(yield* openedBy(), 1)
      assert.strictEqual(yield* openedBy({ after: 1000, how: "Fail" }), 2)
    }))

  it.effect("has no file open that it sets aside", () =>
    Effect.gen(function*() {
      const disk = diskOf(mined.packed(0, 10))
      const mounted = Disks.mount(disk)
      yield* Effect.gen(function*() {
        const store = yield* HeaderStore.HeaderStore
        yield* store.write(11, mined.packed(11, 20))
        assert.deepStrictEqual(mounted.open, [path])
        assert.deepStrictEqual(yield* store.setAside, Option.some(`${path}.broken-1`))
        assert.deepStrictEqual(mounted.open, [])
        yield* store.write(0, mined.packed(0, 5))
      }).pipe(
        Effect.provide(HeaderStore.layerFile({ path }).pipe(Layer.provide([NodeHash256.layer, mounted.layer])))
      )
      assert.deepStrictEqual(disk.read(`${path}.broken-1`), mined.packed(0, 20))
      assert.deepStrictEqual(disk.read(path), mined.packed(0, 5))
    }))

  it.effect("says what could not be written", () =>
    Effect.gen(function*() {
      const disk = diskOf(mined.packed(0, 10))
      const error = yield* run(disk, Effect.flip(accept(mined.packed(11))), {}, { after: 100, how: "Fail" })
      assert.match(error.message, /^failed to write the header file \/data\/headers: /)
    }))
})
