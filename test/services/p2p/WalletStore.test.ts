import { NodeFileSystem, NodePath } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, FileSystem, Layer, Option } from "effect"
import * as Network from "../../../src/domain/Network.ts"
import * as WalletElement from "../../../src/domain/p2p/WalletElement.ts"
import * as WalletFile from "../../../src/domain/p2p/WalletFile.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as WalletStore from "../../../src/services/p2p/WalletStore.ts"
import * as Legacy from "../../utils/legacy.ts"

const random = Legacy.makeRandom(3)

const snapshot: WalletFile.Snapshot = {
  id: "shop",
  tweak: 0xfedc_ba98,
  first: 700_000,
  syncedTo: 700_123,
  watched: [
    { element: WalletElement.WalletElement.PublicKeyHash({ hash: random.bytes(20) }), from: 0 },
    { element: WalletElement.WalletElement.Script({ script: Uint8Array.of(2, 7, 7, 0x87) }), from: 700_100 },
    { element: WalletElement.WalletElement.OutPoint({ txid: random.bytes(32), index: 4_000_000_000 }), from: 5 },
    { element: WalletElement.WalletElement.Data({ bytes: random.bytes(33) }), from: 0 }
  ],
  coins: [
    { outpoint: random.bytes(36), spentAt: undefined },
    { outpoint: random.bytes(36), spentAt: 700_050 }
  ],
  unchecked: [{ from: 700_100, to: 700_110, by: "192.0.2.1/32" }, { from: 700_111, to: 700_123, by: "2001:db8::/64" }],
  trail: [{ height: 700_122, hash: random.bytes(32) }, { height: 700_123, hash: random.bytes(32) }],
  matches: [{ txid: random.bytes(32), height: 700_050, blockHash: random.bytes(32) }],
  served: ["192.0.2.1/32", "2001:db8::/64"]
}

const Platform = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeHash256.layer)

const withStore = <A, E>(
  directory: string,
  use: (store: WalletStore.WalletStore["Service"]) => Effect.Effect<A, E>,
  network = Network.regtest
) =>
  Effect.flatMap(WalletStore.WalletStore, use).pipe(
    Effect.provide(WalletStore.layerFile({ directory, network }).pipe(Layer.provide(Platform)))
  )

const inFolder = <A, E>(use: (directory: string, fs: FileSystem.FileSystem) => Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    return yield* use(yield* fs.makeTempDirectoryScoped(), fs)
  }).pipe(Effect.scoped, Effect.provide(Platform))

const problemOf = (exit: Exit.Exit<unknown, WalletStore.WalletStoreError | { readonly _tag: "PlatformError" }>) =>
  Exit.isFailure(exit) && exit.cause.reasons[0]?._tag === "Fail" ? exit.cause.reasons[0].error : undefined

describe("WalletStore", () => {
  it.effect("keeps wallets in files that only their user can read", () =>
    inFolder((folder, fs) =>
      Effect.gen(function*() {
        const directory = `${folder}/some/where`
        yield* withStore(directory, (store) =>
          Effect.gen(function*() {
            assert.deepStrictEqual(yield* store.load("shop"), Option.none())
            yield* store.save({ ...snapshot, syncedTo: 700_200 })
            yield* store.save(snapshot)
            yield* store.save({ ...snapshot, id: "other", first: undefined })
          }))
        assert.deepStrictEqual((yield* fs.readDirectory(directory)).sort(), ["other.wallet", "shop.wallet"])
        assert.strictEqual((yield* fs.stat(`${directory}/shop.wallet`)).mode & 0o777, 0o600)
        yield* withStore(directory, (store) =>
          Effect.gen(function*() {
            assert.deepStrictEqual(yield* store.load("shop"), Option.some(snapshot))
            assert.deepStrictEqual([...yield* store.list].sort(), ["other", "shop"])
          }))
      })
    ))

  it.effect("finds what was there before when the program is killed while it writes", () =>
    inFolder((directory, fs) =>
      Effect.gen(function*() {
        yield* withStore(directory, (store) => store.save(snapshot))
        const whole = yield* fs.readFile(`${directory}/shop.wallet`)
        yield* fs.writeFile(`${directory}/shop.wallet.new`, whole.subarray(0, 50))
        yield* withStore(directory, (store) =>
          Effect.gen(function*() {
            assert.deepStrictEqual(yield* store.load("shop"), Option.some(snapshot))
            assert.deepStrictEqual(yield* store.list, ["shop"])
            yield* store.save({ ...snapshot, syncedTo: 700_124 })
            assert.strictEqual(Option.getOrThrow(yield* store.load("shop")).syncedTo, 700_124)
          }))
      })
    ))

  it.effect("writes nothing in the place of a file that it cannot use, and says why", () =>
    inFolder((directory, fs) =>
      Effect.gen(function*() {
        const path = `${directory}/shop.wallet`
        yield* withStore(directory, (store) => store.save(snapshot))
        const whole = Uint8Array.from(yield* fs.readFile(path))
        const changed = whole.slice()
        changed[60]! ^= 4
        const version = whole.slice()
        version[8] = 9
        const cases = [
          { bytes: changed, problem: "Damaged", text: "is damaged" },
          { bytes: whole.subarray(0, whole.length - 1), problem: "Damaged", text: "is damaged" },
          { bytes: new Uint8Array(0), problem: "Damaged", text: "is damaged" },
          { bytes: new TextEncoder().encode("#!/bin/sh\n"), problem: "Foreign", text: "is no such file" },
          { bytes: version, problem: "OtherVersion", text: "is of another version" }
        ]
        for (const { bytes, problem, text } of cases) {
          yield* fs.writeFile(path, bytes)
          for (const use of ["load", "save"] as const) {
            const exit = yield* Effect.exit(
              withStore(directory, (store) => Effect.asVoid(use === "load" ? store.load("shop") : store.save(snapshot)))
            )
            const error = problemOf(exit)
            assert.strictEqual(error?._tag, "WalletStoreError")
            if (error?._tag !== "WalletStoreError") continue
            assert.strictEqual(error.problem, problem)
            assert.include(error.message, `the wallet ${path} ${text}`)
          }
          assert.deepStrictEqual(Uint8Array.from(yield* fs.readFile(path)), Uint8Array.from(bytes))
        }
        yield* fs.writeFile(path, whole)
        const other = problemOf(
          yield* Effect.exit(withStore(directory, (store) => store.load("shop"), Network.mainnet))
        )
        assert.strictEqual(other?._tag === "WalletStoreError" ? other.problem : "", "OtherNetwork")
        yield* fs.rename(path, `${directory}/pub.wallet`)
        const renamed = problemOf(yield* Effect.exit(withStore(directory, (store) => store.load("pub"))))
        assert.strictEqual(renamed?._tag === "WalletStoreError" ? renamed.problem : "", "Foreign")
      })
    ))
})

describe("WalletFile", () => {
  const options = { network: Network.regtest, hash256: Legacy.hash256 }

  it("notices each byte that changes, and each that is missing", () => {
    const whole = WalletFile.encode(snapshot, options)
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice()
      changed[at]! ^= 1 << (at % 8)
      assert.strictEqual(WalletFile.decode(changed, options)._tag, "Failure", `byte ${at}`)
      assert.strictEqual(WalletFile.decode(whole.subarray(0, at), options)._tag, "Failure", `${at} bytes`)
    }
  })

  it("refuses what makes no sense, even with a good checksum", () => {
    const nonsense: ReadonlyArray<Partial<WalletFile.Snapshot>> = [
      { syncedTo: 699_998, trail: [], unchecked: [] },
      { trail: [{ height: 700_124, hash: random.bytes(32) }] },
      { trail: [...snapshot.trail].reverse() },
      { unchecked: [{ from: 700_010, to: 700_009, by: "" }] },
      { unchecked: [...snapshot.unchecked].reverse() },
      { watched: [{ element: WalletElement.WalletElement.PublicKeyHash({ hash: random.bytes(19) }), from: 0 }] }
    ]
    for (const fields of nonsense) {
      const decoded = WalletFile.decode(WalletFile.encode({ ...snapshot, ...fields }, options), options)
      assert.strictEqual(decoded._tag, "Failure", JSON.stringify(fields))
    }
  })
})
