/**
 * A network of 200 nodes, a third of which lie.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as PeerAddressBook from "../../../src/services/p2p/PeerAddressBook.ts"
import * as PeerManager from "../../../src/services/p2p/PeerManager.ts"
import * as FakeNode from "../../utils/fakeNode.ts"
import * as Network from "../../utils/network.ts"
import { withNode } from "../../utils/p2p/nodeBed.ts"

const { Behaviour } = FakeNode.Behaviours

const nodes = 200

const patience = { seconds: 20_000, step: 10 }

const every = "1 minute"

/** What each third node does; one after the other. */
const lies: ReadonlyArray<FakeNode.Behaviours.Behaviour> = [
  Behaviour.BadHeaders({ flaw: "work" }),
  Behaviour.BadHeaders({ flaw: "time" }),
  Behaviour.Stalls({ on: ["getheaders"] }),
  Behaviour.EndlessHeaders(),
  Behaviour.SpamsAddresses({ messages: 2, count: 1000, every }),
  Behaviour.BreaksChecksums({}),
  Behaviour.SendsUnasked({ count: 40 })
]

const behaviourOf = (at: number): FakeNode.Behaviours.Behaviour =>
  at % 3 === 2 ? lies[Math.floor(at / 3) % lies.length]! : Behaviour.Honest()

const tip = Effect.flatMap(HeaderChain.HeaderChain, (chain) => chain.tip)

describe("a network of which a third lies", () => {
  it.effect("is followed to its honest tip, and who lies is banned", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const book = yield* PeerAddressBook.PeerAddressBook
        const gossip = new FakeNode.Gossip()
        const chain = FakeNode.FakeChain.makeHeaders(2500)
        const all = yield* Effect.forEach(Array.from({ length: nodes }, (_, at) => at), (at) => {
          const behaviour = behaviourOf(at)
          const isHonest = behaviour._tag === "Honest"
          return FakeNode.make({
            address: `${10 + at}.0.0.1:18444`,
            chain,
            behaviour,
            ...(isHonest ? { gossip } : {})
          })
        })
        const honest = all.filter((_, at) => behaviourOf(at)._tag === "Honest")
        const liars = all.filter((_, at) => behaviourOf(at)._tag !== "Honest")
        yield* bed.know(...all.map(({ endPoint }) => endPoint))

        yield* bed.waitFor("the tip", Effect.map(tip, ({ height }) => height === 2500), patience)
        const isBanned = (node: FakeNode.FakeNode) => bed.us.banList.isBanned(Network.address(node.endPoint))
        const free = Effect.filter(liars, (node) => Effect.map(isBanned(node), (isBanned) => !isBanned))
        yield* bed.waitFor("all liars banned", Effect.map(free, (free) => free.length === 0), patience)
        assert.deepStrictEqual(yield* Effect.filter(honest, isBanned), [])

        yield* honest[0]!.mine(3)
        yield* bed.waitFor("the new tip", Effect.map(tip, ({ height }) => height === 2503), patience)
        assert.strictEqual(HashHex.format((yield* tip).hash), HashHex.format(honest[0]!.chain.tip.hash))
        const peers = yield* manager.peers
        assert.ok(peers.every(({ endPoint }) => honest.some((node) => node.endPoint === endPoint)))
        assert.isAtMost(yield* book.size, 20_000)
      }), { outbound: nodes, maxOutbound: nodes }), 60_000)
})
