import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import * as HubHash from "../../../src/domain/hub/HubHash.ts"
import * as Wire from "../../../src/domain/Wire.ts"
import { genesis, same } from "../../utils/hubValues.ts"
import { fromHex, toHex } from "../../utils/native.ts"

const internal = "06226e46111a0b59caaf126043eb5bbf28c34f3a5e332a1fc7b2b73cf188910f"

const codec = Wire.codec(Schema.Struct({ hash: HubHash.BlockHashFromBytes.pipe(Wire.tag(5)) }))

describe("a hash of the Hub API", () => {
  it("is shown reversed, and travels in internal order", () => {
    assert.strictEqual(HubHash.fromBytes(fromHex(internal)), genesis)
    assert.strictEqual(toHex(HubHash.toBytes(genesis)), internal)
    const body = Result.getOrThrow(codec.encode({ hash: genesis }))
    assert.strictEqual(toHex(body), `2b20${internal}`)
    assert.deepStrictEqual(Result.getOrThrow(codec.decode(body)), { hash: genesis })
  })

  it("is read from text in lower case only, so that one hash has one text", () => {
    const parse = Schema.decodeUnknownResult(HubHash.TxId)
    assert.isTrue(Result.isSuccess(parse(genesis)))
    for (const text of [genesis.toUpperCase(), genesis.slice(1), `${genesis}0`, `0x${genesis.slice(2)}`, "", 5, null]) {
      assert.isTrue(Result.isFailure(parse(text)), String(text))
    }
  })

  it("has 32 bytes, or is refused with its path and tag", () => {
    for (const length of [0, 31, 33]) {
      const body = new Uint8Array([0x2b, length, ...new Uint8Array(length)])
      const error = Result.getOrThrow(Result.flip(codec.decode(body)))
      assert.include(error.message, "hash (tag 5): expected a hash of 32 bytes")
    }
  })

  it("that may be malformed in a request stays as it came", () => {
    const lenient = Wire.codec(Schema.Struct({ ids: Schema.Array(HubHash.TxIdOrBytes).pipe(Wire.tag(4)) }))
    const ids = [HubHash.TxId.make(same("ab")), new Uint8Array(5), new Uint8Array(0)]
    const body = Result.getOrThrow(lenient.encode({ ids }))
    assert.deepStrictEqual(Result.getOrThrow(lenient.decode(body)), { ids })
    const wrong = lenient.encode({ ids: ["no hash" as HubHash.TxId] })
    assert.include(Result.getOrThrow(Result.flip(wrong)).message, "ids[0] (tag 4)")
  })

  it("is of a kind that no other is taken for", () => {
    const takesBlock = (_: HubHash.BlockHash): number => 1
    const transaction = HubHash.TxId.make(same("ab"))
    // @ts-expect-error the id of a transaction is no hash of a block
    assert.strictEqual(takesBlock(transaction), 1)
    // @ts-expect-error text is no hash
    assert.strictEqual(takesBlock(same("ab")), 1)
    // @ts-expect-error not even when it was a hash in a message of another kind
    assert.strictEqual(takesBlock(HubHash.ScriptHash.make(same("ab"))), 1)
    assert.strictEqual(takesBlock(genesis), 1)
  })
})
