import { assert, describe, it } from "@effect/vitest"
import * as LegacyCommand from "../../src/domain/LegacyCommand.ts"

const commands = Object.keys(LegacyCommand.Id) as Array<LegacyCommand.Command>

const ofTheSpec =
  "version verack sendheaders getaddr mempool filterclear ping pong addr inv getdata notfound getheaders " +
  "getblocks headers tx block merkleblock filterload filteradd reject dsproof-beta"

const padded = (text: string, fill = 0): Uint8Array =>
  Uint8Array.from({ length: 12 }, (_, i) => i < text.length ? text.charCodeAt(i) : fill)

describe("LegacyCommand", () => {
  it("knows the commands of the peer-to-peer protocol", () => {
    for (const command of ofTheSpec.split(" ")) assert.isNumber(LegacyCommand.toId(command), command)
  })

  it("keeps the ids it has given out", () => {
    assert.strictEqual(commands.map((command) => `${command}=${LegacyCommand.Id[command]}`).join(" "), golden)
  })

  it("maps each command to one id and back", () => {
    assert.strictEqual(new Set(Object.values(LegacyCommand.Id)).size, commands.length)
    for (const command of commands) {
      const id = LegacyCommand.Id[command]
      assert.strictEqual(LegacyCommand.toId(command), id)
      assert.strictEqual(LegacyCommand.fromId(id), command)
    }
  })

  it("writes each command padded with zeros, and reads it", () => {
    for (const command of commands) {
      const id = LegacyCommand.Id[command]
      const bytes = LegacyCommand.encode(id)!
      assert.deepStrictEqual(bytes, padded(command))
      assert.strictEqual(LegacyCommand.decode(Uint8Array.of(9, ...bytes, 9), 1), id)
      assert.isUndefined(LegacyCommand.check(bytes, 0))
    }
  })

  it("does not know others", () => {
    for (const text of ["", "pin", "pingx", "PING", "toString", "getheadersX", "getheader"]) {
      assert.isUndefined(LegacyCommand.toId(text), text)
      assert.isUndefined(LegacyCommand.decode(padded(text), 0), text)
      assert.isUndefined(LegacyCommand.check(padded(text), 0), text)
    }
    for (const id of [-1, 0, 0.5, 1e9, NaN]) {
      assert.isUndefined(LegacyCommand.fromId(id))
      assert.isUndefined(LegacyCommand.encode(id))
    }
  })

  it("writes and reads the name of any command", () => {
    for (const text of [...commands, "", "wibble", "twelvechars!", "a b"]) {
      assert.deepStrictEqual(LegacyCommand.pad(text), padded(text))
      assert.strictEqual(LegacyCommand.nameIn(Uint8Array.of(9, ...padded(text), 9), 1), text)
    }
    for (const text of ["thirteenchars", "\u00e9", "a\0", "\n"]) assert.isUndefined(LegacyCommand.pad(text), text)
  })

  it("says what is wrong with a command", () => {
    assert.deepStrictEqual(LegacyCommand.check(padded("ping", 0x20), 0), undefined)
    assert.deepStrictEqual(LegacyCommand.check(Uint8Array.of(...padded("ping").subarray(0, 11), 1), 0), {
      problem: "UnpaddedCommand",
      position: 11
    })
    assert.deepStrictEqual(LegacyCommand.check(padded("\0ping"), 0), { problem: "UnpaddedCommand", position: 1 })
    assert.deepStrictEqual(LegacyCommand.check(padded("pi\u00e9ng"), 0), { problem: "Malformed", position: 2 })
    assert.deepStrictEqual(LegacyCommand.check(padded("ping\n"), 0), { problem: "Malformed", position: 4 })
    assert.deepStrictEqual(LegacyCommand.check(padded("ping\x7f"), 0), { problem: "Malformed", position: 4 })
  })
})

const golden = "version=1 verack=2 addr=3 inv=4 getdata=5 merkleblock=6 getblocks=7 getheaders=8 tx=9 headers=10 " +
  "block=11 getaddr=12 mempool=13 ping=14 pong=15 notfound=16 filterload=17 filteradd=18 filterclear=19 reject=20 " +
  "sendheaders=21 dsproof-beta=22 alert=23 feefilter=24 sendcmpct=25 cmpctblock=26 getblocktxn=27 blocktxn=28 " +
  "sendaddrv2=29 addrv2=30 xversion=31 xverack=32 extversion=33 xupdate=34 getcfilters=35 cfilter=36 " +
  "getcfheaders=37 cfheaders=38 getcfcheckpt=39 cfcheckpt=40"
