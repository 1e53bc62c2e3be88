import { assert, describe, it } from "@effect/vitest"
import * as PeerDemand from "../../../src/domain/p2p/PeerDemand.ts"
import { Random, seed } from "../../utils/native.ts"

const peer = (services: bigint, since = 0) => ({ services, since })

describe("supply and demand of peers", () => {
  it("misses nobody where nobody is wanted", () => {
    assert.deepStrictEqual(PeerDemand.balance([], []), { missing: undefined, spare: [] })
  })

  it("misses the services that are hardest to find first", () => {
    const demands = [{ count: 2, services: 1n }, { count: 1, services: 5n }]
    assert.strictEqual(PeerDemand.balance(demands, []).missing, 5n)
    assert.strictEqual(PeerDemand.balance(demands, [peer(5n)]).missing, 1n)
    assert.strictEqual(PeerDemand.balance(demands, [peer(1n), peer(5n)]).missing, 1n)
    assert.strictEqual(PeerDemand.balance(demands, [peer(1n), peer(5n), peer(1n)]).missing, undefined)
  })

  it("takes no peer that offers more than is needed where another one will do", () => {
    const demands = [{ count: 1, services: 1n }]
    assert.deepStrictEqual(PeerDemand.balance(demands, [peer(5n), peer(1n)]).spare, [peer(5n)])
  })

  it("spares the youngest, and those that offer nothing of use", () => {
    const demands = [{ count: 2, services: 1n }]
    const peers = [peer(1n, 30), peer(1n, 10), peer(4n, 5), peer(1n, 20)]
    assert.deepStrictEqual(PeerDemand.balance(demands, peers).spare, [peer(1n, 30), peer(4n, 5)])
  })

  it(`misses somebody unless every demand is met, and spares nobody who is needed (seed ${seed})`, () => {
    const random = new Random(seed)
    for (let run = 0; run < 500; run++) {
      const demands = Array.from({ length: random.below(4) }, () => (
        { count: random.below(4), services: random.chance(50) ? 1n : 5n }
      ))
      const peers = Array.from({ length: random.below(10) }, (_, at) => peer([0n, 1n, 4n, 5n][random.below(4)]!, at))
      const { missing, spare } = PeerDemand.balance(demands, peers)
      const wanted = (services: bigint) =>
        demands.reduce((sum, demand) => sum + (demand.services >= services ? demand.count : 0), 0)
      const enough = peers.filter(({ services }) => services === 5n).length >= wanted(5n) &&
        peers.filter(({ services }) => (services & 1n) === 1n).length >= wanted(1n)
      assert.strictEqual(missing === undefined, enough)
      if (enough) assert.strictEqual(spare.length, peers.length - wanted(1n))
    }
  })
})
