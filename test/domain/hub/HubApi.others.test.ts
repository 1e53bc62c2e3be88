import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as HubApi from "../../../src/domain/hub/HubApi.ts"
import * as HubBlockChain from "../../../src/domain/hub/HubBlockChain.ts"
import * as HubLiveTransactions from "../../../src/domain/hub/HubLiveTransactions.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as Tagged from "../../../src/domain/Tagged.ts"
import type * as Wire from "../../../src/domain/Wire.ts"
import { type AnyCall, frames, repliesTo } from "../../utils/hubTrace.ts"
import { toHex } from "../../utils/native.ts"

const strangers = [
  Tagged.int(200, -5n),
  Tagged.text(30_000, "news"),
  Tagged.bytes(4_294_967_295, Uint8Array.of(1)),
  Tagged.bool(31, false),
  Tagged.double(201, 0.5)
]

const decodeValues = <A>(codec: Wire.Codec<A>, values: ReadonlyArray<Tagged.TaggedValue>): A =>
  Result.getOrThrow(codec.decode(Result.getOrThrow(Tagged.encode(values))))

describe("what other Hubs may say", () => {
  it("has tags that nobody knows here, anywhere", () => {
    for (const { label, meaning, message } of frames) {
      if (message === undefined || !("codec" in meaning)) continue
      const values = Result.getOrThrow(Tagged.decode(Message.borrow(message)))
      const known = Result.getOrThrow(meaning.codec.decode(message))
      for (let at = 0; at <= values.length; at++) {
        const more = [...values.slice(0, at), ...strangers, ...values.slice(at)]
        assert.deepStrictEqual(decodeValues(meaning.codec, more), known, `${label}, at ${at}`)
      }
    }
  })

  it.each(["getBlockChainInfo", "getBlockVerbose", "getMempoolInfo"])("has the fields of %s in any order", (name) => {
    const [body] = repliesTo(name)
    const values = Result.getOrThrow(Tagged.decode(body!))
    const { reply } = HubApi.group.members.find((member) => member.name === name) as AnyCall
    assert.deepStrictEqual(decodeValues(reply, values.toReversed()), Result.getOrThrow(reply.decode(body!)))
  })

  // No recorded Hub tells a fee.
  it("has the fee of a transaction at any place that is within none of its parts", () => {
    const id = Tagged.bytes(4, new Uint8Array(32).fill(7))
    const outputs = [Tagged.int(24, 0), Tagged.int(6, 50), Tagged.int(24, 1), Tagged.int(6, 60)]
    const fee = Tagged.int(53, 999)
    const input = [Tagged.bytes(20, new Uint8Array(32)), Tagged.int(21, 3), Tagged.bytes(22, new Uint8Array(1))]
    const parts = [[id], input, outputs]
    const { reply } = HubBlockChain.getTransaction
    const expected = decodeValues(reply, [...parts.flat(), fee])
    assert.strictEqual(expected.fee, 999n)
    assert.strictEqual(expected.outputs.length, 2)
    for (let at = 0; at < parts.length; at++) {
      const values = [...parts.slice(0, at).flat(), fee, ...parts.slice(at).flat()]
      assert.deepStrictEqual(decodeValues(reply, values), expected, `at ${at}`)
    }

    const seen = Tagged.int(28, 5)
    const hits = HubLiveTransactions.searchMempool.reply
    const proof = Tagged.bytes(27, new Uint8Array(32))
    const [before] = decodeValues(hits, [id, seen, fee, ...outputs, proof, Tagged.separator])
    for (
      const values of [[id, seen, ...outputs, fee, proof], [id, seen, ...outputs, proof, fee], [
        fee,
        id,
        seen,
        ...outputs,
        proof
      ]]
    ) {
      assert.deepStrictEqual(
        decodeValues(hits, [...values, Tagged.separator]),
        [before!],
        toHex(Result.getOrThrow(Tagged.encode(values)))
      )
    }
  })
})
