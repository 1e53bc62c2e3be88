import { assert, describe, it } from "@effect/vitest"
import { NetAddress } from "effect/net"
import * as Holders from "../../src/internal/holders.ts"

const holding = (host: string, bytes: number) => ({
  bytes,
  address: NetAddress.inetAddressFromStringUnsafe(host),
  isOpen: true
})

const make = (...holdings: ReadonlyArray<ReturnType<typeof holding>>) => {
  const holders = new Holders.Holders()
  for (const one of holdings) holders.add(one, one.address)
  return holders
}

describe("who holds most", () => {
  it("is of the network that holds most, and there of the address that does", () => {
    const alone = holding("10.2.0.1:1", 500)
    const crowd = [holding("10.1.0.1:1", 300), holding("10.1.0.2:1", 200), holding("10.1.0.2:2", 250)]
    const holders = make(alone, ...crowd)
    assert.strictEqual(holders.largest(), crowd[2])
    assert.strictEqual(holders.ofAddress(crowd[1]!), 450)
    assert.strictEqual(holders.ofAddress(alone), 500)
  })

  it("is the one that came last of equals", () => {
    const [first, second] = [holding("10.1.0.1:1", 300), holding("10.1.0.1:2", 300)]
    assert.strictEqual(make(first, second).largest(), second)
  })

  it("is nobody else when all of it is in the hands of handlers", () => {
    const busy = holding("10.1.0.1:1", 300)
    const holders = make(busy, holding("10.2.0.1:1", 200))
    busy.isOpen = false
    assert.isUndefined(holders.largest())
  })

  it("changes with what they hold, and with those who leave", () => {
    const [a, b] = [holding("[2001:db8::1]:1", 300), holding("10.2.0.1:1", 200)]
    const holders = make(a, b)
    assert.strictEqual(holders.largest(), a)
    b.bytes += 150
    holders.change(b, 150)
    assert.strictEqual(holders.largest(), b)
    holders.remove(b)
    assert.isFalse(holders.has(b))
    holders.change(b, 1000)
    assert.strictEqual(holders.largest(), a)
    holders.remove(a)
    holders.remove(a)
    assert.isUndefined(holders.largest())
    assert.strictEqual(holders.ofAddress(a), 0)
  })

  it("takes an IPv6 /64 for one address", () => {
    const [a, b] = [holding("[2001:db8::1]:1", 300), holding("[2001:db8::2]:1", 200)]
    assert.strictEqual(make(a, b).ofAddress(a), 500)
  })
})
