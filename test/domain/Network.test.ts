import { assert, describe, it } from "@effect/vitest"
import * as Network from "../../src/domain/Network.ts"

describe("Network", () => {
  it("has the networks of the wire format", () => {
    const rows = Object.values(Network.networks).map(({ hubPort, magic, name, p2pPort }) =>
      `${name} ${Buffer.from(magic).toString("hex")} ${p2pPort} ${hubPort}`
    )
    assert.deepStrictEqual(rows, [
      "mainnet e3e1f3e8 8333 1235",
      "testnet3 f4e5f3f4 18333 11235",
      "testnet4 e2b7daaf 28333 21235",
      "scalenet c3afe1a2 38333 31235",
      "regtest dab5bffa 18444 11235"
    ])
  })

  it("finds each network by its name and by its magic", () => {
    for (const network of Object.values(Network.networks)) {
      assert.strictEqual(Network.fromName(network.name), network)
      assert.strictEqual(Network.fromMagic(network.magic), network)
      assert.strictEqual(Network.fromMagic(Uint8Array.of(...network.magic, 1, 2, 3)), network)
    }
  })

  it("finds nothing where there is nothing", () => {
    for (const name of ["", "Mainnet", "toString", "__proto__"]) assert.isUndefined(Network.fromName(name))
    assert.isUndefined(Network.fromMagic(Uint8Array.of(0xe3, 0xe1, 0xf3)))
    assert.isUndefined(Network.fromMagic(Uint8Array.of(0xe3, 0xe1, 0xf3, 0xe9)))
    assert.isUndefined(Network.fromMagic(new Uint8Array(0)))
  })
})
