import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Tagged from "../../src/domain/Tagged.ts"
import * as Native from "../utils/native.ts"

const request = Message.make({ serviceId: 4, messageId: 6, header: { 11: 3 } })

const failure = (body: Uint8Array) => CommandFailure.read(Message.make({ ...CommandFailure.address, body }))

const failureOf = (...values: ReadonlyArray<Tagged.TaggedValue>) => failure(Result.getOrThrow(Tagged.encode(values)))

const text = Tagged.text(20, "no")

describe("CommandFailure", () => {
  it("is read as it was written", () => {
    const { messageId, serviceId, text } = CommandFailure.read(CommandFailure.reply(request, "not today"))
    assert.deepStrictEqual({ messageId, serviceId, text }, { messageId: 6, serviceId: 4, text: "not today" })
  })

  it("is read without the ids of the request, and with some of them", () => {
    const alone = failureOf(text)
    assert.strictEqual(alone.message, "no")
    assert.isUndefined(alone.serviceId)
    assert.isUndefined(alone.messageId)
    assert.strictEqual(failureOf(text, Tagged.int(22, 5)).messageId, 5)
    assert.strictEqual(failureOf(Tagged.int(21, 2), Tagged.int(22, 5)).serviceId, 2)
  })

  it("keeps what can be read beside what cannot", () => {
    const { messageId, serviceId, text: said } = failureOf(
      Tagged.bool(20, true),
      Tagged.int(99, 1),
      text,
      Tagged.text(20, "another"),
      Tagged.text(21, "x"),
      Tagged.int(22, 2n ** 60n),
      Tagged.int(21, 7)
    )
    assert.deepStrictEqual({ messageId, serviceId, said }, { messageId: undefined, serviceId: 7, said: "no" })
    // Cut off behind its text.
    assert.strictEqual(failure(Native.fromHex("a2026e6fa8")).text, "no")
  })

  it("says so when it has no text", () => {
    assert.strictEqual(failure(new Uint8Array(0)).text, "failed, and no reason was given")
    assert.strictEqual(failureOf(Tagged.int(20, 5)).text, "failed, and no reason was given")
    assert.match(failure(Native.fromHex("0f")).text, /^failed, and the reason could not be read: .*type 7/)
  })
})
