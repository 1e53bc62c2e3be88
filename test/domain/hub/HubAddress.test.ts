import { decodeCashAddress, encodeCashAddress, encodeCashAddressFormat, hash160, sha256 } from "@bitauth/libauth"
import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as HubAddress from "../../../src/domain/hub/HubAddress.ts"
import * as HubHash from "../../../src/domain/hub/HubHash.ts"
import * as Network from "../../../src/domain/Network.ts"
import * as Tagged from "../../../src/domain/Tagged.ts"
import * as Wire from "../../../src/domain/Wire.ts"
import { first, second } from "../../utils/hubValues.ts"
import { fromHex, Random, seed, toHex } from "../../utils/native.ts"

const networks = Object.values(Network.networks)

describe("an address of the Hub API", () => {
  it("is text of its network, and comes back from it", () => {
    const random = new Random(seed)
    for (const network of networks) {
      for (let i = 0; i < 50; i++) {
        const hash = HubAddress.fromBytesUnsafe(random.bytes(20))
        const text = HubAddress.toCashAddress(hash, network)
        const decoded = decodeCashAddress(text)
        assert(typeof decoded !== "string")
        assert.strictEqual(toHex(decoded.payload), hash)
        const [prefix, rest] = text.split(":") as [string, string]
        for (const written of [text, rest, text.toUpperCase(), rest.toUpperCase()]) {
          assert.strictEqual(Result.getOrThrow(HubAddress.fromCashAddress(written, network)), hash, written)
        }
        for (const other of networks) {
          if (HubAddress.toCashAddress(hash, other).startsWith(`${prefix}:`)) continue
          assert.isTrue(Result.isFailure(HubAddress.fromCashAddress(text, other)), `${text} on ${other.name}`)
        }
      }
    }
  })

  it("says what is wrong with a text", () => {
    const payload = new Uint8Array(20)
    const script = encodeCashAddress({ payload, prefix: "bchreg", type: "p2sh" }).address
    const good = HubAddress.toCashAddress(first.miner, Network.regtest)
    const cases: ReadonlyArray<readonly [text: string, problem: string]> = [
      [script, "it is of type p2sh, and only p2pkh is understood"],
      [good.replace("bchreg", "bchtest"), "checksum"],
      [`${good.slice(0, -1)}${good.endsWith("q") ? "p" : "q"}`, "checksum"],
      [good.slice(0, 20), ""],
      [`${good.slice(0, 10)}Q${good.slice(11)}`, ""],
      [":", ""],
      ["", ""],
      ["bchreg:", ""],
      ["\u{1f512}", ""]
    ]
    for (const [text, problem] of cases) {
      const error = Result.getOrThrow(Result.flip(HubAddress.fromCashAddress(text, Network.regtest)))
      assert.strictEqual(error._tag, "BadAddress")
      assert.include(error.message.toLowerCase(), `"${text.toLowerCase()}" is no address: `)
      assert.include(error.message, problem)
    }
  })

  it("refuses a payload of another length than that of a public key hash, which CashAddr allows", () => {
    for (const length of [0, 19, 21, 24, 32, 64]) {
      const bits = Math.max(0, [20, 24, 28, 32, 40, 48, 56, 64].indexOf(length))
      const text = encodeCashAddressFormat({ payload: new Uint8Array(length), prefix: "bchreg", version: bits }).address
      const error = Result.getOrThrow(Result.flip(HubAddress.fromCashAddress(text, Network.regtest)))
      assert.strictEqual(error._tag, "BadAddress", text)
    }
  })

  it("never throws for any text", () => {
    const random = new Random(seed)
    const good = HubAddress.toCashAddress(first.miner, Network.regtest)
    for (let i = 0; i < 2000; i++) {
      const at = random.below(good.length)
      const text = good.slice(0, at) + String.fromCharCode(random.below(300)) + good.slice(at + random.below(3))
      const parsed = HubAddress.fromCashAddress(text, Network.regtest)
      if (Result.isSuccess(parsed)) assert.strictEqual(parsed.success, first.miner, `seed ${seed}: ${text}`)
    }
  })

  it("is text in a message too, where a schema says so", () => {
    for (const network of networks) {
      const codec = Wire.codec(Schema.Struct({ to: HubAddress.cashAddressFromBytes(network).pipe(Wire.tag(2)) }))
      const body = Result.getOrThrow(Tagged.encode([Tagged.bytes(2, HubAddress.toBytes(first.miner))]))
      const to = HubAddress.toCashAddress(first.miner, network)
      assert.deepStrictEqual(Result.getOrThrow(codec.decode(body)), { to })
      assert.deepStrictEqual(Result.getOrThrow(codec.encode({ to })), body)
      const short = Result.getOrThrow(Tagged.encode([Tagged.bytes(2, new Uint8Array(19))]))
      const decoding = Result.getOrThrow(Result.flip(codec.decode(short)))
      assert.include(decoding.message, "to (tag 2): expected an address of 20 bytes; found 19 bytes")
      const encoding = Result.getOrThrow(Result.flip(codec.encode({ to: `${to}q` })))
      assert.match(encoding.message, /to \(tag 2\): "\w+:\w+" is no address: .*checksum/)
    }
  })

  it("has the script that pays to it, and the hash of that, as a Hub has", () => {
    assert.strictEqual(HubAddress.toScriptHash(second.miner), second.minerScript)
    const script = HubAddress.toScript(second.miner)
    assert.strictEqual(toHex(script), `76a914${second.miner}88ac`)
    assert.strictEqual(HubHash.fromBytes(sha256.hash(script)), second.minerScript)
  })

  it("is the hash of a public key", () => {
    const key = fromHex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    const hash = HubAddress.fromBytesUnsafe(hash160(key))
    assert.strictEqual(hash, "751e76e8199196d454941c45d1b3a323f1433bd6")
    assert.strictEqual(
      HubAddress.toCashAddress(hash, Network.mainnet),
      "bitcoincash:qp63uahgrxged4z5jswyt5dn5v3lzsem6cy4spdc2h"
    )
    assert.deepStrictEqual(HubAddress.toBytes(hash), hash160(key))
    assert.throws(() => HubAddress.fromBytesUnsafe(key))
  })
})
