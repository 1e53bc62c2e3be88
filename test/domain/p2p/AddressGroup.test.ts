import { assert, describe, it } from "@effect/vitest"
import { NetAddress } from "effect/net"
import * as AddressGroup from "../../../src/domain/p2p/AddressGroup.ts"
import * as AddressSource from "../../../src/domain/p2p/AddressSource.ts"

const groupOf = (text: string) => AddressGroup.fromIp(NetAddress.ipFromStringUnsafe(text))

describe("AddressGroup", () => {
  it.each([
    ["198.51.100.7", "198.51.0.0/16"],
    ["198.51.0.1", "198.51.0.0/16"],
    ["198.52.100.7", "198.52.0.0/16"],
    ["::ffff:198.51.100.7", "198.51.0.0/16"],
    ["2a01:4f8:1:2::3", "2a01:4f8::/32"],
    ["2a01:4f8:ffff::", "2a01:4f8::/32"],
    ["2a01:4f9::1", "2a01:4f9::/32"],
    ["::1", "0:0::/32"],
    // 6to4 and Teredo of 198.51.100.7
    ["2002:c633:6407::1", "198.51.0.0/16"],
    ["2001:0:1:2:3:4:39cc:9bf8", "198.51.0.0/16"]
  ])("puts %s into %s", (text, group) => {
    assert.strictEqual(groupOf(text), group)
  })

  it("makes one source of all peers of a group", () => {
    const source = (text: string) => AddressSource.key(AddressSource.peer(NetAddress.inetAddressFromStringUnsafe(text)))
    assert.strictEqual(source("198.51.100.7:1"), source("198.51.9.9:2"))
    const others = [source("198.52.100.7:1"), source("[2a01:4f8::1]:1"), AddressSource.key(AddressSource.user)]
    const all = [source("198.51.100.7:1"), ...others, AddressSource.key(AddressSource.seed("198.51.0.0/16"))]
    assert.strictEqual(new Set(all).size, all.length)
  })
})
