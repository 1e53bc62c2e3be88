import { assert, describe, it } from "@effect/vitest"
import * as LegacyDecoder from "../../src/domain/LegacyDecoder.ts"
import * as LegacyEnvelope from "../../src/domain/LegacyEnvelope.ts"
import type * as Message from "../../src/domain/Message.ts"
import * as Network from "../../src/domain/Network.ts"
import * as PacketReader from "../../src/domain/PacketReader.ts"
import * as Slab from "../../src/domain/Slab.ts"
import * as WireError from "../../src/domain/WireError.ts"
import * as Legacy from "../utils/legacy.ts"

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const good = Legacy.packet({ command: "ping", body: text("12345678") })
const goodText = `ping ${Legacy.toHex(text("12345678"))}`

const header = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, 24)

/** The outcome, which must be the same at any split. */
const outcome = (bytes: Uint8Array) => {
  const whole = Legacy.decode([bytes])
  assert.deepStrictEqual(
    Legacy.show(Legacy.decode(Array.from(bytes, (byte) => Uint8Array.of(byte)))),
    Legacy.show(whole)
  )
  for (let at = 1; at < bytes.length; at++) {
    assert.deepStrictEqual(Legacy.show(Legacy.decode(Legacy.cutAt(bytes, [at]))), Legacy.show(whole), `cut at ${at}`)
  }
  return whole
}

const reasonOf = (bytes: Uint8Array, before: number): WireError.Reason => {
  const { failure, messages } = outcome(bytes)
  assert.strictEqual(messages.length, before)
  assert.instanceOf(failure, WireError.WireError)
  return failure!.reason
}

const assertReason = (bytes: Uint8Array, expected: WireError.Reason) => {
  assert.deepStrictEqual({ ...reasonOf(bytes, 0) }, { ...expected })
  assert.deepStrictEqual({ ...reasonOf(Legacy.concat(good, bytes), 1) }, { ...expected })
  assert.deepStrictEqual({ ...reasonOf(Legacy.concat(good, bytes, good), 1) }, { ...expected })
}

describe("LegacyDecoder, malformed packets", () => {
  it("refuses another magic, in the first packet and later, as soon as it is there", () => {
    const expected = "packets that begin with da b5 bf fa (regtest)"
    assertReason(
      Network.mainnet.magic,
      new WireError.WrongProtocol({ expected, found: "e3 e1 f3 e8 (mainnet)" })
    )
    assertReason(
      Uint8Array.of(6, 0, 8, 0x7e, 0x2c, 4),
      new WireError.WrongProtocol({ expected, found: "06 00 08 7e" })
    )
    for (let i = 0; i < 4; i++) {
      const magic = Legacy.regtest.slice()
      magic[i]! ^= 1
      assert.strictEqual(reasonOf(magic, 0)._tag, "WrongProtocol")
      assert.strictEqual(reasonOf(Legacy.packet({ command: "ping", magic }), 0)._tag, "WrongProtocol")
    }
  })

  it("refuses commands that are not padded with zeros", () => {
    const bad = (command: string, tag: number) =>
      assertReason(
        header(Legacy.packet({ command })),
        new WireError.BadHeader({ problem: "UnpaddedCommand", tag })
      )
    bad("ping\0x", 5)
    bad("\0ping", 1)
    bad("verack\0\0\0\0\0!", 11)
  })

  it("refuses commands that are no text", () => {
    const bad = (command: string, tag: number) =>
      assertReason(header(Legacy.packet({ command })), new WireError.BadHeader({ problem: "Malformed", tag }))
    bad("pi\xffng", 2)
    bad("\x01", 0)
    bad("version\n", 7)
  })

  it("refuses bodies over the limit on their word", () => {
    for (const length of [32_000_001, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]) {
      for (const command of ["block", "nobodyknows"]) {
        assertReason(
          header(Legacy.packet({ command, length })),
          new WireError.BadLength({ what: "body", length, minimum: 0, maximum: 32_000_000 })
        )
      }
    }
    assert.isUndefined(Legacy.decode([Legacy.packet({ command: "block", length: 32_000_000 })]).failure)
  })

  it("takes the lower one of its own limit and the connection's", () => {
    const limited = (maxBodySize: number | undefined, maxMessageSize: number | undefined, length: number) => {
      const using = LegacyEnvelope.make({ magic: Legacy.regtest, hash256: Legacy.hash256, maxBodySize })
      const options = { maxMessageSize }
      return Legacy.decode([Legacy.packet({ command: "tx", body: new Uint8Array(length) })], using, options).failure
    }
    const maximum = (failure: WireError.WireError | undefined) =>
      failure?.reason._tag === "BadLength" ? failure.reason.maximum : undefined
    assert.isUndefined(limited(100, 200, 100))
    assert.strictEqual(maximum(limited(100, 200, 101)), 100)
    assert.isUndefined(limited(200, 100, 100))
    assert.strictEqual(maximum(limited(200, 100, 101)), 100)
    assert.strictEqual(maximum(limited(100, undefined, 101)), 100)
    assert.strictEqual(maximum(limited(undefined, 100, 101)), 100)
  })

  it("refuses a body that does not match its checksum", () => {
    assertReason(
      Legacy.packet({ command: "ping", body: text("12345678"), checksum: Uint8Array.of(1, 2, 3, 4) }),
      new WireError.BadChecksum({ command: "ping", expected: 0x18b84ae5, found: 0x01020304 })
    )
    assertReason(
      Legacy.packet({ command: "verack", checksum: Uint8Array.of(0x5d, 0xf6, 0xe0, 0xe3) }),
      new WireError.BadChecksum({ command: "verack", expected: 0x5df6e0e2, found: 0x5df6e0e3 })
    )
  })

  it("notices any flipped bit of a checksum or a body", () => {
    for (let bit = 20 * 8; bit < good.length * 8; bit++) {
      const flipped = good.slice()
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      const { failure, messages } = Legacy.decode([flipped, good])
      assert.strictEqual(messages.length, 0)
      assert.strictEqual(failure?.reason._tag, "BadChecksum", `bit ${bit}`)
    }
  })

  it("says in words what was wrong", () => {
    const bytes = Legacy.packet({ command: "verack", checksum: Uint8Array.of(0, 0, 0, 9) })
    assert.strictEqual(
      Legacy.decode([bytes]).failure?.message,
      "the checksum of \"verack\" is 00000009; its body gives 5df6e0e2"
    )
    assert.strictEqual(
      Legacy.decode([Network.testnet4.magic]).failure?.message,
      "the peer speaks another protocol: expected packets that begin with da b5 bf fa (regtest), " +
        "found e2 b7 da af (testnet4)"
    )
  })
})

describe("LegacyDecoder, unknown commands", () => {
  it("skips them at any split, whatever their checksum, and whatever their size", () => {
    const checksum = Uint8Array.of(9, 9, 9, 9)
    const strangers = [
      Legacy.packet({ command: "nobodyknows1", body: text("something"), checksum }),
      Legacy.packet({ command: "", checksum }),
      Legacy.packet({ command: "pingx", body: text("else") })
    ]
    for (const stranger of strangers) {
      const decoded = Legacy.show(outcome(Legacy.concat(stranger, good, stranger, stranger, good, stranger)))
      assert.deepStrictEqual(decoded, { messages: [goodText, goodText], failure: undefined })
    }
  })

  it("holds none of their bytes", () => {
    let largest = 0
    const slabs: Slab.SlabSource = {
      slabSize: PacketReader.slabSize,
      take: (size) => {
        largest = Math.max(largest, size)
        return Slab.make(new Uint8Array(Math.max(size, 262_144)))
      },
      give: () => {}
    }
    const pieces = [
      header(Legacy.packet({ command: "nobodyknows", length: 20_000_000 })),
      ...Array.from({ length: 200 }, () => new Uint8Array(100_000)),
      good
    ]
    const decoded = Legacy.decode(pieces, Legacy.envelope, { slabs })
    assert.deepStrictEqual(Legacy.show(decoded), { messages: [goodText], failure: undefined })
    assert.isAtMost(largest, 262_144)
  })
})

describe("LegacyDecoder, unknown commands that somebody wants", () => {
  /** What is found where each piece is behind what is left of those before it. */
  const decodeAll = (bytes: Uint8Array, size: number) => {
    const decoder = Legacy.envelope.decoder({})
    const found: Array<string> = []
    const add = (command: string | undefined, body: Uint8Array) => found.push(`${command} ${Legacy.toHex(body)}`)
    const none = () => assert.fail("a ping of the envelope")
    let rest = new Uint8Array(0)
    for (let from = 0; from < bytes.length; from += size) {
      const input = Legacy.concat(rest, bytes.subarray(from, from + size))
      const at = decoder.decode(Slab.make(input), 0, input.length, {
        onMessage: (message) => add(LegacyEnvelope.commandOf(message), message.body),
        onUnknown: add,
        onPing: none,
        onPong: none
      })
      rest = input.slice(at)
    }
    return { found, failure: decoder.failure?.message, left: rest.length }
  }

  it("gives their names and bodies, at any split", () => {
    const bytes = Legacy.concat(
      Legacy.packet({ command: "nobodyknows1", body: text("something") }),
      good,
      Legacy.packet({ command: "" }),
      Legacy.packet({ command: "a b", body: text("x") })
    )
    const found = [`nobodyknows1 ${Legacy.toHex(text("something"))}`, goodText, " ", `a b ${Legacy.toHex(text("x"))}`]
    for (let size = 1; size <= bytes.length; size++) {
      assert.deepStrictEqual(decodeAll(bytes, size), { found, failure: undefined, left: 0 }, `pieces of ${size}`)
    }
  })

  it("checks them as it checks others", () => {
    const bytes = Legacy.packet({ command: "wibble", body: text("x"), checksum: Uint8Array.of(9, 9, 9, 9) })
    const { failure, found } = decodeAll(bytes, bytes.length)
    assert.deepStrictEqual(found, [])
    assert.match(failure!, /^the checksum of "wibble" is 09090909/)
  })
})

describe("LegacyDecoder, memory", () => {
  it("takes little for 32 MB that are announced and not sent", () => {
    let taken = 0
    const slabs: Slab.SlabSource = {
      slabSize: PacketReader.slabSize,
      take: (size) => {
        taken += size
        return Slab.make(new Uint8Array(size))
      },
      give: (slab) => {
        taken -= slab.bytes.length
      }
    }
    const reader = PacketReader.make(Legacy.envelope, { slabs })
    const announced = Legacy.concat(
      header(Legacy.packet({ command: "block", length: 32_000_000 })),
      new Uint8Array(1000)
    )
    reader.push(announced)
    assert.isAtMost(taken, 2 * PacketReader.slabSize)
    for (let i = 0; i < 20; i++) reader.push(new Uint8Array(100_000))
    assert.isAtMost(taken, 5_000_000)
    assert.isUndefined(reader.failure)
    reader.close()
    assert.strictEqual(taken, 0)
  })

  it("says how much a packet needs once its header is there", () => {
    const decoder = Legacy.envelope.decoder({})
    const slab = Slab.make(Legacy.packet({ command: "tx", body: new Uint8Array(500) }))
    const sink = { onMessage: () => {}, onPing: () => {}, onPong: () => {} }
    for (let to = 0; to < 24; to++) {
      assert.strictEqual(decoder.decode(slab, 0, to, sink), 0)
      assert.strictEqual(decoder.needed, 0)
    }
    assert.strictEqual(decoder.decode(slab, 0, 24, sink), 0)
    assert.strictEqual(decoder.needed, 524)
    assert.strictEqual(decoder.decode(slab, 0, 524, sink), 524)
    assert.strictEqual(decoder.needed, 0)
    assert.deepStrictEqual(decoder.takeJoined(), [])
  })
})

describe("LegacyDecoder, large bodies", () => {
  const make = (deferAbove: number) => {
    const hashed: Array<number> = []
    const envelope = LegacyEnvelope.make({
      magic: Legacy.regtest,
      deferAbove,
      hash256: (bytes) => {
        hashed.push(bytes.length)
        return Legacy.hash256(bytes)
      }
    })
    const seen: Array<string> = []
    const unverified: Array<{ readonly message: Message.Message; readonly announced: number }> = []
    const sink = {
      onMessage: (message: Message.Message) => {
        seen.push(`verified ${message.bodyLength}`)
      },
      onUnverified: (message: Message.Message, announced: number) => {
        seen.push(`unverified ${message.bodyLength}`)
        unverified.push({ message, announced })
      },
      onPing: () => {},
      onPong: () => {}
    }
    return { envelope, hashed, seen, sink, unverified }
  }
  const packets = Legacy.concat(
    good,
    Legacy.packet({ command: "tx", body: new Uint8Array(100) }),
    Legacy.packet({ command: "block", body: new Uint8Array(101).fill(7) }),
    Legacy.packet({ command: "block", body: new Uint8Array(500).fill(9), checksum: Uint8Array.of(1, 2, 3, 4) }),
    good
  )

  it("are left to the sink, in order, and not hashed", () => {
    const { envelope, hashed, seen, sink, unverified } = make(100)
    const decoder = envelope.decoder({})
    assert.strictEqual(decoder.decode(Slab.make(packets), 0, packets.length, sink), packets.length)
    assert.deepStrictEqual(seen, ["verified 8", "verified 100", "unverified 101", "unverified 500", "verified 8"])
    assert.deepStrictEqual(hashed, [8, 100, 8])
    const verdicts = unverified.map(({ announced, message }) =>
      LegacyDecoder.verify(message, announced, Legacy.hash256(message.body))?.message
    )
    const expected = Legacy.toHex(Legacy.hash256(new Uint8Array(500).fill(9))).slice(0, 8)
    assert.deepStrictEqual(verdicts, [
      undefined,
      `the checksum of "block" is 01020304; its body gives ${expected}`
    ])
  })

  it("are verified by the decoder for a sink that does not take them", () => {
    const { envelope, hashed, seen, sink } = make(100)
    const decoder = envelope.decoder({})
    decoder.decode(Slab.make(packets), 0, packets.length, { ...sink, onUnverified: undefined })
    assert.deepStrictEqual(seen, ["verified 8", "verified 100", "verified 101"])
    assert.deepStrictEqual(hashed, [8, 100, 101, 500])
    assert.strictEqual(decoder.failure?.reason._tag, "BadChecksum")
  })

  it("are verified by the decoder unless it is told otherwise", () => {
    const { envelope, seen, sink } = make(Infinity)
    const decoder = envelope.decoder({})
    decoder.decode(Slab.make(packets), 0, packets.length, sink)
    assert.deepStrictEqual(seen, ["verified 8", "verified 100", "verified 101"])
    assert.strictEqual(decoder.failure?.reason._tag, "BadChecksum")
  })
})

describe("LegacyDecoder, foreign bytes", () => {
  const seed = 20_240_917
  const tags = new Set(["WrongProtocol", "BadLength", "BadHeader", "BadChecksum"])
  const commands = ["ping", "version", "tx", "block", "nobodyknows", "dsproof-beta"]

  const original = (random: Legacy.Random): Uint8Array =>
    Legacy.concat(
      ...Array.from({ length: 1 + random.below(3) }, () =>
        Legacy.packet({
          command: commands[random.below(commands.length)]!,
          body: random.bytes(random.below(4) === 0 ? random.below(600) : random.below(20))
        }))
    )

  const mutated = (random: Legacy.Random): Uint8Array => {
    const bytes = original(random)
    for (let i = random.below(4); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256)
    switch (random.below(6)) {
      case 0:
        return random.bytes(random.below(80))
      case 1:
        return Legacy.concat(Legacy.regtest, random.bytes(random.below(80)))
      case 2:
        return bytes.subarray(0, random.below(bytes.length))
      case 3:
        return Legacy.concat(bytes.subarray(random.below(bytes.length)), bytes)
      default:
        return bytes
    }
  }

  it("gives values or typed errors for 100,000 random and mutated inputs, within bounded memory", () => {
    const random = Legacy.makeRandom(seed)
    let largest = 0
    const slabs: Slab.SlabSource = {
      slabSize: PacketReader.slabSize,
      take: (size) => {
        largest = Math.max(largest, size)
        return Slab.make(new Uint8Array(Math.max(size, 16_384)))
      },
      give: () => {}
    }
    const count = { messages: 0, failures: 0, clean: 0 }
    for (let i = 0; i < 100_000; i++) {
      const input = mutated(random)
      const decoded = Legacy.decode(Legacy.cutRandomly(input, random), Legacy.envelope, { slabs })
      const run = `seed ${seed}, run ${i}`
      if (decoded.failure !== undefined && !tags.has(decoded.failure.reason._tag)) assert.fail(run)
      if (i % 20 === 0) assert.deepStrictEqual(Legacy.show(decoded), Legacy.show(Legacy.decode([input])), run)
      count.messages += decoded.messages.length
      if (decoded.failure === undefined) count.clean += 1
      else count.failures += 1
    }
    assert.isAtMost(largest, PacketReader.slabSize)
    assert.isAbove(count.messages, 20_000)
    assert.isAbove(count.failures, 20_000)
    assert.isAbove(count.clean, 20_000)
  }, 120_000)
})
