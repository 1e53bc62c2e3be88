import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Binary from "../../../src/domain/p2p/Binary.ts"
import * as PeerAddress from "../../../src/domain/p2p/PeerAddress.ts"
import * as Legacy from "../../utils/legacy.ts"

const example = "010000000000000000000000000000000000ffff0a000001208d"

describe("PeerAddress", () => {
  it("reads and writes 26 bytes, the port with its high byte first", () => {
    const address = Result.getOrThrow(Binary.decode(PeerAddress.binary, Legacy.fromHex(example)))
    assert.strictEqual(address.services, 1n)
    assert.strictEqual(address.port, 8333)
    assert.strictEqual(Legacy.toHex(Result.getOrThrow(Binary.encode(PeerAddress.binary, address))), example)
    assert.strictEqual(NetAddress.formatInet(PeerAddress.toInetAddress(address)), "10.0.0.1:8333")
    assert.strictEqual(PeerAddress.binary.minSize, 26)
    assert.strictEqual(PeerAddress.timedBinary.minSize, 30)
  })

  it.each(["192.0.2.1:8333", "[2001:db8::1]:28333", "[::1]:1", "127.0.0.1:65535"])("carries %s", (text) => {
    const inet = NetAddress.inetAddressFromStringUnsafe(text)
    const address = PeerAddress.fromInetAddress(inet, 5n)
    assert.strictEqual(address.services, 5n)
    assert.strictEqual(address.ip.length, 16)
    assert.strictEqual(NetAddress.formatInet(PeerAddress.toInetAddress(address)), text)
  })

  it("takes any bytes as an address", () => {
    const seed = 26
    const random = Legacy.makeRandom(seed)
    for (let i = 0; i < 2000; i++) {
      const bytes = random.bytes(26)
      const address = Result.getOrThrow(Binary.decode(PeerAddress.binary, bytes))
      const again = PeerAddress.fromInetAddress(PeerAddress.toInetAddress(address), address.services)
      assert.deepStrictEqual(Result.getOrThrow(Binary.encode(PeerAddress.binary, again)), bytes, `seed ${seed}`)
    }
    assert.strictEqual(NetAddress.formatInet(PeerAddress.toInetAddress(PeerAddress.unknown)), "[::]:0")
  })
})
