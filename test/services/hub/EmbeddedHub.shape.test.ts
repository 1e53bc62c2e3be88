import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as Fs from "node:fs"
import * as Tagged from "../../../src/domain/Tagged.ts"
import * as EmbeddedHub from "../../../src/services/hub/EmbeddedHub.ts"
import * as Fixture from "../../utils/embeddedHub.ts"
import * as Native from "../../utils/native.ts"
import * as RawHub from "../../utils/rawHub.ts"
import * as Wallet from "../../utils/wallet.ts"

interface Frame {
  readonly dir: "client->hub" | "hub->client"
  readonly label?: string
  readonly hex: string
}

const read = (name: string): ReadonlyArray<Frame> =>
  JSON.parse(Fs.readFileSync(new URL(`../../traces/${name}.json`, import.meta.url), "utf8")).frames

/** Puts the bytes of this chain in the place of recorded ones. */
type Substitution = ReadonlyMap<string, Uint8Array>

const substitute = (recorded: Uint8Array, mine: Substitution): Uint8Array => {
  const { bodyValues, header } = RawHub.parse(recorded)
  const values = bodyValues.map((value) =>
    value._tag === "Bytes" ? Tagged.bytes(value.tag, mine.get(Native.toHex(value.value)) ?? value.value) : value
  )
  return RawHub.format(header, Result.getOrThrow(Tagged.encode(values)))
}

/** Times, the nonce, and what a mempool takes, in which signatures are a byte longer or shorter, are nobody's promise. */
const freeInts = new Set(["1/63", "1/65", "1/74", "2/28", "2/61", "2/62"])

/** What has to be the same: all of the header, and of the body tags, types, texts, flags and most integers. */
const shapeOf = (frame: Uint8Array) => {
  const { bodyValues, headerValues } = RawHub.parse(frame)
  const serviceId = headerValues[0]!.value
  return {
    header: headerValues.map(({ tag, value }) => [tag, value]),
    body: bodyValues.map(({ _tag, tag, value }) => {
      const isFree = _tag === "Bytes" || _tag === "Double" || freeInts.has(`${serviceId}/${tag}`)
      return isFree ? [tag, _tag] : [tag, _tag, value]
    })
  }
}

/** Says what the client said, and hears whether the answers come in the same shape and order. */
const play = (frames: ReadonlyArray<Frame>, mine: Substitution) =>
  Effect.gen(function*() {
    const { endPoint } = yield* EmbeddedHub.EmbeddedHub
    const hub = yield* RawHub.connect(endPoint)
    let label = ""
    for (const { dir, hex, label: own } of frames) {
      const recorded = Native.fromHex(hex)
      label = own ?? label
      if (dir === "client->hub") yield* hub.send(substitute(recorded, mine))
      else assert.deepStrictEqual(shapeOf(yield* hub.next), shapeOf(recorded), label)
    }
    // Were there anything more, it would come before the answer to this.
    yield* hub.send(Native.fromHex("090008001000580104"))
    assert.deepStrictEqual(shapeOf(yield* hub.next).header, [[1, 0], [2, 1], [11, 1]])
  })

const labelled = (frames: ReadonlyArray<Frame>, label: string): number =>
  frames.findIndex((frame) => frame.label?.startsWith(label))

/** The bytes of the transaction that a frame sends, in hex. */
const sent = (frames: ReadonlyArray<Frame>, label: string): string => {
  const [transaction] = RawHub.parse(Native.fromHex(frames[labelled(frames, label)]!.hex)).bodyValues
  assert(transaction?._tag === "Bytes")
  return Native.toHex(transaction.value)
}

describe("EmbeddedHub, asked what a real Hub was asked", () => {
  it.live("answers about blocks, addresses and faults in the same shape", () =>
    Effect.gen(function*() {
      const frames = read("hub-regtest")
      assert.strictEqual(frames.length, 62)
      yield* play(frames, new Map())
    }).pipe(Effect.provide(Fixture.layer)))

  it.live("answers about transactions in the same shape", () =>
    Effect.gen(function*() {
      const recorded = read("hub-regtest-spend")
      assert.strictEqual(recorded.length, 62)

      yield* Fixture.mine(125)
      const coin = yield* Fixture.coinAt(5)
      const stranger = new Uint8Array(20).fill(9)
      const payment = Wallet.spend(Wallet.traceKey, {
        coins: [coin],
        outputs: [Wallet.pay(Wallet.traceKey.address, 4_899_999_000n), Wallet.pay(stranger, 100_000_000n)]
      })
      const duplicate = Wallet.spend(Wallet.traceKey, {
        coins: [coin],
        outputs: [Wallet.pay(stranger, 4_999_995_000n)]
      })
      const mine = new Map([
        ["31491c7db19ff8a2244cfed6f11820e6f49c2b16ca64340bcdf92835bf1107de", coin.txId],
        ["eddbcfe7bbd7adbb233d436a53e50c560e0d6f374b22cd1803b661a12c43425c", payment.id],
        [sent(recorded, "LiveTransactions.SendTransaction validate only"), payment.bytes],
        [sent(recorded, "LiveTransactions.SendTransaction double spend"), duplicate.bytes],
        [
          sent(recorded, "LiveTransactions.SendTransaction bad signature"),
          Wallet.withBadSignature(payment).bytes
        ]
      ])

      // That Hub took a transaction into its mempool that it was only to validate, and told of it then. This one tells
      // when it is sent.
      const validated = labelled(recorded, "LiveTransactions.SendTransaction validate only")
      const [request, byId, byAddress, reply, send, ...rest] = recorded.slice(validated)
      const frames = [...recorded.slice(0, validated), request!, reply!, send!, byId!, byAddress!, ...rest]
      yield* play(frames, mine)
    }).pipe(Effect.provide(Fixture.layer)))
})
