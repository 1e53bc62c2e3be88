/**
 * Messages of peers, as long as they can be.
 */
import { Effect, Exit, Layer, Result, Scope, Stream } from "effect"
import { NetAddress } from "effect/net"
import * as LegacyFormat from "../../src/domain/LegacyFormat.ts"
import * as BloomFilter from "../../src/domain/p2p/BloomFilter.ts"
import * as BlockHeader from "../../src/domain/p2p/BlockHeader.ts"
import * as MerkleRoot from "../../src/domain/p2p/MerkleRoot.ts"
import * as P2PMessage from "../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../src/domain/p2p/PartialMerkleTree.ts"
import * as PeerAddress from "../../src/domain/p2p/PeerAddress.ts"
import * as SyncPlan from "../../src/domain/p2p/SyncPlan.ts"
import * as TransactionBytes from "../../src/domain/p2p/TransactionBytes.ts"
import * as TransactionOutline from "../../src/domain/p2p/TransactionOutline.ts"
import * as WalletElement from "../../src/domain/p2p/WalletElement.ts"
import * as InPieces from "../../src/internal/inPieces.ts"
import * as Ledger from "../../src/internal/p2p/wallets/ledger.ts"
import * as Reception from "../../src/internal/p2p/wallets/reception.ts"
import * as Scanner from "../../src/internal/p2p/wallets/scanner.ts"
import * as Trail from "../../src/internal/p2p/wallets/trail.ts"
import * as WatchList from "../../src/internal/p2p/wallets/watchList.ts"
import * as NodeHash256 from "../../src/layers/NodeHash256.ts"
import * as Downloads from "../../src/services/p2p/Downloads.ts"
import * as Peers from "../../test/utils/p2p/peers.ts"
import * as Blocks from "./blocks.ts"
import type { Case } from "./probe.ts"

const { hash256 } = NodeHash256

const hashOf = (i: number): Uint8Array => {
  const hash = new Uint8Array(32)
  new DataView(hash.buffer).setUint32(0, i)
  return hash256(hash)
}

const decoding = <C extends P2PMessage.Command>(command: C, fields: P2PMessage.Fields<C>) => {
  const body = Result.getOrThrow(P2PMessage.encode(P2PMessage.make(command, fields) as P2PMessage.P2PMessage))
  return () => Result.getOrThrow(P2PMessage.decode(command, body))
}

const inventory = (type: number) =>
  Array.from({ length: P2PMessage.maxInventory }, (_, i) => ({ type, hash: hashOf(i) }))

const watched = (count: number): WatchList.WatchList => {
  const watch = new WatchList.WatchList()
  for (let i = 0; i < count; i++) {
    Result.getOrThrow(watch.add(WalletElement.WalletElement.Data({ bytes: hashOf(i).slice(0, 20) }), 0))
  }
  return watch
}

/** One of a million bytes, with as many outputs as fit. */
const largeTransaction = (): Uint8Array => {
  const count = 111_000
  const bytes = new Uint8Array(4 + 1 + 41 + 5 + count * 9 + 4)
  bytes[4] = 1
  bytes[46] = 0xfe
  new DataView(bytes.buffer).setUint32(47, count, true)
  return bytes
}

/** A node that reads the transactions of its peers, and one of these. Gives how a message of it is handled. */
const downloads = Effect.gen(function*() {
  const { join, layer } = yield* Peers.make
  const service = yield* Effect.provide(Downloads.make(), Layer.merge(layer, NodeHash256.layer))
  yield* Effect.forkScoped(Stream.runDrain(service.transactions), { startImmediately: true })
  const peer = yield* join()
  return (message: P2PMessage.P2PMessage) => {
    const handled = Effect.map(service.stats, ({ inventory }) => inventory.offered + inventory.dropped)
    return Effect.andThen(peer.tell(message), Effect.repeat(handled, { until: (count) => count >= 50_000 }))
  }
})

/** A wallet with 50,000 elements that has been sent a block, but for the last transaction, which spends what it watches. */
const walletBlock = (count: number): Case["prepare"] =>
  Effect.sync(() => {
    const watch = watched(50_000)
    const all = Blocks.transactions(count, 250)
    const txids = all.map(hash256)
    // All spend outputs of one transaction that pays to the wallet.
    watch.restore(all.map((bytes) => ({ outpoint: bytes.slice(5, 41), spentAt: undefined })))
    const { flags, hashes, transactions } = PartialMerkleTree.make({ txids, isMatch: () => true, hash256 })
    const { root } = MerkleRoot.compute(txids, hash256)
    const header: BlockHeader.BlockHeader = {
      version: 1,
      previous: new Uint8Array(32),
      merkleRoot: root,
      time: 1,
      bits: 0x207f_ffff,
      nonce: 0
    }
    const scanner = new Scanner.Scanner({
      hash256,
      watch,
      ledger: new Ledger.Ledger(),
      trail: new Trail.Trail([]),
      plan: SyncPlan.make({ first: 1 }),
      falsePositiveRate: 0.0001,
      tweak: 7,
      falsePositives: false,
      ports: {
        send: () => {},
        expect: () => {},
        punish: (_key, _points, what) => {
          throw new Error(what)
        },
        dismiss: () => {},
        tell: () => {},
        takeBack: () => {},
        wake: () => {},
        nonce: () => 1n
      }
    })
    scanner.join("peer")
    scanner.begin(scanner.propose(1, true)!, [BlockHeader.hash(header, hash256)], 0)
    const message = P2PMessage.make("merkleblock", { header, transactions, hashes, flags })
    return {
      run: Effect.gen(function*() {
        const proven = yield* InPieces.run(() => Reception.prove(message, hash256))
        scanner.onMerkleBlock("peer", message, 0, proven)
        for (const bytes of all) {
          // A message each.
          yield* Effect.yieldNow
          const work = scanner.onTransaction("peer", bytes, 0)
          if (work !== undefined) yield* InPieces.run(work.pieces)
        }
        if (scanner.ledger.matches.length !== count) return yield* Effect.die("not all were found")
      })
    }
  })

export const cases: ReadonlyArray<Case> = [
  {
    what: "an inv with 50,000 transactions that are wanted",
    prepare: Effect.gen(function*() {
      const decode = decoding("inv", { inventory: inventory(1) })
      const scope = yield* Scope.make()
      const tell = yield* Scope.provide(downloads, scope)
      return { run: Effect.andThen(Effect.suspend(() => tell(decode())), Scope.close(scope, Exit.void)) }
    })
  },
  {
    what: "a notfound with 50,000 items",
    prepare: Effect.sync(() => {
      const decode = decoding("notfound", { inventory: inventory(1) })
      return { run: Effect.sync(decode) }
    })
  },
  {
    what: "an addr with 1000 addresses",
    prepare: Effect.sync(() => {
      const addresses = Array.from({ length: P2PMessage.maxAddresses }, (_, i) => ({
        time: i,
        ...PeerAddress.fromInetAddress(NetAddress.inetAddressFromStringUnsafe(`10.0.${i >> 8}.${i & 255}:8333`), 1n)
      }))
      return { run: Effect.sync(decoding("addr", { addresses })) }
    })
  },
  {
    what: "a transaction of 1 MB, 111,000 outputs, for a wallet with 50,000 elements",
    prepare: Effect.sync(() => {
      const watch = watched(50_000)
      const bytes = largeTransaction()
      return {
        // Turns as downloads and wallets take them.
        run: Effect.gen(function*() {
          const txid = hash256(bytes)
          if (TransactionBytes.problem(bytes) !== undefined) return yield* Effect.die("it is none")
          yield* Effect.yieldNow
          const outline = Result.getOrThrow(TransactionOutline.decode(bytes))
          yield* Effect.yieldNow
          return watch.examineUnconfirmed({ txid, outline })
        })
      }
    })
  },
  {
    what: "a block of which 60,000 transactions are for a wallet with 50,000 elements",
    prepare: walletBlock(60_000)
  },
  {
    what: "the filter of a wallet with 50,000 elements",
    prepare: Effect.sync(() => {
      const watch = watched(50_000)
      return { run: Effect.sync(() => watch.toFilter({ falsePositiveRate: 0.0001, tweak: 1 })) }
    })
  },
  {
    what: "a filterload of 36 kB, and 10,000 look-ups in it",
    prepare: Effect.sync(() => {
      const filter = BloomFilter.make({ elements: 20_000, falsePositiveRate: 0.0001, tweak: 1, flags: 1 })
      const decode = decoding("filterload", filter)
      const hashes = Array.from({ length: 10_000 }, (_, i) => hashOf(i))
      return {
        run: Effect.sync(() => {
          const decoded = decode()
          return hashes.filter((hash) => BloomFilter.contains(decoded, hash))
        })
      }
    })
  },
  {
    what: "a legacy message of 32 MB, verified on the loop because no thread did it",
    prepare: Effect.sync(() => {
      const body = new Uint8Array(LegacyFormat.maxBody)
      return { run: Effect.sync(() => hash256(body)) }
    })
  }
]
