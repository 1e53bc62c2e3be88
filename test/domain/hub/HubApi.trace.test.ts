import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Message from "../../../src/domain/Message.ts"
import { type Frame, frames } from "../../utils/hubTrace.ts"
import * as Native from "../../utils/native.ts"

const count = (kind: Frame["meaning"]["kind"]): number => frames.filter(({ meaning }) => meaning.kind === kind).length

describe("the frames of recorded conversations with a Hub", () => {
  it("are all understood", () => {
    assert.deepStrictEqual({
      all: frames.length,
      request: count("request"),
      command: count("command"),
      reply: count("reply"),
      failure: count("failure"),
      notification: count("notification"),
      unsupported: count("unsupported"),
      ping: count("ping"),
      pong: count("pong")
    }, {
      all: 124,
      request: 51,
      command: 5,
      reply: 45,
      failure: 7,
      notification: 13,
      unsupported: 1,
      ping: 1,
      pong: 1
    })
  })

  it("answer every request but those without an answer", () => {
    assert.strictEqual(count("reply") + count("failure"), count("request") + count("unsupported"))
  })

  it.each(frames.map((frame, i) => [`${i} ${frame.label} (${frame.meaning.kind})`, frame] as const))(
    "%s",
    (_, { hex, meaning, message }) => {
      if (message === undefined) {
        assert.strictEqual(hex, Native.toHex(Native.envelope[meaning.kind as "ping" | "pong"]))
        return
      }
      let { body } = message
      if (meaning.kind === "unsupported") assert.strictEqual(body.length, 0)
      if ("codec" in meaning) {
        const value = Result.getOrThrow(meaning.codec.decode(message))
        body = Result.getOrThrow(meaning.codec.encode(value))
      }
      const { header, messageId, serviceId } = message
      assert.strictEqual(Native.toHex(Native.encode(Message.make({ serviceId, messageId, header, body }))), hex)
    }
  )
})
