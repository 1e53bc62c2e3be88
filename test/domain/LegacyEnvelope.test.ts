import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Schema } from "effect"
import * as Fs from "node:fs"
import * as Header from "../../src/domain/Header.ts"
import * as LegacyCommand from "../../src/domain/LegacyCommand.ts"
import * as LegacyEnvelope from "../../src/domain/LegacyEnvelope.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Network from "../../src/domain/Network.ts"
import type * as SendRefusal from "../../src/domain/SendRefusal.ts"
import * as WriteBatch from "../../src/domain/WriteBatch.ts"
import * as Legacy from "../utils/legacy.ts"

const { envelope } = Legacy

const commands = Object.keys(LegacyCommand.Id) as Array<LegacyCommand.Command>

const wholeFrom = (minimum: number, maximum: number): Arbitrary.Arbitrary<number> =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

interface Case {
  readonly name: string
  readonly envelope: string
  readonly magic: string
  readonly command: LegacyCommand.Command
  readonly bodyLength: number
  readonly hex: string
}

const cases = (JSON.parse(
  Fs.readFileSync(new URL("../vectors/envelope.json", import.meta.url), "utf8")
) as { readonly cases: ReadonlyArray<Case> }).cases.filter((one) => one.envelope === "legacy")

const bodyOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + 3) & 255)

describe("LegacyEnvelope, golden bytes", () => {
  it("writes and reads them", () => {
    assert.strictEqual(cases.length, 2)
    for (const { bodyLength, command, hex, magic, name } of cases) {
      const using = LegacyEnvelope.make({ magic: Legacy.fromHex(magic), hash256: Legacy.hash256 })
      const message = LegacyEnvelope.message(command, bodyOf(bodyLength))
      assert.strictEqual(Legacy.toHex(Legacy.encode(message, using)), hex, name)
      assert.strictEqual(using.wireSize(message), hex.length / 2, name)
      const { failure, messages } = Legacy.decode([Legacy.fromHex(hex)], using)
      assert.isUndefined(failure)
      assert.strictEqual(messages.length, 1)
      assert.strictEqual(LegacyEnvelope.commandOf(messages[0]!), command)
      assert.strictEqual(messages[0]!.serviceId, 0x1000)
      assert.deepStrictEqual(messages[0]!.body, bodyOf(bodyLength))
    }
  })
})

describe.each(["p2p-regtest", "p2p-regtest-wallet"])("LegacyEnvelope, the conversation %s", (name) => {
  const recorded = Legacy.trace(name).messages
  const all = Legacy.concat(...recorded.map(({ hex }) => Legacy.fromHex(hex)))
  const expected = recorded.map(({ command, hex }) => `${command} ${hex.slice(48)}`)

  it("decodes each message and encodes it to the same bytes", () => {
    assert.isAbove(recorded.length, 20)
    for (const { command, hex } of recorded) {
      const { failure, messages } = Legacy.decode([Legacy.fromHex(hex)])
      assert.isUndefined(failure)
      assert.strictEqual(messages.length, 1)
      assert.strictEqual(LegacyEnvelope.commandOf(messages[0]!), command)
      assert.isUndefined(envelope.check(messages[0]!, "normal"))
      assert.strictEqual(Legacy.toHex(Legacy.encode(messages[0]!)), hex)
    }
  })

  it("decodes it byte by byte", () => {
    const bytes = Array.from(all, (byte) => Uint8Array.of(byte))
    assert.deepStrictEqual(Legacy.show(Legacy.decode(bytes)), { messages: expected, failure: undefined })
  })

  it("decodes it at any split", () => {
    const seed = 4711
    const random = Legacy.makeRandom(seed)
    for (let i = 0; i < 300; i++) {
      const decoded = Legacy.decode(Legacy.cutRandomly(all, random))
      assert.deepStrictEqual(Legacy.show(decoded), { messages: expected, failure: undefined }, `seed ${seed}, run ${i}`)
    }
  })
})

describe("LegacyEnvelope.check", () => {
  const refusal = (message: Message.Message, priority: Message.Priority = "normal", using = envelope) =>
    using.check(message, priority)
  const reason = (refused: SendRefusal.SendRefusal | undefined) =>
    refused === undefined ? undefined : `${refused.problem} ${refused.value}`

  it("takes every command", () => {
    for (const command of commands) {
      assert.isUndefined(refusal(LegacyEnvelope.message(command, new Uint8Array(5))))
      assert.isUndefined(refusal(LegacyEnvelope.message(command), "high"))
    }
  })

  it("refuses other services", () => {
    for (const serviceId of [0, 1, 126, 4095, 4097, -1, NaN]) {
      assert.strictEqual(reason(refusal(Message.make({ serviceId, messageId: 1 }))), `NotLegacyService ${serviceId}`)
    }
  })

  it("refuses message ids that stand for no command", () => {
    for (const messageId of [-1, 0, 41, 1.5, 2 ** 31]) {
      const message = Message.make({ serviceId: 0x1000, messageId })
      assert.strictEqual(reason(refusal(message)), `UnknownCommand ${messageId}`)
    }
  })

  it("refuses header values, which no packet could carry", () => {
    const header = Header.make({ 11: 5, 233: 7 })
    assert.strictEqual(reason(refusal(Message.make({ serviceId: 0x1000, messageId: 1, header }))), "HeaderNotCarried 2")
    const encoded = Message.makeEncoded({ encodedHeader: Uint8Array.of(8, 1, 4), serviceId: 0x1000, messageId: 1 })
    assert.strictEqual(reason(refusal(encoded)), "HeaderNotCarried 3")
  })

  it("refuses bodies over the limit", () => {
    const using = LegacyEnvelope.make({ magic: Legacy.regtest, hash256: Legacy.hash256, maxBodySize: 100 })
    assert.isUndefined(refusal(LegacyEnvelope.message("tx", new Uint8Array(100)), "normal", using))
    const refused = refusal(LegacyEnvelope.message("tx", new Uint8Array(101)), "normal", using)
    assert.strictEqual(reason(refused), "BodyTooLong 101")
    assert.isUndefined(refusal(LegacyEnvelope.message("block", new Uint8Array(32_000_000))))
    assert.strictEqual(
      reason(refusal(LegacyEnvelope.message("block", new Uint8Array(32_000_001)))),
      "BodyTooLong 32000001"
    )
  })

  it("refuses long messages of high priority, which would hold others up", () => {
    assert.isUndefined(refusal(LegacyEnvelope.message("tx", new Uint8Array(8000)), "high"))
    const refused = refusal(LegacyEnvelope.message("tx", new Uint8Array(8001)), "high")
    assert.strictEqual(reason(refused), "HighPriorityTooLong 8001")
  })
})

describe("LegacyEnvelope.write", () => {
  const counting = () => {
    const hashed: Array<number> = []
    const hash256 = (bytes: Uint8Array) => {
      hashed.push(bytes.length)
      return Legacy.hash256(bytes)
    }
    return { hashed, using: LegacyEnvelope.make({ magic: Legacy.regtest, hash256 }) }
  }

  it("sends 32 MB in bounded batches, copies none of it and hashes it once", () => {
    const { hashed, using } = counting()
    const body = new Uint8Array(32_000_000)
    for (let i = 0; i < body.length; i += 997) body[i] = i
    const message = LegacyEnvelope.message("block", body)
    const batch = WriteBatch.make({ limit: 250_000, capacity: 4096 })
    let offset = 0
    let batches = 0
    const digest: Array<Uint8Array> = []
    do {
      const next = using.write(message, offset, batch)
      assert.isAbove(next, offset)
      assert.isAtMost(batch.size, 250_000)
      const parts = batch.finish()
      for (const part of parts) if (part.length > 24) assert.strictEqual(part.buffer, body.buffer)
      digest.push(...parts.map((part) => part.slice()))
      batch.clear()
      offset = next
      batches += 1
    } while (offset < body.length)
    assert.strictEqual(batches, Math.ceil((body.length + 24) / 250_000))
    assert.deepStrictEqual(hashed, [32_000_000])
    const { failure, messages } = Legacy.decode(digest)
    assert.isUndefined(failure)
    assert.strictEqual(Buffer.compare(messages[0]!.body, body), 0)
  })

  it("completes a message without a body at once, and hashes nothing", () => {
    const { hashed, using } = counting()
    const batch = WriteBatch.make({ limit: 1 })
    assert.strictEqual(using.write(LegacyEnvelope.message("verack"), 0, batch), 0)
    assert.strictEqual(
      Legacy.toHex(Legacy.concat(...batch.finish())),
      "dab5bffa76657261636b000000000000000000005df6e0e2"
    )
    assert.deepStrictEqual(hashed, [])
  })

  it("completes a message of high priority in one write, however full the batch is", () => {
    const batch = WriteBatch.make({ limit: 10 })
    batch.append(new Uint8Array(50))
    const message = LegacyEnvelope.message("tx", bodyOf(8000))
    assert.strictEqual(envelope.write(message, 0, batch), 8000)
    assert.deepStrictEqual(
      Legacy.concat(...batch.finish()).subarray(50),
      Legacy.packet({ command: "tx", body: bodyOf(8000) })
    )
  })

  it("starts over when it is told to", () => {
    const message = LegacyEnvelope.message("block", bodyOf(30_000))
    const batch = WriteBatch.make({ limit: 10_000 })
    const reached = envelope.write(message, 0, batch)
    assert.isBelow(reached, 30_000)
    assert.deepStrictEqual(Legacy.encode(message), Legacy.packet({ command: "block", body: bodyOf(30_000) }))
  })

  it("writes small messages behind each other into one batch", () => {
    const batch = WriteBatch.make({ limit: 1000 })
    envelope.write(LegacyEnvelope.message("ping", bodyOf(8)), 0, batch)
    envelope.write(LegacyEnvelope.message("verack"), 0, batch)
    envelope.write(LegacyEnvelope.message("dsproof-beta", bodyOf(300)), 0, batch)
    const parts = batch.finish()
    assert.strictEqual(parts.length, 1)
    const expected = [
      Legacy.packet({ command: "ping", body: bodyOf(8) }),
      Legacy.packet({ command: "verack" }),
      Legacy.packet({ command: "dsproof-beta", body: bodyOf(300) })
    ]
    assert.deepStrictEqual(parts[0], Legacy.concat(...expected))
  })

  it.prop(
    "loses no message to the size of batches or the splits of the input",
    [wholeFrom(0, commands.length - 1), wholeFrom(0, 40_000), wholeFrom(1, 30_000), wholeFrom(0, 2 ** 31 - 1)],
    ([command, bodyLength, limit, seed]) => {
      const random = Legacy.makeRandom(seed)
      const message = LegacyEnvelope.message(commands[command]!, random.bytes(bodyLength))
      const batches = Legacy.writeAll(message, limit)
      const bytes = Legacy.concat(...batches)
      for (const batch of batches) assert.isAtMost(batch.length, Math.max(limit, 8000) + 24)
      assert.strictEqual(bytes.length, envelope.wireSize(message))
      const { failure, messages } = Legacy.decode(Legacy.cutRandomly(bytes, random))
      assert.isUndefined(failure)
      assert.strictEqual(messages.length, 1)
      assert.strictEqual(messages[0]!.messageId, message.messageId)
      assert.deepStrictEqual(messages[0]!.body, message.body)
    },
    { arbitrary: { runs: 500 } }
  )
})

describe("LegacyEnvelope", () => {
  it("has no heartbeat of its own", () => {
    assert.strictEqual(envelope.name, "legacy")
    assert.isFalse(envelope.heartbeat)
    assert.strictEqual(envelope.ping.length + envelope.pong.length, 0)
  })

  it("keeps its magic, whatever becomes of the memory it was given in", () => {
    const magic = Network.mainnet.magic.slice()
    const using = LegacyEnvelope.make({ magic, hash256: Legacy.hash256 })
    magic.fill(0)
    assert.strictEqual(Legacy.toHex(Legacy.encode(LegacyEnvelope.message("ping"), using)).slice(0, 8), "e3e1f3e8")
  })

  it("tells the command of its own messages only", () => {
    assert.strictEqual(LegacyEnvelope.commandOf(LegacyEnvelope.message("inv")), "inv")
    assert.isUndefined(LegacyEnvelope.commandOf(Message.make({ serviceId: 1, messageId: LegacyCommand.Id.inv })))
    assert.isUndefined(LegacyEnvelope.commandOf(Message.make({ serviceId: 0x1000, messageId: 999 })))
  })
})
