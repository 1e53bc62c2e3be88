import { assert, describe, it } from "@effect/vitest"
import { NetAddress } from "effect/net"
import * as AddressReach from "../../../src/domain/p2p/AddressReach.ts"
import * as Books from "../../utils/addressBook.ts"

const isPublic = (text: string) => AddressReach.isPublic(NetAddress.ipFromStringUnsafe(text))

describe("AddressReach", () => {
  it.each([
    "8.8.8.8",
    "1.0.0.1",
    "100.63.0.1",
    "172.32.0.1",
    "223.255.255.254",
    "::ffff:8.8.8.8",
    "2a01:4f8::1",
    "2002:808:808::1"
  ])(
    "finds %s on the public net",
    (text) => assert.isTrue(isPublic(text))
  )

  it.each([
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.1.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "64:ff9b::808:808",
    "2001:db8::1",
    "2001:10::1",
    "fc00::1",
    "fd87:d87e:eb43::1",
    "fe80::1",
    "ff02::1",
    "2002:7f00:1::1",
    "2002:a00:1::1"
  ])("finds %s elsewhere", (text) => assert.isFalse(isPublic(text)))

  it("knows what nobody can dial", () => {
    for (const text of ["127.0.0.1:1", "10.0.0.1:8333", "[::1]:8333", "[fd00::1]:1"]) {
      assert.isTrue(AddressReach.isDialable(Books.address(text)), text)
    }
    const undialable = [
      "8.8.8.8:0",
      "0.0.0.0:1",
      "255.255.255.255:1",
      "224.0.0.1:1",
      "[::]:1",
      "[ff02::1]:1",
      "[fe80::1]:1"
    ]
    for (const text of undialable) assert.isFalse(AddressReach.isDialable(Books.address(text)), text)
  })
})
