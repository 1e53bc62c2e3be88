import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, type Scope, Stream } from "effect"
import * as CommandFailure from "../../../src/domain/CommandFailure.ts"
import * as HubAddressMonitor from "../../../src/domain/hub/HubAddressMonitor.ts"
import * as HubApi from "../../../src/domain/hub/HubApi.ts"
import * as HubBlockNotification from "../../../src/domain/hub/HubBlockNotification.ts"
import * as HubIndexer from "../../../src/domain/hub/HubIndexer.ts"
import * as HubMining from "../../../src/domain/hub/HubMining.ts"
import * as HubTransactionMonitor from "../../../src/domain/hub/HubTransactionMonitor.ts"
import * as HubUtil from "../../../src/domain/hub/HubUtil.ts"
import * as Message from "../../../src/domain/Message.ts"
import type * as HubClient from "../../../src/services/hub/HubClient.ts"
import * as HubError from "../../../src/services/hub/HubError.ts"
import * as IndexerClient from "../../../src/services/hub/IndexerClient.ts"
import * as MessageClient from "../../../src/services/MessageClient.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import * as FakeHub from "../../utils/fakeHub.ts"
import { type AnyCall, frames, repliesTo } from "../../utils/hubTrace.ts"
import { first, height, index, offset, second } from "../../utils/hubValues.ts"
import * as Native from "../../utils/native.ts"
import { type Bed, settle, withBed } from "../../utils/network.ts"

type Hub = HubClient.HubClient["Service"]
type Indexer = IndexerClient.IndexerClient["Service"]
type Ask = (hub: Hub, indexer: Indexer) => Effect.Effect<unknown, HubError.HubError>

const byHeight = { height: height(1) }
const output = { txId: second.spent, index: index(0) }

/** Every call of both clients. */
const calls: { readonly [name: string]: Ask } = {
  version: (hub) => hub.version,
  getBlockChainInfo: (hub) => hub.blockChainInfo,
  getBestBlockHash: (hub) => hub.bestBlockHash,
  getBlock: (hub) => hub.block(byHeight, { withTxId: true, withInputs: true, withOutputs: true }),
  getBlockVerbose: (hub) => hub.blockVerbose(byHeight),
  getBlockHeader: (hub) => hub.blockHeader(byHeight),
  getBlockCount: (hub) => hub.blockCount,
  getTransaction: (hub) => hub.transaction({ height: height(1), offset: offset(81) }),
  getLiveTransaction: (hub) => hub.liveTransaction({ txId: second.payment }),
  sendTransaction: (hub) => hub.sendTransaction(Uint8Array.of(1)),
  isUnspent: (hub) => hub.isUnspent([output]),
  getUnspentOutput: (hub) => hub.unspentOutputs([output, output]),
  searchMempool: (hub) => hub.searchMempool({ txIds: [second.payment] }),
  getMempoolInfo: (hub) => hub.mempoolInfo,
  createAddress: (hub) => hub.createAddress,
  validateAddress: (hub) => hub.validateAddress("bchreg:q"),
  generateBlock: (hub) => hub.generateBlocks({ address: first.miner }),
  submitBlock: (hub) => hub.submitBlock(Uint8Array.of(1)),
  subscribeAddresses: (hub) => Stream.runHead(Stream.interruptWhen(hub.addresses([second.minerScript]), settle)),
  subscribeTransactions: (hub) => Stream.runHead(Stream.interruptWhen(hub.transactions([second.payment]), settle)),
  // Streams give up their subscriptions when nobody looks any more, so these are asked without one.
  unsubscribeAddresses: ({ connection }) =>
    Effect.mapError(
      MessageClient.make(HubAddressMonitor.group, connection).unsubscribeAddresses({ scriptHashes: [] }),
      HubError.fromCallError
    ),
  unsubscribeTransactions: ({ connection }) =>
    Effect.mapError(
      MessageClient.make(HubTransactionMonitor.group, connection).unsubscribeTransactions({ txIds: [] }),
      HubError.fromCallError
    ),
  getAvailableIndexers: (_, indexer) => indexer.available,
  findTransaction: (_, indexer) => indexer.findTransaction(second.payment),
  findAddress: (_, indexer) => indexer.findAddress({ address: first.miner }),
  findSpentOutput: (_, indexer) => indexer.findSpentOutput(output),
  getIndexerLastBlock: (_, indexer) => indexer.lastBlock,
  indexerVersion: (_, indexer) => indexer.version
}

const place = { height: height(126), offset: offset(181) }

/** Replies to what was never recorded. */
const written: { readonly [name: string]: Result.Result<Uint8Array, unknown> } = {
  unsubscribeTransactions: HubTransactionMonitor.unsubscribeTransactions.reply.encode({ count: 1, error: "none" }),
  validateAddress: HubUtil.validateAddress.reply.encode({
    isValid: true,
    address: "bchreg:q",
    script: Uint8Array.of(0x76)
  }),
  submitBlock: HubMining.submitBlock.reply.encode({ hash: second.block }),
  getAvailableIndexers: HubIndexer.getAvailableIndexers.reply.encode({ addresses: true, spentOutputs: false }),
  findTransaction: HubIndexer.findTransaction.reply.encode(place),
  findAddress: HubIndexer.findAddress.reply.encode([{ ...place, index: index(0) }, { ...place, index: index(1) }]),
  findSpentOutput: HubIndexer.findSpentOutput.reply.encode(place),
  getIndexerLastBlock: HubIndexer.getIndexerLastBlock.reply.encode({ height: place.height, hash: second.block }),
  indexerVersion: HubIndexer.indexerVersion.reply.encode({ version: "Indexer:1" })
}

const originals = (name: string): ReadonlyArray<Uint8Array> =>
  written[name] === undefined ? repliesTo(name) : [Result.getOrThrow(written[name])]

const everyBody = frames.flatMap(({ message }) => message === undefined ? [] : [message.body])

const splice = (bytes: Uint8Array, from: number, to: number, put: Uint8Array): Uint8Array =>
  Native.concat([bytes.subarray(0, from), put, bytes.subarray(to)])

/** A body with something wrong, as a rule. */
const mutate = (random: Native.Random, original: Uint8Array): Uint8Array => {
  const at = random.below(original.length + 1)
  const end = Math.min(original.length, at + random.below(8))
  switch (random.below(8)) {
    case 0:
      return original.subarray(0, at)
    case 1:
      return splice(original, at, at, random.bytes(1 + random.below(6)))
    case 2:
      return splice(original, at, end, new Uint8Array(0))
    case 3:
      return splice(original, at, at, original.subarray(at, end))
    case 4:
      return random.pick(everyBody)
    case 5:
      return random.bytes(random.below(40))
    default: {
      const bytes = original.slice()
      for (let flips = 1 + random.below(4); flips > 0 && bytes.length > 0; flips--) {
        const where = random.below(bytes.length)
        bytes[where] = bytes[where]! ^ (1 << random.below(8))
      }
      return bytes
    }
  }
}

/** A Hub that answers everything with what it is told, the client of it and one of an indexer at the same place. */
const clients = Effect.fnUntraced(function*(
  bed: Bed,
  answer: FakeHub.Answer
): Effect.fn.Return<{ readonly hub: Hub; readonly indexer: Indexer }, never, Scope.Scope> {
  yield* FakeHub.start(bed, answer)
  const host = yield* bed.host(FakeHub.clientHost)
  const hub = yield* FakeHub.clientOn(host)
  const indexer = yield* Effect.orDie(
    Effect.provideService(
      IndexerClient.make({ endPoint: FakeHub.endPoint }),
      NetworkManager.NetworkManager,
      host.manager
    )
  )
  return { hub, indexer }
})

const runs = 1000

describe("a client of a Hub that answers nonsense", () => {
  it("is asked every call that has an answer", () => {
    assert.sameMembers(
      Object.keys(calls),
      HubApi.group.members.filter(({ kind }) => kind === "call").map(({ name }) => name)
    )
    assert.isTrue(Object.keys(calls).every((name) => originals(name).length > 0))
  })

  it.effect.each(Object.entries(calls))(
    "%s fails with typed errors only, and the connection stays",
    ([name, ask]) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const random = new Native.Random(Native.seed)
          const call = HubApi.group.members.find((member) => member.name === name) as AnyCall
          const answer: FakeHub.Answer = (request) => {
            // Who gives a subscription up is not what this is about.
            if (request.messageId !== call.messageId) return []
            const body = mutate(random, random.pick(originals(name)))
            const kind = random.below(20)
            const { header } = Message.reply(request)
            if (kind === 0) return [Message.make({ ...CommandFailure.address, header, body })]
            const messageId = kind === 1 ? call.messageId + 1 + random.below(9) : call.replyId
            return [Message.make({ serviceId: call.serviceId, messageId, header, body })]
          }
          const { hub, indexer } = yield* clients(bed, answer)
          yield* hub.connection.connected
          const state = yield* hub.connection.state
          const outcomes: { [tag: string]: number } = {}
          for (let run = 0; run < runs; run++) {
            const result = yield* Effect.result(ask(hub, indexer))
            if (Result.isFailure(result)) assert.instanceOf(result.failure, HubError.HubError)
            const tag = Result.isFailure(result) ? result.failure.reason._tag : "fine"
            outcomes[tag] = (outcomes[tag] ?? 0) + 1
          }
          const context = `seed ${Native.seed}: ${JSON.stringify(outcomes)}`
          assert.strictEqual(yield* hub.connection.state, state, context)
          assert.isAbove(outcomes["BodyDecodeError"] ?? 0, 10, context)
          assert.isAbove(outcomes["UnexpectedReply"] ?? 0, 10, context)
          assert.isAbove(outcomes["CommandFailed"] ?? 0, 10, context)
          const known = new Set(["fine", "BodyDecodeError", "UnexpectedReply", "CommandFailed", "SenselessReply"])
          assert.deepStrictEqual(Object.keys(outcomes).filter((tag) => !known.has(tag)), [], context)
        })
      ),
    60_000
  )
})

/** The streams that tell of each notification. */
const streams: {
  readonly [name: string]: (hub: Hub) => Stream.Stream<{ readonly _tag: string }, HubError.HubError>
} = {
  newBlockOnChain: (hub) => hub.blocks(),
  blocksRemoved: (hub) => hub.blocks(),
  addressFound: (hub) => hub.addresses([second.minerScript]),
  addressDoubleSpend: (hub) => hub.addresses([second.minerScript]),
  transactionFound: (hub) => hub.transactions([second.payment]),
  transactionDoubleSpend: (hub) => hub.transactions([second.payment]),
  doubleSpendFound: (hub) => hub.doubleSpends()
}

const removed = HubBlockNotification.blocksRemoved.payload.encode([{ hash: second.block, height: height(126) }])

describe("a client of a Hub that tells nonsense", () => {
  const notifications = HubApi.group.members.filter(({ kind }) => kind === "notification")

  it("has a stream for every notification", () => {
    assert.sameMembers(Object.keys(streams), notifications.map(({ name }) => name))
  })

  it.effect.each(notifications.map((notification) => [notification.name, notification] as const))(
    "%s fails with typed errors only, and the connection stays",
    ([name, { messageId, serviceId }]) =>
      withBed((bed) =>
        Effect.gen(function*() {
          const random = new Native.Random(Native.seed)
          const recorded = frames.flatMap(({ meaning, message }) =>
            meaning.kind === "notification" && meaning.notification.name === name ? [message!.body] : []
          )
          const originals = name === "blocksRemoved" ? [Result.getOrThrow(removed)] : recorded
          assert.isNotEmpty(originals)
          const answer = FakeHub.recorded("hub-regtest", "hub-regtest-spend")
          const fake = yield* FakeHub.start(bed, (request, connection) =>
            request.serviceId === 17 || request.serviceId === 20
              ? [Message.reply(request, { body: Uint8Array.of(0xa8, 1) })]
              : answer(request, connection))
          const hub = yield* FakeHub.client(bed, { timeout: "1 second" })
          yield* hub.connection.connected
          const state = yield* hub.connection.state
          const outcomes: { [tag: string]: number } = {}
          const count = (tag: string) =>
            Effect.sync(() => void (outcomes[tag] = (outcomes[tag] ?? 0) + 1))
          yield* Effect.forkChild(
            Stream.runForEach(streams[name]!(hub), ({ _tag }) =>
              count(_tag)).pipe(
                Effect.catch((error) => {
                  assert.instanceOf(error, HubError.HubError)
                  return count(error.reason._tag)
                }),
                Effect.forever
              )
          )
          yield* settle
          for (let run = 0; run < runs; run++) {
            yield* fake.push(Message.make({ serviceId, messageId, body: mutate(random, random.pick(originals)) }))
            yield* settle
          }
          const context = `seed ${Native.seed}: ${JSON.stringify(outcomes)}`
          assert.strictEqual(yield* hub.connection.state, state, context)
          assert.isAbove(outcomes["BodyDecodeError"] ?? 0, 100, context)
        })
      ),
    60_000
  )
})
