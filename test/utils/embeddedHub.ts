/**
 * A Hub in the test's own process, and a client of it.
 */
import { assert } from "@effect/vitest"
import { Context, Effect, Layer, Queue, Result } from "effect"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import type * as Transaction from "../../src/domain/chain/Transaction.ts"
import * as HubApi from "../../src/domain/hub/HubApi.ts"
import * as HubHash from "../../src/domain/hub/HubHash.ts"
import * as HubQuantity from "../../src/domain/hub/HubQuantity.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import type * as Connection from "../../src/services/Connection.ts"
import * as EmbeddedHub from "../../src/services/hub/EmbeddedHub.ts"
import * as RegtestChain from "../../src/services/hub/RegtestChain.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as Native from "./native.ts"
import * as Wallet from "./wallet.ts"

export const version = "Flowee:1 (2021-04)"

/** A Hub of its own for each test. */
export const layer = EmbeddedHub.layer({ version }).pipe(Layer.provideMerge(NodeNetwork.layer()))

/** A client with a socket of its own, which connections of one manager would share. */
export const connect = Effect.gen(function*() {
  const { endPoint } = yield* EmbeddedHub.EmbeddedHub
  const manager = Context.get(yield* Layer.build(NodeNetwork.layer()), NetworkManager.NetworkManager)
  const connection = yield* manager.connect(endPoint)
  return { connection, hub: MessageClient.make(HubApi.group, connection, { timeout: "5 seconds" }) }
})

export const { addressHash, script } = Wallet.traceKey

/** Mines so many blocks that pay the key of the recordings. */
export const mine = (blocks: number, key = Wallet.traceKey) =>
  Effect.flatMap(RegtestChain.RegtestChain, (chain) => chain.generate({ address: key.address, blocks }))

/** The coin of the block at a height of the chain, whose coinbase begins at byte 81. */
export const coinAt = (height: number) =>
  Effect.flatMap(RegtestChain.RegtestChain, (chain) =>
    chain.look((chain): Wallet.Coin => {
      const coinbase = chain.transaction({ block: chain.blockAt(height)!, offset: 81 })!
      return { txId: coinbase.id, index: 0, amount: coinbase.outputs[0].amount }
    }))

/** What a call that fails says. */
export const refusal = <A, E>(call: Effect.Effect<A, E>): Effect.Effect<string, A> =>
  Effect.map(Effect.flip(call), (error) => {
    assert(error instanceof MessageClient.CallError, String(error))
    assert(error.reason instanceof CommandFailure.CommandFailed, error.message)
    return error.reason.text
  })

/** The notifications of a service that come from now on, one after another. */
export const notifications = <Name extends string, Payload>(
  connection: Connection.Connection,
  { messageId, payload, serviceId }: MessageGroup.Notification<Name, Payload>
) =>
  Effect.gen(function*() {
    const queue = yield* Queue.unbounded<Payload>()
    yield* connection.handle((message) => {
      if (message.messageId !== messageId) return
      Queue.offerUnsafe(queue, Result.getOrThrow(payload.decode(Message.keep(message))))
    }, { serviceId }).pipe(Effect.forkScoped({ startImmediately: true }))
    return {
      next: Effect.orDie(Effect.timeout(Queue.take(queue), "5 seconds")),
      /** What has come that nobody has asked for. Ask the Hub something first: its answer comes after it. */
      rest: Effect.andThen(Effect.sleep("10 millis"), Queue.clear(queue))
    }
  })

export const amount = (value: bigint) => HubQuantity.Amount.make(value)
export const height = (value: number) => HubQuantity.BlockHeight.make(value)
export const offset = (value: number) => HubQuantity.OffsetInBlock.make(value)
export const index = (value: number) => HubQuantity.OutputIndex.make(value)
export const txId = ({ id }: { readonly id: Uint8Array }) => HubHash.TxId.make(HubHash.fromBytes(id))
export const txIdOf = ({ txId }: Transaction.OutPoint) => HubHash.TxId.make(HubHash.fromBytes(txId))
export const blockHash = ({ hash }: { readonly hash: Uint8Array }) => HubHash.BlockHash.make(HubHash.fromBytes(hash))
export const hex = Native.toHex
