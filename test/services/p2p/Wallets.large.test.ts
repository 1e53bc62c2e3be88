/**
 * Blocks with very many transactions of a wallet, which is closed, and added to, while it looks at one.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as WalletElement from "../../../src/domain/p2p/WalletElement.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as WalletChain from "../../utils/p2p/walletChain.ts"
import * as Rig from "../../utils/p2p/wallets.ts"

const count = 2000

const element = (hash: Uint8Array) => WalletElement.WalletElement.PublicKeyHash({ hash })

/** Lets others have some turns. */
const turns = (many: number) => Effect.repeat(Effect.yieldNow, { times: many })

describe("a wallet that looks at a large block", () => {
  it.effect(
    "tells of each transaction once, whenever it is closed and whatever is added meanwhile",
    () =>
      Effect.gen(function*() {
        const random = Legacy.makeRandom(11)
        const rig = yield* Rig.make
        const hash = random.bytes(20)
        const late = random.bytes(20)
        const large = Array.from(
          { length: count },
          (_, i) => WalletChain.makeTransaction(random, { pays: i === 7 ? [hash, late] : [hash] })
        )
        const first = WalletChain.makeBlock(WalletChain.genesis, large)
        const second = WalletChain.makeBlock(first, [WalletChain.makeTransaction(random, { pays: [late] })])
        yield* rig.learn([first, second])
        for (let i = 0; i < 3; i++) yield* rig.join()
        const options = { id: "shop", firstBlock: { height: 1 }, elements: [element(hash)] }
        const told = new Set<string>()
        // Closed after each of some turns: before, while and after the block is looked at.
        for (let after = 0; after < 60; after += 4) {
          const wallets = yield* rig.wallets
          const opened = yield* Effect.forkChild(Rig.open(wallets, options), { startImmediately: true })
          yield* turns(after)
          const { close, events, wallet } = yield* Fiber.join(opened)
          yield* wallet.add([element(late)], { from: 1 })
          yield* turns(after)
          yield* close
          for (const event of events) if (event._tag === "Matched") told.add(HashHex.format(event.txid))
          for (let i = 0; i < 3; i++) yield* rig.join()
        }
        const { events, wallet } = yield* Rig.open(yield* rig.wallets, options)
        for (let i = 0; i < 50 && (yield* Rig.heights(wallet))[0] < 2; i++) yield* Rig.settle
        assert.strictEqual((yield* Rig.heights(wallet))[0], 2)
        const again = events.flatMap((event) => event._tag === "Matched" ? [HashHex.format(event.txid)] : [])
        assert.strictEqual(new Set(again).size, again.length)
        for (const id of again) told.add(id)
        assert.strictEqual(told.size, count + 1)
      }),
    { timeout: 120_000 }
  )
})
