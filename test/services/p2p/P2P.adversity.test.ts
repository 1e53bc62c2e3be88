/**
 * Networks of which a third lies.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as WalletElement from "../../../src/domain/p2p/WalletElement.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as PeerAddressBook from "../../../src/services/p2p/PeerAddressBook.ts"
import * as PeerManager from "../../../src/services/p2p/PeerManager.ts"
import * as Wallets from "../../../src/services/p2p/Wallets.ts"
import * as FakeNode from "../../utils/fakeNode.ts"
import * as Network from "../../utils/network.ts"
import { type NodeBed, withNode } from "../../utils/p2p/nodeBed.ts"
import * as Keys from "../../utils/wallet.ts"

const { Behaviour } = FakeNode.Behaviours

type Behaviour = FakeNode.Behaviours.Behaviour

const patience = { seconds: 20_000, step: 10 }

/** As many nodes, each third of which does one of these things, one after the other. */
const makeNodes = (count: number, chain: FakeNode.FakeChain.FakeChain, lies: ReadonlyArray<Behaviour>) =>
  Effect.gen(function*() {
    const gossip = new FakeNode.Gossip()
    const honest: Array<FakeNode.FakeNode> = []
    const liars: Array<FakeNode.FakeNode> = []
    for (let at = 0; at < count; at++) {
      // Not on this machine, whose address is never banned for those that were dialled there.
      const options = { address: `${(at < 117 ? 10 : 11) + at}.0.0.1:18444`, chain }
      if (at % 3 === 0) liars.push(yield* FakeNode.make({ ...options, behaviour: lies[at / 3 % lies.length]! }))
      else honest.push(yield* FakeNode.make({ ...options, gossip }))
    }
    return { honest, liars }
  })

const knowAll = (bed: NodeBed, nodes: ReadonlyArray<FakeNode.FakeNode>) =>
  bed.know(...nodes.map(({ endPoint }) => endPoint))

const banned = (bed: NodeBed, nodes: ReadonlyArray<FakeNode.FakeNode>) =>
  Effect.filter(nodes, (node) => bed.us.banList.isBanned(Network.address(node.endPoint)))

const tip = Effect.flatMap(HeaderChain.HeaderChain, (chain) => chain.tip)

const isAt = (expected: number) => Effect.map(tip, ({ height }) => height === expected)

const every = "1 minute"

describe("a network of 200 nodes", () => {
  it.effect("is followed to its honest tip, and who lies is banned", () =>
    withNode((bed) =>
      Effect.gen(function*() {
        const manager = yield* PeerManager.PeerManager
        const book = yield* PeerAddressBook.PeerAddressBook
        const { honest, liars } = yield* makeNodes(200, FakeNode.FakeChain.makeHeaders(2500), [
          Behaviour.BadHeaders({ flaw: "work" }),
          Behaviour.BadHeaders({ flaw: "time" }),
          Behaviour.Stalls({ on: ["getheaders"] }),
          Behaviour.EndlessHeaders(),
          Behaviour.SpamsAddresses({ messages: 10, count: 250, every }),
          Behaviour.BreaksChecksums({}),
          Behaviour.SendsUnasked({ count: 40 })
        ])
        const areBanned = (nodes: ReadonlyArray<FakeNode.FakeNode>) =>
          Effect.map(banned(bed, nodes), ({ length }) => length === nodes.length)
        // Those that spam come last: with thousands of addresses where nobody is, the others would be dialled too rarely.
        const spammers = liars.filter((_, at) => at % 7 === 4)
        const others = liars.filter((_, at) => at % 7 !== 4)
        yield* knowAll(bed, [...others, ...honest])
        yield* bed.waitFor("the tip", isAt(2500), patience)
        yield* bed.waitFor("most liars banned", areBanned(others), patience)
        yield* knowAll(bed, spammers)
        yield* bed.waitFor("all liars banned", areBanned(liars), patience)
        assert.deepStrictEqual(yield* banned(bed, honest), [])

        yield* honest[0]!.mine(3)
        yield* bed.waitFor("the new tip", isAt(2503), patience)
        assert.strictEqual(HashHex.format((yield* tip).hash), HashHex.format(honest[0]!.chain.tip.hash))
        const peers = yield* manager.peers
        assert.ok(peers.every(({ endPoint }) => honest.some((node) => node.endPoint === endPoint)))
        assert.isAtMost(yield* book.size, 20_000)
      }), { outbound: 200, maxOutbound: 200 }), 60_000)
})

/** A chain of 200 blocks with 20 payments, and their ids. */
const chainWithPayments = (address: Uint8Array) => {
  let chain = FakeNode.FakeChain.make(30)
  const payments: Array<string> = []
  for (let at = 1; at <= 20; at++) {
    const payment = FakeNode.FakeChain.pay(chain.at(at)!, address)
    payments.push(HashHex.format(payment.id))
    chain = chain.extend({ transactions: [payment] }).extend({ blocks: 9 })
  }
  return { chain, payments }
}

/** A wallet, and the ids of the transactions that it has found. */
const openWallet = Effect.fnUntraced(function*(id: string, hash: Uint8Array) {
  const wallets = yield* Wallets.Wallets
  const elements = [WalletElement.WalletElement.PublicKeyHash({ hash })]
  const wallet = yield* wallets.open({ id, firstBlock: { height: 1 }, elements })
  const found: Array<string> = []
  yield* Effect.forkScoped(Stream.runForEach(wallet.events, (event) =>
    Effect.sync(() => {
      if (event._tag === "Matched") found.push(HashHex.format(event.txid))
    })))
  return { wallet, found }
})

describe("a network of twelve nodes", () => {
  it.effect(
    "does not keep wallets from their payments: who hides or forges does not serve them for long",
    () =>
      withNode((bed) =>
        Effect.gen(function*() {
          const { address } = Keys.keyOf("somebody")
          const { chain, payments } = chainWithPayments(address)
          const { honest, liars } = yield* makeNodes(12, chain, [
            Behaviour.WithholdsMatches(),
            Behaviour.WithholdsTransactions(),
            Behaviour.ForgesMerkleBlocks({ flaw: "tree" }),
            Behaviour.Stalls({ on: ["merkleblocks", "ping"] })
          ])
          yield* knowAll(bed, [...liars, ...honest])
          yield* bed.waitFor("the tip", isAt(chain.height), patience)

          // Three wallets with three peers each: one of those at least is a liar.
          const opened = yield* Effect.forEach(["one", "two", "three"], (id) => openWallet(id, address))
          for (const { found, wallet } of opened) {
            const verified = Effect.map(wallet.verifiedTo, Option.getOrElse(() => 0))
            yield* bed.waitFor("all verified", Effect.map(verified, (height) => height >= chain.height), patience)
            assert.deepStrictEqual(found, payments)
          }

          assert.deepStrictEqual(yield* banned(bed, honest), [])
          // Who was not asked for a block had no occasion to lie.
          const lied = liars.filter((node) => node.count("getdata") > 0)
          assert.isAtLeast(lied.length, 1)
          const serving = Effect.map(
            Effect.forEach(opened, ({ wallet }) => wallet.peers),
            (peers) => lied.filter((node) => peers.flat().some(({ endPoint }) => endPoint === node.endPoint))
          )
          yield* bed.waitFor("no liar that serves", Effect.map(serving, ({ length }) => length === 0), patience)
        }), { outbound: 12 }),
    60_000
  )
})
