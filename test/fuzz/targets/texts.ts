/**
 * Texts that people, files and other programs give: end points, addresses, hashes, names.
 */
import { encodeCashAddressFormat } from "@bitauth/libauth"
import { Option, Result } from "effect"
import * as EndPoint from "../../../src/domain/EndPoint.ts"
import * as HubAddress from "../../../src/domain/hub/HubAddress.ts"
import * as Network from "../../../src/domain/Network.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as PeerGroup from "../../../src/domain/PeerGroup.ts"
import { concat, type Random } from "../../utils/native.ts"
import { behind, equal, isTrue, refusalOf, valueOf } from "../harness/expect.ts"
import type { Decoder, Made } from "../harness/target.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()

type Reader = (text: string) => string

const endPoint: Reader = (text) => {
  const read = EndPoint.fromInput(text)
  if (Result.isFailure(read)) {
    refusalOf(read.failure)
    return "refused"
  }
  const formatted = EndPoint.format(read.success)
  equal(EndPoint.format(valueOf(EndPoint.fromInput(formatted), "an end point reads itself")), formatted, "an end point")
  return "end point"
}

const cashAddress: Reader = (text) => {
  let told = "refused"
  for (const network of Object.values(Network.networks)) {
    const read = HubAddress.fromCashAddress(text, network)
    if (Result.isFailure(read)) {
      refusalOf(read.failure)
      continue
    }
    told = "address"
    equal(HubAddress.toBytes(read.success).length, 20, "the length of an address")
    const again = HubAddress.fromCashAddress(HubAddress.toCashAddress(read.success, network), network)
    equal(again, read, "an address, written and read again")
    HubAddress.toScriptHash(read.success)
  }
  return told
}

const hash: Reader = (text) => {
  const read = HashHex.parse(text)
  if (read === undefined) return "refused"
  equal(HashHex.format(read), text.toLowerCase(), "a hash, written again")
  return "hash"
}

const group: Reader = (text) => {
  const read = PeerGroup.fromKey(text)
  if (Option.isNone(read)) return "refused"
  const key = PeerGroup.key(read.value)
  equal(PeerGroup.fromKey(key), read, "a group, written and read again")
  isTrue(PeerGroup.format(read.value).length > 0, "a group has a name")
  PeerGroup.covering(read.value)
  return "group"
}

const name: Reader = (text) => {
  const network = Network.fromName(text)
  isTrue(network === undefined || network.name === text, "a network has its name")
  return network === undefined ? "refused" : "network"
}

interface Way {
  readonly read: Reader
  readonly samples: ReadonlyArray<string>
}

const ways: ReadonlyArray<Way> = [
  {
    read: endPoint,
    samples: [
      "127.0.0.1:1235",
      "[::1]:8333",
      "[fe80::1%eth0]:1",
      "hub.example.org:0",
      "unix:/tmp/hub.sock",
      "unix:///tmp/x",
      "[::ffff:1.2.3.4]:65535",
      "xn--bcher-kva.example:80",
      "bücher.example:80"
    ]
  },
  {
    read: cashAddress,
    samples: [
      "bchreg:qrpdgt42jz8qjqpf8dc24w807xs4pddp5cstrq4fpn",
      "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
      "BITCOINCASH:QPM2QSZNHKS23Z7629MMS6S4CWEF74VCWVY22GDX6A",
      "bitcoincash:ppm2qsznhks23z7629mms6s4cwef74vcwvn0h829pq"
    ]
  },
  { read: hash, samples: ["00".repeat(32), "0f9188F13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"] },
  { read: group, samples: ["1.2.3.4/32", "10.0.0.0/8", "2001:db8::/64", "unix:/tmp/x", "::ffff:0:0/96"] },
  { read: name, samples: [...Object.keys(Network.networks), "constructor", "__proto__"] }
]

/** The same text in bytes, and as they are read back. */
const run = (input: Uint8Array): string => {
  if (input.length === 0) return "nothing"
  const choice = input[0]! % ways.length
  return `${choice} ${ways[choice]!.read(decoder.decode(input.subarray(1)))}`
}

/** A right CashAddr text of any type and length of payload. */
const cashOf = (random: Random): string => {
  const prefix = random.pick(["bitcoincash", "bchtest", "bchreg", "other"])
  const length = random.pick([20, 20, 24, 28, 32, 40, 48, 56, 64, 0, 1, 19, 21])
  const size = [20, 24, 28, 32, 40, 48, 56, 64].indexOf(length)
  const version = (random.pick([0, 0, 0, 1, 2, 3, 15]) << 3) | (size < 0 ? 0 : size)
  const { address } = encodeCashAddressFormat({
    payload: random.bytes(length),
    prefix,
    version: random.chance(90) ? version : random.below(128)
  })
  return random.chance(20) ? address.slice(address.indexOf(":") + 1) : address
}

const hostOf = (random: Random): string =>
  random.pick([
    () => Array.from({ length: 4 }, () => random.below(260)).join("."),
    () => `[${Array.from({ length: random.between(1, 9) }, () => random.below(65_536).toString(16)).join(":")}]`,
    () => `[::${random.below(65_536).toString(16)}]`,
    () => `${"a".repeat(random.below(70))}.${random.pick(["example", "", "-", "ä", "%00"])}`
  ])()

const make = (random: Random): Made => {
  const choice = random.below(ways.length)
  const text = choice === 1 && random.chance(70)
    ? cashOf(random)
    : choice === 0 && random.chance(70)
    ? `${hostOf(random)}:${random.pick([0, 1, 65_535, 65_536, -1, 1.5, random.below(70_000)])}`
    : choice === 3 && random.chance(70)
    ? `${hostOf(random).replace(/[[\]]/g, "")}/${random.pick([0, 8, 32, 33, 64, 128, 129, -1])}`
    : random.pick(ways[choice]!.samples)
  return { bytes: behind(choice, encoder.encode(text)) }
}

export const texts: Decoder = {
  kind: "decoder",
  name: "texts",
  seeds: ways.flatMap(({ samples }, choice) => samples.map((text) => behind(choice, encoder.encode(text)))),
  make,
  odd: (random) =>
    concat([
      Uint8Array.of(random.below(ways.length)),
      encoder.encode(
        Array.from(
          { length: random.below(12) },
          () =>
            random.pick([
              ":",
              "/",
              "[",
              "]",
              ".",
              "0",
              "1",
              "65535",
              "unix:",
              "//",
              "%",
              "\0",
              " ",
              "a",
              "é",
              "::",
              "-"
            ])
        ).join("")
      )
    ]),
  longest: 400,
  run
}
