import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Network from "../../../src/domain/Network.ts"
import type * as AddressEntry from "../../../src/domain/p2p/AddressEntry.ts"
import * as AddressFile from "../../../src/domain/p2p/AddressFile.ts"
import type * as SealedFile from "../../../src/domain/p2p/SealedFile.ts"
import * as AddressSource from "../../../src/domain/p2p/AddressSource.ts"
import { hash256 } from "../../../src/layers/NodeHash256.ts"
import * as Books from "../../utils/addressBook.ts"
import * as Legacy from "../../utils/legacy.ts"

const options = { network: Network.mainnet, hash256 }

const encode = (snapshot: AddressFile.Snapshot) => AddressFile.encode(snapshot, options)

const decode = (bytes: Uint8Array) => AddressFile.decode(bytes, options)

const fault = (bytes: Uint8Array): SealedFile.BadFile => {
  const result = decode(bytes)
  return Result.isFailure(result) ? result.failure : assert.fail("it was read")
}

const maybe = <A>(random: Legacy.Random, value: A): A | undefined => random.below(2) === 0 ? value : undefined

const randomEntry = (random: Legacy.Random): AddressEntry.AddressEntry => ({
  ...Books.entry(random.below(3) === 0 ? `[2a01:4f8::${random.below(9999)}]:18333` : "8.8.8.8:8333"),
  services: BigInt(random.below(2 ** 31)) << BigInt(random.below(34)),
  contact: { _tag: random.below(2) === 0 ? "Heard" : "Connected", at: random.below(2 ** 31) * 1000 },
  lastGoodHeaders: maybe(random, random.below(2 ** 31)),
  points: random.below(2001),
  pointsAt: random.below(2 ** 31),
  segment: maybe(random, random.below(2 ** 31)),
  askedAt: maybe(random, 0),
  source: [AddressSource.user, AddressSource.seed("seed.example"), AddressSource.peer(Books.address("[2a01::1]:1"))][
    random.below(3)
  ]!
})

const randomSnapshot = (random: Legacy.Random, size: number): AddressFile.Snapshot => ({
  key: random.bytes(32),
  entries: Array.from({ length: size }, () => randomEntry(random))
})

describe("AddressFile", () => {
  it("reads what it wrote", () => {
    const seed = 5
    const random = Legacy.makeRandom(seed)
    for (let size = 0; size < 300; size += 7) {
      const snapshot = randomSnapshot(random, size)
      assert.deepStrictEqual(Result.getOrThrow(decode(encode(snapshot))), snapshot, `seed ${seed}`)
    }
  })

  it("has a fixed form", () => {
    const entry = Books.entry("8.8.8.8:8333", { now: 5000, lastGoodHeaders: 0, segment: 3 })
    const bytes = encode({ key: new Uint8Array(32).fill(0xaa), entries: [entry] })
    assert.strictEqual(
      Legacy.toHex(bytes.subarray(0, -32)),
      [
        "464c575045455253", // FLWPEERS
        "01000000",
        "e3e1f3e8",
        "aa".repeat(32),
        "01",
        "00000000000000000000ffff08080808",
        "8d20",
        "0500000000000000",
        "02",
        "0a392e392e302e302f3136", // 9.9.0.0/16
        "00",
        "fd8813",
        "0100",
        "0a00",
        "fd8813",
        "0103000000",
        "00"
      ].join("")
    )
    assert.deepStrictEqual(bytes.subarray(-32), hash256(bytes.subarray(0, -32)))
  })

  it("finds a change of any byte, and never throws", () => {
    const random = Legacy.makeRandom(6)
    const bytes = encode(randomSnapshot(random, 6))
    for (let at = 0; at < bytes.length; at++) {
      for (const change of [1, 0x80, 1 + random.below(255)]) {
        const changed = Uint8Array.from(bytes)
        changed[at] ^= change
        const { message, offset } = fault(changed)
        assert.isAtMost(offset, bytes.length, `byte ${at}`)
        assert.isNotEmpty(message)
      }
    }
  })

  it("finds a missing end of any length, and bytes too many", () => {
    const bytes = encode(randomSnapshot(Legacy.makeRandom(7), 4))
    for (let length = 0; length < bytes.length; length++) {
      assert.strictEqual(fault(bytes.subarray(0, length)).problem, "Damaged", `${length} bytes`)
    }
    assert.strictEqual(fault(Legacy.concat(bytes, Uint8Array.of(0))).problem, "Damaged")
  })

  it("says what is wrong and where", () => {
    const entries = [Books.entry("8.8.8.8:8333"), Books.entry("8.8.4.4:8333")]
    const bytes = encode({ key: new Uint8Array(32), entries })
    const change = (at: number, byte: number) => {
      const changed = Uint8Array.from(bytes)
      changed[at] = byte
      return fault(changed)
    }
    const kind = 49 + 26
    const described = change(kind, 9)
    assert.strictEqual(described.problem, "Damaged")
    assert.strictEqual(described.offset, kind)
    assert.include(described.message, "entries[0].sourceKind")
    assert.include(change(62, 0xff).message, "checksum")
    assert.strictEqual(change(0, 0).problem, "Foreign")
    assert.strictEqual(change(8, 2).problem, "OtherVersion")
    assert.include(change(8, 2).message, "version 2, not 1")
    assert.strictEqual(change(12, 0).problem, "OtherNetwork")
    assert.strictEqual(fault(new TextEncoder().encode("{\"addresses\":[]}")).problem, "Foreign")
    assert.strictEqual(fault(new Uint8Array(0)).problem, "Damaged")
    const other = AddressFile.decode(bytes, { network: Network.regtest, hash256 })
    assert.include(Result.isFailure(other) ? other.failure.message : "", "mainnet, not of regtest")
  })

  it("takes no memory for addresses that are announced only", () => {
    const head = encode({ key: new Uint8Array(32), entries: [] }).subarray(0, 48)
    for (const announced of ["fe40420f00", "feffffffff", "ffffffffffffff1f00", "fe41420f00"]) {
      const content = Legacy.concat(head, Legacy.fromHex(announced))
      assert.strictEqual(fault(Legacy.concat(content, hash256(content))).problem, "Damaged")
    }
  })

  it("survives anything at all", () => {
    const seed = 8
    const random = Legacy.makeRandom(seed)
    const good = encode(randomSnapshot(random, 3))
    for (let i = 0; i < 3000; i++) {
      const start = good.subarray(0, random.below(good.length))
      const content = Legacy.concat(start, random.bytes(random.below(300)))
      const result = decode(Legacy.concat(content, hash256(content)))
      if (Result.isSuccess(result)) {
        assert.deepStrictEqual(encode(result.success), Legacy.concat(content, hash256(content)))
      }
    }
  })
})
