import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as LegacyEnvelope from "../../../src/domain/LegacyEnvelope.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as P2P from "../../utils/p2pMessage.ts"

const { commands } = P2PMessage

const read = (hex: string): P2PMessage.P2PMessage => {
  const { failure, messages } = Legacy.decode([Legacy.fromHex(hex)])
  assert.isUndefined(failure)
  const message = Result.getOrThrow(P2PMessage.fromMessage(messages[0]!))
  return message ?? assert.fail("skipped")
}

const write = (message: P2PMessage.P2PMessage): string =>
  Legacy.toHex(Legacy.encode(Result.getOrThrow(P2PMessage.toMessage(message))))

const recorded = <C extends P2PMessage.Command>(trace: string, command: C): Array<P2PMessage.Of<C>> =>
  Legacy.trace(trace).messages
    .filter((message) => message.command === command)
    .map(({ hex }) => Result.getOrThrow(P2PMessage.decode(command, Legacy.fromHex(hex.slice(48)))))

const decodeFault = (command: P2PMessage.Command, body: Uint8Array): string => {
  const result = P2PMessage.decode(command, body)
  return Result.isFailure(result) ? result.failure.message : "none"
}

const encodeFault = (message: P2PMessage.P2PMessage): string => {
  const result = P2PMessage.toMessage(message)
  return Result.isFailure(result) ? result.failure.message : "none"
}

describe.each(["p2p-regtest", "p2p-regtest-wallet"])("P2PMessage, the conversation %s", (name) => {
  it("reads each message and writes it as the same bytes", () => {
    const { messages } = Legacy.trace(name)
    assert.isAbove(messages.length, 20)
    for (const { command, hex } of messages) {
      const message = read(hex)
      assert.strictEqual(message._tag, command)
      assert.strictEqual(write(message), hex)
    }
  })
})

describe("P2PMessage, what was recorded", () => {
  it("version", () => {
    const [ours, theirs] = recorded("p2p-regtest-wallet", "version")
    assert.strictEqual(ours!.userAgent, "/trace:0.2/")
    assert.strictEqual(ours!.nonce, 0x99aa_bbcc_ddee_ff00n)
    assert.isFalse(ours!.relay)
    assert.strictEqual(theirs!.userAgent, "/Flowee:1 (2021-04)/")
    assert.strictEqual(theirs!.protocol, 70_012)
    assert.strictEqual(theirs!.services, 0x25n)
    assert.strictEqual(theirs!.startHeight, 2727)
    assert.strictEqual(theirs!.receiver.port, 0)
    assert.isTrue(theirs!.relay)
  })

  it("headers", () => {
    const [headers] = recorded("p2p-regtest", "headers")
    assert.strictEqual(BlockHeader.count(headers!.packed), 4)
    assert.strictEqual(
      HashHex.format(BlockHeader.previousAt(headers!.packed, 0)),
      "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
    )
    const [block] = recorded("p2p-regtest", "block")
    assert.deepStrictEqual(BlockHeader.bytesAt(headers!.packed, 0), Uint8Array.from(block!.bytes.subarray(0, 80)))
  })

  it("getdata, notfound and inv", () => {
    const asked = recorded("p2p-regtest", "getdata")
    assert.deepStrictEqual(asked.map(({ inventory }) => inventory[0]!.type), [
      InventoryType.block,
      InventoryType.merkleBlock,
      InventoryType.transaction
    ])
    assert.deepStrictEqual(recorded("p2p-regtest", "notfound")[0]!.inventory, asked[2]!.inventory)
    assert.deepStrictEqual(recorded("p2p-regtest-wallet", "inv").map(({ inventory }) => inventory.length), [
      1,
      1,
      2,
      1,
      1
    ])
  })

  it("reject", () => {
    const [reject] = recorded("p2p-regtest-wallet", "reject")
    const [announced] = recorded("p2p-regtest-wallet", "inv").slice(-1)
    assert.strictEqual(reject!.command, "tx")
    assert.strictEqual(reject!.code, 0x10)
    assert.match(reject!.reason, /^mandatory-script-verify-flag-failed/)
    assert.deepStrictEqual(reject!.data, announced!.inventory[0]!.hash)
  })
})

describe("P2PMessage", () => {
  it("knows the commands of the protocol", () => {
    assert.deepStrictEqual(commands.toSorted(), [
      "addr",
      "block",
      "dsproof-beta",
      "filteradd",
      "filterclear",
      "filterload",
      "getaddr",
      "getblocks",
      "getdata",
      "getheaders",
      "headers",
      "inv",
      "mempool",
      "merkleblock",
      "notfound",
      "ping",
      "pong",
      "reject",
      "sendheaders",
      "tx",
      "verack",
      "version"
    ])
    assert.isTrue(P2PMessage.isCommand("ping"))
    for (const other of ["", "alert", "toString", "__proto__"]) assert.isFalse(P2PMessage.isCommand(other))
  })

  it("skips other messages", () => {
    for (
      const message of [
        LegacyEnvelope.message("alert", Uint8Array.of(1)),
        LegacyEnvelope.message("cmpctblock"),
        Message.make({ serviceId: 1, messageId: 1 }),
        Message.make({ serviceId: 0x1000, messageId: 9999 })
      ]
    ) {
      assert.isUndefined(Result.getOrThrow(P2PMessage.fromMessage(message)))
    }
  })

  it.each(commands)("writes and reads %s", (command) => {
    const seed = 5
    const make = P2P.makeGenerator(Legacy.makeRandom(seed))
    for (let i = 0; i < 60; i++) {
      const message = make(command)
      const body = Result.getOrThrow(P2PMessage.encode(message))
      const again = Result.getOrThrow(P2PMessage.decode(command, body))
      assert.deepStrictEqual(again, message, `seed ${seed}, message ${i}`)
      assert.deepStrictEqual(Result.getOrThrow(P2PMessage.encode(again)), body)
      const sent = Result.getOrThrow(P2PMessage.toMessage(message))
      assert.strictEqual(LegacyEnvelope.commandOf(sent), command)
      assert.deepStrictEqual(Result.getOrThrow(P2PMessage.fromMessage(sent)), message)
    }
  })

  it.each(commands)("refuses %s at any cut", (command) => {
    const seed = 6
    const make = P2P.makeGenerator(Legacy.makeRandom(seed))
    const body = Result.getOrThrow(P2PMessage.encode(make(command)))
    const isOpen = command === "tx" || command === "block"
    for (let end = 0; end < body.length; end++) {
      const cut = P2PMessage.decode(command, body.subarray(0, end))
      // Some bodies are good when bytes at their end are missing.
      if (Result.isSuccess(cut)) {
        assert.isTrue(isOpen || command === "reject" || (command === "version" && end === body.length - 1), `at ${end}`)
      }
    }
  })

  it("refuses bytes after the end, but for version", () => {
    assert.strictEqual(
      decodeFault("ping", new Uint8Array(9)),
      `malformed "ping": value at byte 8: 1 bytes follow the end of the value`
    )
    assert.match(decodeFault("verack", new Uint8Array(1)), /1 bytes follow/)
    const version = P2P.makeGenerator(Legacy.makeRandom(1))("version")
    const body = Result.getOrThrow(P2PMessage.encode({ ...version, relay: true }))
    const longer = Legacy.concat(body, Uint8Array.of(1, 2, 3))
    assert.deepStrictEqual(Result.getOrThrow(P2PMessage.decode("version", longer)), { ...version, relay: true })
  })

  it("holds the limits of the protocol", () => {
    const hash = HashHex.zero
    const announce = (count: string, ...rest: ReadonlyArray<string>) => Legacy.fromHex([count, ...rest].join(""))
    assert.match(decodeFault("headers", announce("fdd107")), /2001 items; at most 2000/)
    assert.match(decodeFault("inv", announce("fd51c3")), /50001 items; at most 50000/)
    assert.match(decodeFault("addr", announce("fde903")), /1001 items; at most 1000/)
    assert.match(decodeFault("getheaders", announce("00000000", "66")), /102 items; at most 101/)
    assert.match(decodeFault("filterload", announce("fda18c")), /36001 bytes; at most 36000/)
    assert.match(decodeFault("filterload", announce("00", "33000000", "00000000", "00")), /functions at byte 1: 51/)
    assert.match(decodeFault("filteradd", announce("fd0902")), /521 bytes; at most 520/)
    assert.match(decodeFault("reject", announce("0d")), /command at byte 0: there are 13 bytes/)
    const unsendable = (bytes: number) => encodeFault(P2PMessage.make("headers", { packed: new Uint8Array(bytes) }))
    assert.match(unsendable(2001 * 80), /"headers" cannot be sent: packed cannot be written: there are 2001 items/)
    assert.match(
      unsendable(81),
      /"headers" cannot be sent: packed cannot be written: there are 81 bytes in place of 160/
    )
    const inventory = Array.from({ length: 50_001 }, () => ({ type: 1, hash }))
    assert.match(encodeFault(P2PMessage.make("getdata", { inventory })), /50001 items; at most 50000/)
    assert.match(
      encodeFault(P2PMessage.make("inv", { inventory: [{ type: 1, hash }, { type: -1, hash }] })),
      /inventory\[1\].type cannot be written: -1/
    )
    assert.match(encodeFault(P2PMessage.make("ping", { nonce: 2n ** 64n })), /nonce cannot be written/)
  })

  it("refuses headers with transactions", () => {
    const message = P2PMessage.make("headers", { packed: new Uint8Array(160).fill(7) })
    const body = Result.getOrThrow(P2PMessage.encode(message))
    assert.deepStrictEqual(Result.getOrThrow(P2PMessage.decode("headers", body)), message)
    for (const [index, at] of [81, 162].entries()) {
      const other = body.slice()
      other[at] = 1
      assert.match(decodeFault("headers", other), new RegExp(`packed\\[${index}\\] at byte ${at}`))
    }
  })

  it("takes a relay byte over 1 as one", () => {
    const version = P2P.makeGenerator(Legacy.makeRandom(2))("version")
    const body = Result.getOrThrow(P2PMessage.encode({ ...version, relay: true }))
    body[body.length - 1] = 200
    assert.isTrue(Result.getOrThrow(P2PMessage.decode("version", body)).relay)
  })

  it("does not copy blocks", () => {
    const bytes = new Uint8Array(100_000)
    const message = Result.getOrThrow(P2PMessage.toMessage(P2PMessage.make("block", { bytes })))
    assert.strictEqual(message.body, bytes)
  })
})
