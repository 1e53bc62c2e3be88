import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type * as HubClient from "../../../src/services/hub/HubClient.ts"
import type * as HubError from "../../../src/services/hub/HubError.ts"
import * as IndexerClient from "../../../src/services/hub/IndexerClient.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import * as FakeHub from "../../utils/fakeHub.ts"
import {
  address,
  amount,
  block,
  first,
  height,
  index,
  offset,
  same,
  scriptHash,
  second,
  txId
} from "../../utils/hubValues.ts"
import { settle, withBed } from "../../utils/network.ts"

type Hub = HubClient.HubClient["Service"]

/** What a program without types could pass. */
const wrong = (value: unknown) => value as never

const noHash = "64 lower-case hexadecimal digits"
const upper = second.payment.toUpperCase()

const hubCases: ReadonlyArray<
  readonly [
    what: string,
    call: (hub: Hub) => Effect.Effect<unknown, HubError.HubError>,
    argument: string,
    problem: string
  ]
> = [
  ["no block", (hub) => hub.blockHeader(wrong({})), "hash", "give hash, or height"],
  [
    "two blocks",
    (hub) => hub.blockVerbose(wrong({ hash: second.block, height: height(1) })),
    "height",
    "give hash, or height, but not both"
  ],
  ["a short hash", (hub) => hub.block({ hash: wrong("00ff") }), "hash", `${noHash}; found the string "00ff"`],
  ["a hash in capitals", (hub) => hub.transaction({ txId: wrong(upper) }), "txId", noHash],
  ["bytes for a hash", (hub) => hub.blockHeader({ hash: wrong(new Uint8Array(32)) }), "hash", "found 32 bytes"],
  ["a height below 0", (hub) => hub.block({ height: wrong(-1) }), "height", "a height from 0 to 2147483647"],
  ["half a height", (hub) => hub.blockVerbose({ height: wrong(0.5) }), "height", "found the double 0.5"],
  ["a height as text", (hub) => hub.blockHeader({ height: wrong("1") }), "height", `found the string "1"`],
  [
    "a height without an offset",
    (hub) => hub.transaction(wrong({ height: 5 })),
    "height",
    "give txId, or height and offset"
  ],
  [
    "an offset without a height",
    (hub) => hub.transaction(wrong({ offset: 5 })),
    "offset",
    "give txId, or height and offset"
  ],
  [
    "an offset that is too large",
    (hub) => hub.transaction({ height: height(1), offset: wrong(2 ** 31) }),
    "offset",
    "an offset from 0 to 2147483647"
  ],
  [
    "a choice that is no boolean",
    (hub) => hub.block({ height: height(1) }, { withTxId: wrong("yes") }),
    "withTxId",
    "expected a boolean"
  ],
  [
    "an output that there cannot be",
    (hub) => hub.transaction({ txId: second.payment }, { onlyOutputs: [index(0), wrong(-1)] }),
    "onlyOutputs[1]",
    "an index from 0 to 4294967295"
  ],
  [
    "a first script hash",
    (hub) => hub.block({ height: height(1) }, { scriptHashes: [wrong("1")] }),
    "scriptHashes[0]",
    noHash
  ],
  [
    "a further script hash",
    (hub) => hub.block({ height: height(1) }, { scriptHashes: [second.minerScript, second.minerScript, wrong("1")] }),
    "scriptHashes[2]",
    noHash
  ],
  [
    "kinds of scripts",
    (hub) => hub.block({ height: height(1) }, { scriptKinds: -1 }),
    "scriptKinds",
    "; found "
  ],
  ["no transaction", (hub) => hub.liveTransaction(wrong({})), "txId", "give txId, or scriptHash"],
  ["a script hash", (hub) => hub.liveTransaction({ scriptHash: wrong("x") }), "scriptHash", noHash],
  ["an empty transaction", (hub) => hub.sendTransaction(new Uint8Array(0)), "transaction", "give some bytes"],
  ["a transaction in hex", (hub) => hub.sendTransaction(wrong("0200")), "transaction", "give some bytes"],
  ["an empty block", (hub) => hub.submitBlock(new Uint8Array(0)), "block", "give some bytes"],
  [
    "an output of nothing",
    (hub) => hub.isUnspent([{ txId: second.spent }, wrong({ index: 1 })]),
    "outputs[1].txId",
    "give txId, or height and offset"
  ],
  [
    "an output of a wrong hash",
    (hub) => hub.unspentOutputs([{ txId: second.spent }, { txId: wrong("0") }]),
    "outputs[1].txId",
    noHash
  ],
  [
    "an output with a wrong index",
    (hub) => hub.unspentOutputs([{ txId: second.spent, index: wrong(2 ** 32) }]),
    "outputs[0].index",
    "an index from 0 to 4294967295"
  ],
  ["a search for nothing", (hub) => hub.searchMempool({}), "txIds", "give some ids, or some script hashes"],
  ["a search for what is no hash", (hub) => hub.searchMempool({ txIds: [wrong("a")] }), "txIds[0]", noHash],
  ["no text", (hub) => hub.validateAddress(wrong(7)), "address", "expected a well-formed string; found "],
  ["no blocks", (hub) => hub.generateBlocks({ address: first.miner, blocks: 0 }), "blocks", "give 1 to 150, not 0"],
  [
    "too many blocks",
    (hub) => hub.generateBlocks({ address: first.miner, blocks: 151 }),
    "blocks",
    "give 1 to 150, not 151"
  ],
  [
    "part of a block",
    (hub) => hub.generateBlocks({ address: first.miner, blocks: 1.5 }),
    "blocks",
    "give 1 to 150, not 1.5"
  ],
  [
    "text where a hash of an address belongs",
    (hub) => hub.generateBlocks({ address: wrong("bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd") }),
    "address",
    "an address hash of 40 lower-case hexadecimal digits"
  ],
  [
    "an id of a transaction for an address",
    (hub) => hub.generateBlocks({ address: wrong(second.payment) }),
    "address",
    "40"
  ],
  ["nothing to watch", (hub) => Stream.runDrain(hub.addresses([])), "scriptHashes", "give at least one"],
  [
    "what is no hash to watch",
    (hub) => Stream.runDrain(hub.addresses([second.minerScript, wrong("1")])),
    "scriptHashes[1]",
    noHash
  ],
  ["no transactions to watch", (hub) => Stream.runDrain(hub.transactions([])), "txIds", "give at least one"],
  ["what is no transaction", (hub) => Stream.runDrain(hub.transactions([wrong(7)])), "txIds[0]", noHash],
  [
    "no room",
    (hub) => Stream.runDrain(hub.doubleSpends({ bufferSize: 0 })),
    "bufferSize",
    "a whole number from 1, not 0"
  ],
  ["no number", (hub) => Stream.runDrain(hub.blocks({ bufferSize: Number.NaN })), "bufferSize", "from 1, not NaN"],
  ["a first block", (hub) => Stream.runDrain(hub.blocks({ from: wrong(-5) })), "from", "from 0 to 2147483647, not -5"]
]

type Indexer = IndexerClient.IndexerClient["Service"]

const indexerCases: ReadonlyArray<
  readonly [
    what: string,
    call: (indexer: Indexer) => Effect.Effect<unknown, HubError.HubError>,
    argument: string,
    problem: string
  ]
> = [
  ["no transaction", (indexer) => indexer.findTransaction(wrong(same("0"))), "txId", noHash],
  ["neither address nor script", (indexer) => indexer.findAddress(wrong({})), "address", "give address, or scriptHash"],
  [
    "a wrong index",
    (indexer) => indexer.findSpentOutput({ txId: second.payment, index: wrong(-1) }),
    "index",
    "; found "
  ]
]

const refused = Effect.fnUntraced(function*(
  call: Effect.Effect<unknown, HubError.HubError>,
  argument: string,
  problem: string
) {
  const { message, reason } = yield* Effect.flip(call)
  assert(reason._tag === "BadArgument", message)
  assert.strictEqual(reason.argument, argument)
  assert.include(reason.problem, problem)
  assert.include(message, `argument "${argument}": `)
})

/** Nothing is sent, not even a word that nobody answers. */
const withSilent = <A, E>(test: (hub: Hub, indexer: Indexer) => Effect.Effect<A, E>) =>
  withBed((bed) =>
    Effect.gen(function*() {
      const fake = yield* FakeHub.start(bed, () => [])
      const host = yield* bed.host(FakeHub.clientHost)
      const hub = yield* FakeHub.clientOn(host)
      const indexer = yield* Effect.orDie(Effect.provideService(
        IndexerClient.make({ endPoint: FakeHub.endPoint }),
        NetworkManager.NetworkManager,
        host.manager
      ))
      yield* hub.connection.connected
      yield* test(hub, indexer)
      yield* settle
      assert.deepStrictEqual(fake.heard(), [])
    })
  )

describe("a client of a Hub refuses, naming the argument, without a word to the Hub:", () => {
  it.effect.each(hubCases)(
    "%s",
    ([, call, argument, problem]) => withSilent((hub) => refused(call(hub), argument, problem))
  )

  it.effect.each(indexerCases)(
    "of an indexer: %s",
    ([, call, argument, problem]) => withSilent((_, indexer) => refused(call(indexer), argument, problem))
  )

  it.effect("an address of another network, or of another kind", () =>
    withBed((bed) =>
      Effect.gen(function*() {
        const fake = yield* FakeHub.start(bed, FakeHub.recorded("hub-regtest"))
        const hub = yield* FakeHub.client(bed)
        yield* hub.network
        fake.heard()
        for (
          const [text, problem] of [
            ["bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", `its prefix is "bitcoincash"`],
            ["bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnche", "checksum"],
            ["", "is no address"],
            ["1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "is no address"]
          ] as const
        ) {
          const { reason } = yield* Effect.flip(hub.parseAddress(text))
          assert(reason._tag === "BadArgument")
          assert.strictEqual(reason.argument, "text")
          assert.include(reason.problem.toLowerCase(), problem.toLowerCase())
        }
        assert.deepStrictEqual(fake.heard(), [])
      })
    ))
})

describe("values of the Hub API", () => {
  it("are not made of what they are not", () => {
    assert.throws(() => block("00"))
    assert.throws(() => txId(`${same("00")}00`))
    assert.throws(() => scriptHash(same("zz")))
    assert.throws(() => address(same("00")))
    assert.throws(() => height(-1))
    assert.throws(() => offset(Number.POSITIVE_INFINITY))
    assert.throws(() => index(1.5))
    assert.throws(() => amount(-1n))
    assert.throws(() => amount(2_100_000_000_000_001n))
    assert.strictEqual(amount(2_100_000_000_000_000n), 2_100_000_000_000_000n)
  })
})
