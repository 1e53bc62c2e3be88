/**
 * Files that are read when a program begins: of peer addresses, of headers, and the login cookie.
 */
import { Effect, Layer, Redacted, Result } from "effect"
import * as LoginCookie from "../../../src/domain/LoginCookie.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as Network from "../../../src/domain/Network.ts"
import type * as AddressEntry from "../../../src/domain/p2p/AddressEntry.ts"
import * as AddressFile from "../../../src/domain/p2p/AddressFile.ts"
import * as AddressSource from "../../../src/domain/p2p/AddressSource.ts"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as Rewrite from "../../../src/internal/headers/rewrite.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as Books from "../../utils/addressBook.ts"
import * as Disks from "../../utils/disk.ts"
import { MinedChain } from "../../utils/minedChain.ts"
import { concat, type Random } from "../../utils/native.ts"
import * as Borders from "../harness/borders.ts"
import { equal, inProportion, isTrue, refusalOf, valueOf } from "../harness/expect.ts"
import type { Decoder, Made } from "../harness/target.ts"

const { hash256 } = NodeHash256
const checksumSize = 32

/** Makes the checksum at the end that of what is before it. */
const sum = (bytes: Uint8Array): Uint8Array =>
  bytes.length < checksumSize
    ? bytes
    : concat([bytes.subarray(0, -checksumSize), hash256(bytes.subarray(0, -checksumSize))])

const network = Network.mainnet

const runAddresses = (input: Uint8Array): string => {
  const decoded = AddressFile.decode(input, { network, hash256 })
  if (Result.isFailure(decoded)) {
    refusalOf(decoded.failure)
    isTrue(decoded.failure.offset <= input.length, "the fault is within the file")
    return decoded.failure.problem
  }
  inProportion(decoded.success, input.length, 64)
  const again = AddressFile.encode(decoded.success, { network, hash256 })
  const { entries } = valueOf(AddressFile.decode(again, { network, hash256 }), "what was read can be written")
  equal(entries, decoded.success.entries, "the entries, written and read again")
  return "entries"
}

const randomEntry = (random: Random): AddressEntry.AddressEntry => ({
  ...Books.entry(random.chance(30) ? `[2a01:4f8::${random.below(9999)}]:18333` : `8.8.8.${random.below(256)}:8333`),
  services: (BigInt(random.next()) << 32n) | BigInt(random.next()),
  contact: { _tag: random.chance(50) ? "Heard" : "Connected", at: random.next() * 1000 },
  lastGoodHeaders: random.chance(50) ? random.next() : undefined,
  points: random.below(2001),
  pointsAt: random.next(),
  segment: random.chance(50) ? random.next() : undefined,
  askedAt: random.chance(50) ? random.next() : undefined,
  source: random.pick([
    AddressSource.user,
    AddressSource.seed("seed.example"),
    AddressSource.peer(Books.address("[2a01::1]:1"))
  ])
})

const makeAddresses = (random: Random): Made => {
  const snapshot = {
    key: random.bytes(32),
    entries: Array.from({ length: random.below(6) }, () => randomEntry(random))
  }
  const bytes = AddressFile.encode(snapshot, { network, hash256 })
  return {
    bytes,
    verify: () => equal(AddressFile.decode(bytes, { network, hash256 }), Result.succeed(snapshot), "the snapshot")
  }
}

export const addressFile: Decoder = {
  kind: "decoder",
  name: "address-file",
  weight: 0.4,
  seeds: [],
  make: makeAddresses,
  borders: (input) =>
    Borders.ofCut(input.subarray(0, -checksumSize), (beginning) => {
      const decoded = AddressFile.decode(sum(concat([beginning, new Uint8Array(32)])), { network, hash256 })
      return Result.isFailure(decoded) ? decoded.failure.offset : undefined
    }),
  repair: sum,
  run: runAddresses
}

const path = "/data/headers"
const mined = new MinedChain(ChainParams.regtest).mine(12)
const other = mined.fork(8).mine(6, { salt: 3 })

/** A file of headers and, from the place on that the first byte tells, the one that replaces its end. */
const filesOf = (input: Uint8Array): readonly [file: Uint8Array, rewrite: Uint8Array] => {
  const end = Math.min(input.length, 1 + 5 * (input[0] ?? 0))
  return [input.subarray(1, end), input.subarray(end)]
}

const storedIn = (file: Uint8Array, rewrite: Uint8Array): Uint8Array =>
  concat([Uint8Array.of(Math.ceil(file.length / 5)), file, rewrite])

const openChain = (disk: Disks.Disk) =>
  HeaderChain.HeaderChain.use((chain) => chain.tip).pipe(
    Effect.provide(
      HeaderChain.layerFile({ path, params: ChainParams.regtest }).pipe(
        Layer.provide([NodeHash256.layer, Disks.mount(disk).layer])
      )
    )
  )

const runStore = async (input: Uint8Array): Promise<string> => {
  const [file, rewrite] = filesOf(input)
  const disk = new Disks.Disk([[path, file], ...(rewrite.length > 0 ? [[`${path}.rewrite`, rewrite] as const] : [])])
  const before = disk.copy()
  const opened = await Effect.runPromise(Effect.result(openChain(disk)))
  if (Result.isFailure(opened)) {
    const { failure } = opened
    refusalOf(failure)
    isTrue(failure._tag === "HeaderStoreError", "the error is that of the store")
    // A rewrite that was begun is carried out before what it continues is looked at.
    if (rewrite.length === 0) equal(disk.files, before.files, "nothing is overwritten")
    return failure._tag === "HeaderStoreError" ? failure.reason._tag : failure._tag
  }
  equal((await Effect.runPromise(openChain(disk))).height, opened.success.height, "the same when it is opened again")
  isTrue(disk.read(path).length >= 80 * (opened.success.height + 1), "the file holds the chain")
  return opened.success.height === 0 ? "genesis" : rewrite.length > 0 ? "rewritten" : "chain"
}

const rewriteOf = (height: number, headers: Uint8Array) => Rewrite.encode({ height, headers }, hash256)

/** Files of which most are right: a chain, something behind it, and a rewrite that may not fit. */
const oddFiles = (random: Random): Uint8Array => {
  const height = random.below(13)
  const tail = random.pick([new Uint8Array(0), random.bytes(random.below(100)), new Uint8Array(random.below(300))])
  // A file begins at every fifth byte of an input.
  const file = concat([random.pick([mined, other]).packed(0, height), tail])
  const whole = file.subarray(0, file.length - file.length % 5)
  const from = random.pick([9, 9, random.below(14)])
  const rewrite = rewriteOf(random.chance(90) ? from : random.next(), random.pick([mined, other, other]).packed(from))
  return storedIn(whole, random.chance(60) ? rewrite : new Uint8Array(0))
}

export const headerStore: Decoder = {
  kind: "decoder",
  name: "header-store",
  weight: 0.1,
  seeds: [
    storedIn(mined.packed(0), new Uint8Array(0)),
    storedIn(mined.packed(0), rewriteOf(9, other.packed(9))),
    storedIn(mined.packed(0, 8), rewriteOf(9, other.packed(9))),
    storedIn(concat([mined.packed(0, 8), other.packed(9, 10)]), rewriteOf(9, other.packed(9))),
    storedIn(concat([mined.packed(0, 8), new Uint8Array(120)]), new Uint8Array(0))
  ],
  odd: oddFiles,
  borders: (input) => Array.from({ length: Math.floor(input.length / 40) }, (_, i) => 1 + 40 * i),
  repair: (input) => filesOf(input)[1].length < 100 ? input : sum(input),
  run: runStore
}

const runCookie = (input: Uint8Array): string => {
  const file = LoginCookie.fromFile(input)
  const message = Message.make({ serviceId: LoginCookie.serviceId, messageId: LoginCookie.messageId, body: input })
  const read = LoginCookie.read(message)
  for (const cookie of [file, read]) {
    if (Result.isFailure(cookie)) {
      refusalOf(cookie.failure)
      continue
    }
    const text = Redacted.value(cookie.success)
    isTrue(text.length > 0 && text.length <= LoginCookie.maxSize && !/[\r\n]/.test(text), "a cookie is a line")
    isTrue(!String(cookie.success).includes(text) || text.length < 12, "a cookie is not shown")
    const sent = valueOf(LoginCookie.encode(cookie.success), "a cookie that was read can be sent")
    isTrue(LoginCookie.equals(cookie.success, valueOf(LoginCookie.read(sent), "and read again")), "and is the same")
  }
  const of = (cookie: typeof file) => Result.isSuccess(cookie) ? "cookie" : cookie.failure.problem
  return `file ${of(file)}`
}

const makeCookie = (random: Random): Made => {
  const cookie = LoginCookie.fromRandomBytes(random.bytes(32))
  if (random.chance(50)) return { bytes: new TextEncoder().encode(`${Redacted.value(cookie)}\n`) }
  return { bytes: valueOf(LoginCookie.encode(cookie), "a cookie that can be sent").body }
}

export const loginCookie: Decoder = {
  kind: "decoder",
  name: "login-cookie",
  seeds: [],
  make: makeCookie,
  borders: Borders.ofTagged,
  run: runCookie
}
