/**
 * A broadcast whose peers a test makes.
 */
import { Effect, Exit, Layer, Scope } from "effect"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as Broadcast from "../../../src/services/p2p/Broadcast.ts"
import * as Peers from "./peers.ts"
import * as Relayed from "./relayed.ts"

export const start = (options: Broadcast.Options = {}) =>
  Effect.gen(function*() {
    const peers = yield* Peers.make
    const scope = yield* Scope.fork(yield* Effect.scope)
    const broadcast = yield* Broadcast.make(options).pipe(
      Effect.provide(Layer.merge(peers.layer, NodeHash256.layer)),
      Scope.provide(scope),
      Effect.orDie
    )
    return { ...peers, broadcast, close: Scope.close(scope, Exit.void) }
  })

export const some = Array.from({ length: 8 }, (_, n) => Relayed.transaction(n))

export const [payment, other] = some as [Relayed.Relayed, Relayed.Relayed]

export const getdata = (...relayed: ReadonlyArray<Relayed.Relayed>) =>
  P2PMessage.make("getdata", { inventory: relayed.map(({ item }) => item) })

export const reject = (relayed: Relayed.Relayed, code = 16, command = "tx") =>
  P2PMessage.make("reject", { command, code, reason: "bad-txns", data: relayed.hash })

/** A node that takes each transaction that it hears of, and may have more to say when it has it. */
export const node = (
  onTransaction?: (self: Peers.FakePeer) => Effect.Effect<unknown>
): Peers.PeerOptions => ({
  onSend: (message, self) => {
    if (message._tag === "inv") return self.tell(P2PMessage.make("getdata", { inventory: message.inventory }))
    return message._tag === "tx" ? onTransaction?.(self) ?? Effect.void : Effect.void
  }
})

export const show = ({ peers }: Pick<Broadcast.Result, "peers">) =>
  peers.map(({ peer, progress }) => `${peer} ${progress._tag}`).join(", ")

export const commands = ({ sent }: Peers.FakePeer) => sent.map(({ _tag }) => _tag).join(" ")

export const fork = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })
