import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Wire from "../../src/domain/Wire.ts"
import { type Recorded, recorded, schemas } from "../utils/hubBodies.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const decode = <K extends keyof typeof schemas>(key: K, body: Uint8Array): (typeof schemas)[K]["Type"] =>
  Result.getOrThrow(Wire.codec<(typeof schemas)[K]>(schemas[key]).decode(body))

const find = (key: Recorded["key"], label = ""): Uint8Array =>
  recorded.find((body) => body.key === key && body.label.includes(label))!.body

describe("the bodies of recorded conversations with a Hub", () => {
  it("are all there", () => {
    assert.strictEqual(recorded.length, 122)
    assert.deepStrictEqual(Object.keys(schemas).filter((key) => !recorded.some((body) => body.key === key)), [])
  })

  it.each(recorded.map((body, i) => ({ ...body, name: `${i} ${body.key} ${body.label}` })))(
    "$name",
    ({ body, key }) => {
      const codec = Wire.codec(schemas[key])
      const value = Result.getOrThrow(codec.decode(body))
      assert.strictEqual(hex(Result.getOrThrow(codec.encode(value as never))), hex(body))
    }
  )

  it("say what GetBlockChainInfo answers, whole doubles included", () => {
    const info = decode("1/1", find("1/1"))
    assert.deepStrictEqual({ ...info, work: hex(info.work) }, {
      chain: "regtest",
      blocks: 0,
      headers: 0,
      bestBlock: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
      difficulty: 4.656542373906925e-10,
      medianTime: 1_296_688_602,
      progress: 1,
      work: "00".repeat(32)
    })
  })

  it("say which transactions GetBlock answers, a coinbase without its previous output among them", () => {
    const { transactions } = decode("1/5", find("1/5", "filtered"))
    assert.deepStrictEqual(
      transactions.map((
        { inputs, offset, outputs }
      ) => [offset, inputs.map((input) => Object.keys(input)), outputs.length]),
      [[81, [["script"]], 1], [181, [["prevTxId", "prevIndex", "script"]], 2]]
    )
    assert.strictEqual(transactions[1].outputs[1].address, "bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd")
    assert.strictEqual(transactions[1].inputs[0].prevIndex, 0)
  })

  it("say the same of GetTransaction, without separators", () => {
    const { inputs, outputs } = decode("1/13", find("1/13", "inputs and outputs"))
    assert.deepStrictEqual(inputs.map((input) => input.prevIndex), [0])
    assert.deepStrictEqual(outputs.map((output) => [output.index, output.amount]), [[0, 4_899_999_000n], [
      1,
      100_000_000n
    ]])
  })

  it("say which transactions SearchMempool found", () => {
    const [hit] = decode("2/9", find("2/9", "amounts"))
    assert.deepStrictEqual(hit.matching, [0])
    assert.strictEqual(hit.firstSeen, 1_795_330_119)
    assert.deepStrictEqual(hit.outputs, [{ index: 0, amount: 4_899_999_000n }, { index: 1, amount: 100_000_000n }])
  })

  it("say what GetUnspentOutput answers for each output", () => {
    const body = find("2/7", "then by height")
    assert.deepStrictEqual(
      decode("2/7", body).map(({ amount, height, index, isUnspent, offset }) => [
        isUnspent,
        height,
        offset,
        index,
        amount
      ]),
      [[true, 5, 81, 0, 5_000_000_000n], [true, 5, 81, 0, 5_000_000_000n]]
    )
    assert.deepStrictEqual(decode("2/7", find("2/7", "unknown")), [{ isUnspent: false }])
  })

  it("say which blocks GenerateBlock made", () => {
    assert.deepStrictEqual(decode("4/1", find("4/1", "GenerateBlock 3")).map((hash) => hash.slice(-8)), [
      "0f7adb94",
      "75545e08",
      "b8b7d80c"
    ])
  })

  it("say nothing for a block that is not there", () => {
    assert.deepStrictEqual(decode("1/9", find("1/9", "beyond tip")), [])
    assert.strictEqual(decode("1/9", find("1/9", "by height 1"))[0].height, 1)
  })

  it("say what matched a subscription, in a block and out of one", () => {
    const notified = recorded.filter((body) => body.key === "17/3").map(({ body }) => decode("17/3", body))
    assert.deepStrictEqual(notified.map(({ matches }) => matches.map(({ amount, height }) => [amount, height])), [
      [[4_899_999_000n, undefined]],
      [[5_000_001_000n, 126]],
      [[4_899_999_000n, 126]]
    ])
  })
})
