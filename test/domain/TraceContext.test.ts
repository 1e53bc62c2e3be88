import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Schema } from "effect"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as TraceContext from "../../src/domain/TraceContext.ts"
import { encode, receive, whole } from "../utils/native.ts"

const context: TraceContext.TraceContext = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  sampled: true
}

const hexOf = (length: number) => Schema.String.check(Schema.isPattern(new RegExp(`^[0-9a-f]{${length}}$`)))

describe("a trace context", () => {
  it("lies in seven values of seven digits", () => {
    const header = TraceContext.toHeader(context, Header.make({ 12: 5, 40: -1 }))
    assert.deepStrictEqual(
      Header.entries(header),
      [
        [12, 5],
        [24, 0x0af7651],
        [25, 0x916cd43],
        [26, 0xdd8448e],
        [27, 0xb211c80],
        [28, 0x319cb7a],
        [29, 0xd6b7169],
        [30, 0x2033311],
        [40, -1]
      ]
    )
  })

  it.prop(
    "comes back from a packet as it was",
    [hexOf(32), hexOf(16), Schema.Boolean],
    ([traceId, spanId, sampled]) => {
      const isValid = !/^0+$/.test(traceId) && !/^0+$/.test(spanId)
      const header = TraceContext.toHeader({ traceId, spanId, sampled }, Header.empty)
      const { messages } = receive(encode(Message.make({ serviceId: 7, header })), whole, { keep: true })
      assert.deepStrictEqual(
        TraceContext.fromHeader(messages[0]!.header),
        isValid ? { traceId, spanId, sampled } : undefined
      )
    }
  )

  it("takes at most 35 bytes", () => {
    const largest = { traceId: "f".repeat(32), spanId: "f".repeat(16), sampled: true }
    const plain = Message.make({ serviceId: 7, messageId: 1 })
    const carrying = Message.make({ serviceId: 7, messageId: 1, header: TraceContext.toHeader(largest, Header.empty) })
    assert.strictEqual(encode(carrying).length - encode(plain).length, 35)
  })

  it("takes the place of another", () => {
    const first = TraceContext.toHeader(context, Header.empty)
    const other = { ...context, spanId: "0000000000000001", sampled: false }
    const header = TraceContext.toHeader(other, first)
    assert.strictEqual(Header.size(header), TraceContext.tagCount)
    assert.deepStrictEqual(TraceContext.fromHeader(header), other)
  })

  it("of another form is not carried", () => {
    for (
      const foreign of [
        { ...context, traceId: "" },
        { ...context, traceId: "0".repeat(32) },
        { ...context, traceId: context.traceId.toUpperCase() },
        { ...context, traceId: `${context.traceId}0` },
        { ...context, spanId: "0".repeat(16) },
        { ...context, spanId: "noop" }
      ]
    ) {
      assert.strictEqual(TraceContext.toHeader(foreign, Header.empty), Header.empty)
    }
  })
})

describe("a foreign header", () => {
  const values = Header.entries(TraceContext.toHeader(context, Header.empty))

  it("that lacks a value carries none", () => {
    for (let missing = 0; missing < values.length; missing++) {
      const rest = Object.fromEntries(values.filter((_, i) => i !== missing))
      assert.isUndefined(TraceContext.fromHeader(Header.make({ ...rest, 50: 1 })))
    }
  })

  it("with a value out of range carries none", () => {
    for (const [tag] of values) {
      for (const value of [-1, 0x10000000, 0x7fffffff, -0x7fffffff]) {
        assert.isUndefined(TraceContext.fromHeader(Header.make({ ...Object.fromEntries(values), [tag]: value })))
      }
    }
  })

  it("of zeros carries none, and of unknown flags only what is known", () => {
    const zeros = Object.fromEntries(Arr.makeBy(7, (i) => [24 + i, 0]))
    assert.isUndefined(TraceContext.fromHeader(Header.make(zeros)))
    const flagged = Header.set(Header.make(Object.fromEntries(values)), 30, 0x203331e)
    assert.strictEqual(TraceContext.fromHeader(flagged)?.sampled, false)
  })

  it.prop(
    "never throws",
    [Schema.Array(Schema.Tuple([Schema.Int.check(Schema.isBetween({ minimum: 20, maximum: 34 })), Schema.Int]))],
    ([pairs]) => {
      const found = TraceContext.fromHeader(Header.make(Object.fromEntries(pairs)))
      if (found !== undefined) assert.match(found.traceId + found.spanId, /^[0-9a-f]{48}$/)
    }
  )
})
