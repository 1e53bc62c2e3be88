/**
 * A Hub with a chain of headers that a test lets grow and change, and that tells its subscribers so.
 */
import { Effect, Result } from "effect"
import * as Header from "../../src/domain/Header.ts"
import * as HubBlockChain from "../../src/domain/hub/HubBlockChain.ts"
import * as HubBlockNotification from "../../src/domain/hub/HubBlockNotification.ts"
import * as HubHash from "../../src/domain/hub/HubHash.ts"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import * as FakeHub from "./fakeHub.ts"
import * as Values from "./hubValues.ts"
import { type Bed, settle } from "./network.ts"

type BlockRef = HubBlockNotification.BlockRef

/** What is done to an answer before it is sent. */
export type Tamper = (
  request: Message.Message,
  answer: ReadonlyArray<Message.Message>
) => ReadonlyArray<Message.Message>

const merkleRoot = HubHash.MerkleRoot.make(Values.same("11"))

const numbers = { version: 1, merkleRoot, time: 1, medianTime: 1, nonce: 0, bits: 1, difficulty: 1 }

export class ChainHub {
  /** By height. */
  blocks: Array<HubHash.BlockHash> = []
  readonly subscribers = new Set<Connection.Connection>()
  tamper: Tamper = (_, answer) => answer
  #made = 0

  constructor(length: number) {
    this.grow(length)
  }

  get tip(): BlockRef {
    return this.ref(this.blocks.length - 1)
  }

  ref(height: number): BlockRef {
    return { height: Values.height(height), hash: this.blocks[height]! }
  }

  /** Adds blocks without telling anybody. */
  grow(count: number): ReadonlyArray<BlockRef> {
    return Array.from({ length: count }, () => {
      this.#made += 1
      this.blocks.push(Values.block(this.#made.toString(16).padStart(64, "0")))
      return this.tip
    })
  }

  /** Takes blocks away without telling anybody, the highest first. */
  shrink(count: number): ReadonlyArray<BlockRef> {
    return Array.from({ length: count }, () => {
      const removed = this.tip
      this.blocks.pop()
      return removed
    })
  }

  /** Subscriptions belong to connections: those that are gone have none. */
  forget(connections: ReadonlyArray<Connection.Connection>): void {
    const ids = new Set(connections.map(({ id }) => id))
    for (const connection of this.subscribers) if (!ids.has(connection.id)) this.subscribers.delete(connection)
  }

  readonly answer: FakeHub.Answer = (request, connection) => this.tamper(request, this.#answer(request, connection))

  #answer(request: Message.Message, connection: Connection.Connection): ReadonlyArray<Message.Message> {
    switch (FakeHub.idOf(request)) {
      case "1/0":
        return [Message.reply(request, { body: this.#info })]
      case "1/8":
        return [Message.reply(request, { body: this.#header(request) })]
      case "18/0":
        this.subscribers.add(connection)
        return []
      case "18/2":
        this.subscribers.delete(connection)
        return []
      default:
        return []
    }
  }

  get #info(): Uint8Array {
    const { hash, height } = this.tip
    return Result.getOrThrow(HubBlockChain.getBlockChainInfo.reply.encode({
      chain: "regtest",
      blocks: height,
      headers: height,
      bestBlock: hash,
      difficulty: 1,
      medianTime: 1,
      progress: 1,
      work: 1n
    }))
  }

  #header(request: Message.Message): Uint8Array {
    const asked = Result.getOrThrow(HubBlockChain.getBlockHeader.request.decode(request))
    const height = asked.height!
    const previous = this.blocks[height - 1]
    const found = this.blocks[height] === undefined ? [] : [{
      ...this.ref(height),
      ...numbers,
      confirmations: this.blocks.length - height,
      ...(previous === undefined ? {} : { previous })
    }]
    return Result.getOrThrow(HubBlockChain.getBlockHeader.reply.encode(found))
  }
}

const tell = (hub: ChainHub, message: Message.Message): Effect.Effect<void> =>
  Effect.forEach(hub.subscribers, (connection) => Effect.ignore(connection.send(message)), { discard: true })

export const added = (block: BlockRef): Message.Message =>
  Message.make({
    serviceId: 18,
    messageId: 4,
    header: Header.empty,
    body: Result.getOrThrow(HubBlockNotification.newBlockOnChain.payload.encode(block))
  })

export const removed = (blocks: ReadonlyArray<BlockRef>): Message.Message =>
  Message.make({
    serviceId: 18,
    messageId: 6,
    body: Result.getOrThrow(HubBlockNotification.blocksRemoved.payload.encode(blocks))
  })

/** Adds blocks and tells of them. */
export const mine = (hub: ChainHub, count = 1): Effect.Effect<void> =>
  Effect.andThen(
    Effect.suspend(() => Effect.forEach(hub.grow(count), (block) => tell(hub, added(block)), { discard: true })),
    settle
  )

/** Replaces the last blocks by one more, and tells of it. */
export const reorganise = (hub: ChainHub, depth: number): Effect.Effect<void> =>
  Effect.suspend(() => tell(hub, removed(hub.shrink(depth)))).pipe(Effect.andThen(mine(hub, depth + 1)))

export const start = Effect.fnUntraced(function*(bed: Bed, length: number) {
  const hub = new ChainHub(length)
  return { hub, fake: yield* FakeHub.start(bed, hub.answer) }
})
