/**
 * Wallets over a real chain of headers and real downloads, with nodes that a test makes.
 */
import { assert } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Option, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import type * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as Downloads from "../../../src/services/p2p/Downloads.ts"
import * as HeaderChain from "../../../src/services/p2p/HeaderChain.ts"
import * as PeerManager from "../../../src/services/p2p/PeerManager.ts"
import type * as WalletEvent from "../../../src/services/p2p/WalletEvent.ts"
import * as Wallets from "../../../src/services/p2p/Wallets.ts"
import * as WalletStore from "../../../src/services/p2p/WalletStore.ts"
import * as Network from "../network.ts"
import * as Peers from "./peers.ts"
import * as WalletChain from "./walletChain.ts"

/** A peer and what is behind it. */
export interface Node extends Peers.FakePeer {
  readonly node: WalletChain.WalletNode
}

export interface NodeOptions {
  readonly services?: bigint
  /** What it says to a message, in place of what its node would say. */
  readonly answer?: (
    message: P2PMessage.P2PMessage,
    node: WalletChain.WalletNode
  ) => ReadonlyArray<P2PMessage.P2PMessage>
}

/** Lets everything happen that needs no time: a peer answers with hundreds of messages. */
export const settle: Effect.Effect<void> = Effect.asVoid(Effect.repeat(Network.settle, { times: 9 }))

export interface Rig {
  readonly chain: HeaderChain.HeaderChain["Service"]
  /** Another set of wallets over the same store, as in another run of the program. */
  readonly wallets: Effect.Effect<
    Wallets.Wallets["Service"],
    WalletStore.WalletStoreError,
    Scope.Scope
  >
  /** Adds headers of blocks to the chain, and teaches all nodes. */
  readonly learn: (blocks: ReadonlyArray<WalletChain.WalletBlock>) => Effect.Effect<void>
  readonly join: (options?: NodeOptions) => Effect.Effect<Node>
  /** How many peers are wanted. */
  readonly wanted: () => number
  readonly store: WalletStore.WalletStore["Service"]
}

export const make: Effect.Effect<Rig, never, Scope.Scope> = Effect.gen(function*() {
  yield* TestClock.setTime(1_500_000_000_000)
  const peers = yield* Peers.make
  const context = yield* Layer.build(
    Layer.mergeAll(
      HeaderChain.layerMemory({ params: ChainParams.regtest }),
      peers.layer,
      WalletStore.layerMemory
    ).pipe(Layer.provideMerge(NodeHash256.layer))
  ).pipe(Effect.orDie)
  let wanted = 0
  const manager = PeerManager.PeerManager.of({
    ...Context.get(context, PeerManager.PeerManager),
    want: ({ count, services }) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.sync(() => {
          assert.strictEqual(services, 5n)
          wanted += count
        }),
        () => Effect.sync(() => void (wanted -= count))
      ))
  })
  const chain = Context.get(context, HeaderChain.HeaderChain)
  const store = Context.get(context, WalletStore.WalletStore)
  const known: Array<WalletChain.WalletBlock> = []
  const nodes: Array<WalletChain.WalletNode> = []

  return {
    chain,
    store,
    wanted: () => wanted,
    wallets: Effect.map(
      Layer.build(Wallets.layer.pipe(
        Layer.provide(Downloads.layer()),
        Layer.provide(Layer.succeedContext(Context.add(context, PeerManager.PeerManager, manager)))
      )),
      Context.get(Wallets.Wallets)
    ),
    learn: (blocks) =>
      Effect.gen(function*() {
        for (const node of nodes) node.learn(blocks)
        known.push(...blocks)
        yield* Effect.orDie(chain.accept(blocks.map(({ header }) => header)))
        yield* settle
      }),
    join: (options = {}) =>
      Effect.gen(function*() {
        const node = new WalletChain.WalletNode()
        node.learn(known)
        nodes.push(node)
        const fake = yield* peers.join({
          services: options.services ?? 5n,
          onSend: (message, self) => self.tell(...(options.answer ?? answer)(message, node))
        })
        yield* settle
        return { ...fake, node }
      })
  }
})

const answer = (message: P2PMessage.P2PMessage, node: WalletChain.WalletNode) => node.answer(message)

/** A wallet that is read all the time, until it is closed. */
export interface Open {
  readonly wallet: Wallets.Wallet
  readonly events: Array<WalletEvent.WalletEvent>
  readonly close: Effect.Effect<void>
}

export const open = (
  wallets: Wallets.Wallets["Service"],
  options: Wallets.OpenOptions,
  isRead = true
): Effect.Effect<Open> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const wallet = yield* Effect.orDie(Scope.provide(wallets.open(options), scope))
    const events: Array<WalletEvent.WalletEvent> = []
    const reader = isRead
      ? yield* Effect.forkDetach(
        Stream.runForEach(wallet.events, (event) => Effect.sync(() => void events.push(event)))
      )
      : undefined
    yield* settle
    return {
      wallet,
      events,
      close: Scope.close(scope, Exit.void).pipe(
        Effect.andThen(reader === undefined ? Effect.void : Effect.asVoid(Fiber.await(reader))),
        Effect.andThen(settle)
      )
    }
  })

/** Events as text, without bytes: `matched 3 ab12...`. */
export const show = (event: WalletEvent.WalletEvent): string => {
  switch (event._tag) {
    case "Matched":
      return `matched ${event.height} ${HashHex.format(event.txid)}`
    case "Unconfirmed":
      return `unconfirmed ${HashHex.format(event.txid)}`
    case "RolledBack":
      return `rolled back to ${event.height}: ${event.txids.map(HashHex.format).sort().join(" ")}`
    case "Synced":
      return `synced ${event.height}`
  }
}

export const heights = (wallet: Wallets.Wallet): Effect.Effect<readonly [number, number]> =>
  Effect.map(
    Effect.all([wallet.syncedTo, wallet.verifiedTo]),
    ([synced, verified]) => [Option.getOrElse(synced, () => -1), Option.getOrElse(verified, () => -1)] as const
  )
