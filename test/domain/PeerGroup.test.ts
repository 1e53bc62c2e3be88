import { assert, describe, it } from "@effect/vitest"
import { Equal, Option } from "effect"
import { IpNetwork, NetAddress } from "effect/net"
import * as PeerGroup from "../../src/domain/PeerGroup.ts"

const peer = (text: string) => PeerGroup.fromAddress(NetAddress.inetAddressFromStringUnsafe(text))
const address = NetAddress.ipFromStringUnsafe
const network = (text: string) => PeerGroup.fromNetwork(IpNetwork.fromStringUnsafe(text))
const socket = PeerGroup.fromAddress(NetAddress.unixPathAddress("/run/hub.sock"))

describe("PeerGroup", () => {
  it("takes an IPv4 address as one offender, whatever its port", () => {
    assert.strictEqual(PeerGroup.key(peer("192.0.2.1:4000")), "192.0.2.1/32")
    assert.strictEqual(PeerGroup.key(peer("192.0.2.1:4001")), "192.0.2.1/32")
    assert.strictEqual(PeerGroup.key(peer("192.0.2.2:4000")), "192.0.2.2/32")
  })

  it("takes the /64 of an IPv6 address as one offender", () => {
    assert.strictEqual(PeerGroup.key(peer("[2001:db8:1:2::1]:4000")), "2001:db8:1:2::/64")
    assert.strictEqual(PeerGroup.key(peer("[2001:db8:1:2:ffff:ffff:ffff:ffff]:1")), "2001:db8:1:2::/64")
    assert.strictEqual(PeerGroup.key(peer("[2001:db8:1:3::1]:4000")), "2001:db8:1:3::/64")
  })

  it("takes an IPv4-mapped address as the IPv4 address", () => {
    assert.strictEqual(PeerGroup.key(peer("[::ffff:192.0.2.1]:4000")), "192.0.2.1/32")
    assert.isTrue(Equal.equals(peer("[::ffff:192.0.2.1]:4000"), peer("192.0.2.1:9")))
  })

  it("brings networks into one form", () => {
    assert.strictEqual(PeerGroup.key(network("192.0.2.0/24")), "192.0.2.0/24")
    assert.strictEqual(PeerGroup.key(network("::ffff:192.0.2.0/120")), "192.0.2.0/24")
    assert.strictEqual(PeerGroup.key(network("::ffff:0:0/96")), "0.0.0.0/0")
    assert.strictEqual(PeerGroup.key(network("2001:db8::/32")), "2001:db8::/32")
    assert.strictEqual(PeerGroup.key(network("2001:db8:1:2::7/128")), "2001:db8:1:2::/64")
    assert.strictEqual(PeerGroup.key(network("::/0")), "::/0")
  })

  it("reads every key that it wrote", () => {
    const groups = [peer("192.0.2.1:1"), peer("[2001:db8::1]:1"), network("10.0.0.0/8"), network("::/0"), socket]
    for (const group of groups) {
      assert.isTrue(Equal.equals(PeerGroup.fromKey(PeerGroup.key(group)), Option.some(group)), PeerGroup.key(group))
    }
  })

  it("reads nothing from what is no key", () => {
    for (const text of ["", "192.0.2.1", "192.0.2.1/33", "192.0.2.1/24", "2001:db8::/129", "localhost", "/run/x"]) {
      assert.isTrue(Option.isNone(PeerGroup.fromKey(text)), text)
    }
  })

  it("writes groups for people", () => {
    assert.strictEqual(PeerGroup.format(peer("192.0.2.1:4000")), "192.0.2.1")
    assert.strictEqual(PeerGroup.format(peer("[2001:db8::1]:4000")), "2001:db8::/64")
    assert.strictEqual(PeerGroup.format(network("2001:db8::/32")), "2001:db8::/32")
    assert.strictEqual(PeerGroup.format(network("192.0.2.0/24")), "192.0.2.0/24")
    assert.strictEqual(PeerGroup.format(socket), "unix:/run/hub.sock")
  })

  it("tells who belongs to a group", () => {
    assert.isTrue(PeerGroup.contains(network("192.0.2.0/24"), address("192.0.2.255")))
    assert.isTrue(PeerGroup.contains(network("192.0.2.0/24"), address("::ffff:192.0.2.1")))
    assert.isFalse(PeerGroup.contains(network("192.0.2.0/24"), address("192.0.3.0")))
    assert.isTrue(PeerGroup.contains(address("2001:db8:1:2::9"))(peer("[2001:db8:1:2::1]:1")))
    assert.isFalse(PeerGroup.contains(network("::/0"), address("192.0.2.1")))
    assert.isFalse(PeerGroup.contains(network("::/0"), address("::ffff:192.0.2.1")))
    assert.isFalse(PeerGroup.contains(network("0.0.0.0/0"), address("2001:db8::1")))
    assert.isTrue(PeerGroup.contains(socket, NetAddress.unixPathAddress("/run/hub.sock")))
    assert.isFalse(PeerGroup.contains(socket, NetAddress.unixPathAddress("/run/other.sock")))
    assert.isFalse(PeerGroup.contains(network("0.0.0.0/0"), NetAddress.unixPathAddress("/run/hub.sock")))
  })

  it("lists the key of every network around a group", () => {
    const ofIpv4 = PeerGroup.covering(peer("203.0.113.77:1"))
    assert.strictEqual(ofIpv4.length, 33)
    ofIpv4.forEach((key, i) => {
      const expected = IpNetwork.fromAddressUnsafe(address("203.0.113.77"), 32 - i)
      assert.strictEqual(key, IpNetwork.format(expected))
    })
    const ofIpv6 = PeerGroup.covering(peer("[2001:db8:ffff:1234:5::6]:1"))
    assert.strictEqual(ofIpv6.length, 65)
    ofIpv6.forEach((key, i) => {
      const expected = IpNetwork.fromAddressUnsafe(address("2001:db8:ffff:1234:5::6"), 64 - i)
      assert.strictEqual(key, IpNetwork.format(expected))
    })
    assert.deepStrictEqual(PeerGroup.covering(network("0.0.0.0/0")), ["0.0.0.0/0"])
    assert.deepStrictEqual(PeerGroup.covering(socket), ["unix:/run/hub.sock"])
  })
})
