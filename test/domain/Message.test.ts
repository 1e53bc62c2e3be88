import { assert, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import { inspect } from "node:util"
import * as Header from "../../src/domain/Header.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Slab from "../../src/domain/Slab.ts"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"
import { patternBody } from "../utils/native.ts"

const received = (length: number, header = Header.empty) => {
  const slab = Slab.make(new Uint8Array(10_000))
  slab.bytes.set(patternBody(length), 100)
  return { slab, message: Message.fromSlab(4, 7, header, slab, 100, 100 + length) }
}

/** What a reader does when all are done with the content of a slab. */
const useAgain = (slab: Slab.Slab) => {
  slab.generation += 1
  slab.bytes.fill(0xee)
}

const lostBody = /The body of message 4\/7 was asked for after its handler had ended.*Message\.keep/

describe("Message", () => {
  describe("made by an application", () => {
    it("has no message id, no header values and no body by default", () => {
      const message = Message.make({ serviceId: 4 })
      assert.strictEqual(message.serviceId, 4)
      assert.strictEqual(message.messageId, Message.noMessageId)
      assert.strictEqual(message.header, Header.empty)
      assert.strictEqual(message.bodyLength, 0)
      assert.strictEqual(message.body.length, 0)
      assert.strictEqual(message.encodedHeader, undefined)
      assert.isTrue(Message.isMessage(message))
      assert.isFalse(Message.isMessage({ serviceId: 4 }))
    })

    it("takes header values by tag, or a ready header", () => {
      const header = Header.make({ 11: 5 })
      assert.strictEqual(Message.make({ serviceId: 1, header }).header, header)
      assert.deepStrictEqual(Message.make({ serviceId: 1, header: { 12: 6, 11: 5 } }).header.pairs, [11, 5, 12, 6])
    })

    it("shares the body that it was given, and borrows it", () => {
      const body = patternBody(10)
      const message = Message.make({ serviceId: 1, body })
      assert.strictEqual(message.body, body)
      assert.strictEqual(Message.borrow(message), body)
      assert.strictEqual(Message.keep(message), message)
      assert.strictEqual(message.bodyLength, 10)
    })

    it("carries an encoded header", () => {
      const encodedHeader = Uint8Array.of(8, 4, 4)
      const message = Message.makeEncoded({ encodedHeader, serviceId: 4 })
      assert.strictEqual(message.encodedHeader, encodedHeader)
      assert.strictEqual(message.messageId, -1)
      assert.strictEqual(message.bodyLength, 0)
    })
  })

  describe("reply", () => {
    const request = Message.make({ serviceId: 4, messageId: 8, header: { 10: 1, 11: 77, 12: -3, 300: 4 } })

    it("keeps the service, adds one to the message id and echoes the header values with tags over 10", () => {
      const reply = Message.reply(request)
      assert.strictEqual(reply.serviceId, 4)
      assert.strictEqual(reply.messageId, 9)
      assert.deepStrictEqual(reply.header.pairs, [11, 77, 12, -3, 300, 4])
      assert.strictEqual(reply.bodyLength, 0)
    })

    it("takes another message id, and a body", () => {
      const body = patternBody(3)
      const reply = Message.reply(request, { messageId: 0, body })
      assert.strictEqual(reply.messageId, 0)
      assert.strictEqual(reply.body, body)
    })

    it("answers a message without an id with message id 0", () => {
      assert.strictEqual(Message.reply(Message.make({ serviceId: 1 })).messageId, 0)
    })

    it("needs nothing of a request but its ids and header", () => {
      const { message, slab } = received(700, Header.make({ 11: 5 }))
      useAgain(slab)
      assert.deepStrictEqual(Message.reply(message).header.pairs, [11, 5])
      assert.isFalse(slab.exposed)
    })
  })

  it("gets a header value in a copy", () => {
    const message = Message.make({ serviceId: 1, messageId: 2, header: { 12: 6 }, body: patternBody(2) })
    const copy = Message.withHeader(message, 11, 5)
    assert.deepStrictEqual(copy.header.pairs, [11, 5, 12, 6])
    assert.deepStrictEqual(message.header.pairs, [12, 6])
    assert.strictEqual(copy.messageId, 2)
    assert.strictEqual(copy.body, message.body)
  })

  describe("received", () => {
    it("copies a body of up to 512 bytes and leaves its slab free", () => {
      const { message, slab } = received(Slab.copyLimit)
      const { body } = message
      assert.isFalse(slab.exposed)
      useAgain(slab)
      assert.deepStrictEqual(body, patternBody(512))
      assert.strictEqual(message.body, body)
      assert.strictEqual(Message.borrow(message), body)
    })

    it("shares a longer body and takes its slab out of use", () => {
      const { message, slab } = received(Slab.copyLimit + 1)
      assert.strictEqual(message.body.buffer, slab.bytes.buffer)
      assert.isTrue(slab.exposed)
      assert.deepStrictEqual(message.body, patternBody(513))
    })

    it("has an empty body that costs nothing", () => {
      const { message, slab } = received(0)
      assert.strictEqual(message.body.length, 0)
      assert.isFalse(slab.exposed)
    })

    it("says its length without being kept", () => {
      const { message, slab } = received(700)
      assert.strictEqual(message.bodyLength, 700)
      assert.isFalse(slab.exposed)
      useAgain(slab)
      assert.strictEqual(message.bodyLength, 700)
    })

    it("lends its body without a copy", () => {
      const { message, slab } = received(700)
      assert.deepStrictEqual(Message.borrow(message), patternBody(700))
      assert.strictEqual(Message.borrow(message).buffer, slab.bytes.buffer)
      assert.isFalse(slab.exposed)
    })

    it("explains why a body is gone, and never shows other bytes", () => {
      const { message, slab } = received(20)
      useAgain(slab)
      assert.throws(() => message.body, lostBody)
      assert.throws(() => Message.borrow(message), lostBody)
      assert.throws(() => Message.parser(message), lostBody)
      assert.throws(() => Message.keep(message), lostBody)
    })

    it("is safe once it was kept", () => {
      const { message, slab } = received(20)
      assert.strictEqual(Message.keep(message), message)
      useAgain(slab)
      assert.deepStrictEqual(message.body, patternBody(20))
      assert.deepStrictEqual(Message.borrow(message), patternBody(20))
    })

    it("does not keep the slab alive that it has its own copy of", () => {
      const { message, slab } = received(20)
      Message.keep(message)
      assert.isFalse(Object.values(message).includes(slab))
    })

    it("can be copied with another header value", () => {
      const { message, slab } = received(20)
      const copy = Message.withHeader(message, 11, 5)
      useAgain(slab)
      assert.deepStrictEqual(copy.body, patternBody(20))
    })

    it("gives a parser over its body, whose byte arrays may be kept", () => {
      const slab = Slab.make(new Uint8Array(2000))
      // Tag 1, bytes: 600 of them; tag 2: 5.
      slab.bytes.set([0x0b, 0x83, 0x58], 100)
      slab.bytes.fill(7, 103, 703)
      slab.bytes.set([0x10, 5], 703)
      const message = Message.fromSlab(4, 7, Header.empty, slab, 100, 705)
      const parser = Message.parser(message)
      assert.isTrue(parser.next())
      assert.strictEqual(parser.tag, 1)
      assert.deepStrictEqual(parser.bytes(), new Uint8Array(600).fill(7))
      assert.isTrue(slab.exposed)
      assert.isTrue(parser.next())
      assert.strictEqual(parser.int, 5)
      assert.isFalse(parser.next())
      const again = Message.parser(Message.keep(message))
      assert.isTrue(again.next())
      assert.strictEqual(again.type, TaggedParser.ValueType.Bytes)
    })
  })

  it("has a parser that refuses to work after its memory was used again", () => {
    const slab = Slab.make(new Uint8Array(100))
    slab.bytes.set([0x1a, 2, 0x68, 0x69, 0x10, 5], 10)
    const parser = Message.parser(Message.fromSlab(4, 7, Header.empty, slab, 10, 16))
    assert.isTrue(parser.next())
    useAgain(slab)
    assert.throws(() => parser.next(), /used after the handler of its message had ended/)
    assert.throws(() => parser.utf8(), /used after the handler of its message had ended/)
  })

  it("shows what it is, without its bytes", () => {
    const json = { _id: "Message", serviceId: 4, messageId: 7, header: { 11: 5 }, bodyLength: 20 }
    const { message } = received(20, Header.make({ 11: 5 }))
    assert.deepStrictEqual(JSON.parse(JSON.stringify(message)), json)
    const made = Message.make({ serviceId: 4, messageId: 7, header: { 11: 5 }, body: patternBody(20) })
    assert.deepStrictEqual(JSON.parse(JSON.stringify(made)), json)
    // Causes and errors show the values within them in a way of their own.
    for (const shown of [message, made].map((value) => `${String(Cause.fail(value))} ${inspect(Cause.die(value))}`)) {
      assert.include(shown, `"bodyLength":20`)
      assert.notInclude(shown, "Uint8Array")
      assert.notInclude(shown, "slab")
    }
  })
})
