import { assert, describe, it } from "@effect/vitest"
import { NetAddress } from "effect/net"
import type * as Net from "node:net"
import * as Os from "node:os"
import * as SocketAddresses from "../../../src/internal/node/socketAddresses.ts"

const remoteOf = (remoteAddress: string | undefined): string | undefined => {
  const address = SocketAddresses.remoteAddress({ remoteAddress, remotePort: 8333 } as Net.Socket)
  return address && NetAddress.formatSocketAddress(address)
}

const hostOf = (address: string): string => SocketAddresses.nativeHost(NetAddress.inetAddressFromStringUnsafe(address))

describe("socketAddresses", () => {
  it("reads what Node says", () => {
    assert.strictEqual(remoteOf("10.1.2.3"), "10.1.2.3:8333")
    assert.strictEqual(remoteOf("2001:db8::7"), "[2001:db8::7]:8333")
    assert.strictEqual(remoteOf("::ffff:10.1.2.3"), "10.1.2.3:8333")
    assert.strictEqual(remoteOf("fe80::1%7"), "[fe80::1%7]:8333")
    assert.isUndefined(remoteOf(undefined))
  })

  it("keeps the address of an interface that has gone", () => {
    assert.strictEqual(remoteOf("fe80::1%no-such-interface"), "[fe80::1]:8333")
  })

  it("writes what Node understands", () => {
    assert.strictEqual(hostOf("10.1.2.3:1"), "10.1.2.3")
    assert.strictEqual(hostOf("[2001:db8::7]:1"), "2001:db8::7")
    assert.strictEqual(hostOf("[fe80::1%4000000]:1"), "fe80::1%4000000")
  })

  it("knows the zones of this machine", () => {
    for (const [name, addresses] of Object.entries(Os.networkInterfaces())) {
      const zoned = addresses?.find((address) => address.family === "IPv6" && address.scopeid > 0)
      if (zoned?.family !== "IPv6") continue
      const written = `[fe80::1%${zoned.scopeid}]:8333`
      assert.strictEqual(remoteOf(`fe80::1%${name}`), written)
      if (process.platform !== "win32") assert.strictEqual(hostOf(written), `fe80::1%${name}`)
    }
  })
})
