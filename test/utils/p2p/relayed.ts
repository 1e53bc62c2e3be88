/**
 * Transactions, double-spend proofs and blocks as peers relay them: well-formed, and valid for nobody.
 */
import * as BlockHeader from "../../../src/domain/p2p/BlockHeader.ts"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as MerkleRoot from "../../../src/domain/p2p/MerkleRoot.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as Legacy from "../legacy.ts"

/** Something with a hash. */
export interface Relayed {
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
  readonly item: P2PMessage.Inventory
}

const number32 = (n: number) => Uint8Array.of(n & 255, (n >> 8) & 255, (n >> 16) & 255, n >>> 24)

const toRelayed = (bytes: Uint8Array, type: number): Relayed => {
  const hash = Uint8Array.from(Legacy.hash256(bytes))
  return { hash, bytes, item: { type, hash } }
}

/** Bytes that are announced as a transaction. */
export const fromBytes = (bytes: Uint8Array): Relayed => toRelayed(bytes, InventoryType.transaction)

/** One input and one output; a script of some length makes it as long as wanted. */
export const transaction = (n: number, scriptSize = 10, isCoinbase = false): Relayed => {
  const script = new Uint8Array(scriptSize).fill(n)
  const length = scriptSize < 253 ? [scriptSize] : [253, scriptSize & 255, scriptSize >> 8]
  return toRelayed(
    Legacy.concat(
      number32(2),
      Uint8Array.of(1),
      isCoinbase ? new Uint8Array(32) : Legacy.hash256(number32(n)),
      number32(isCoinbase ? 0xffff_ffff : n),
      Uint8Array.of(...length),
      script,
      number32(0xffff_ffff),
      Uint8Array.of(1),
      number32(n),
      new Uint8Array(4),
      Uint8Array.of(0),
      number32(0)
    ),
    InventoryType.transaction
  )
}

export const tx = ({ bytes }: Relayed) => P2PMessage.make("tx", { bytes })

/** A transaction of 64 bytes: as long as two hashes. */
export const ambiguous = (n: number): Relayed => transaction(n, 4)

const spender = (n: number): P2PMessage.DoubleSpender => ({
  version: 2,
  sequence: 0,
  lockTime: 0,
  hashPrevouts: new Uint8Array(32).fill(n),
  hashSequence: new Uint8Array(32),
  hashOutputs: new Uint8Array(32),
  pushData: [Uint8Array.of(n, n, n)]
})

export const doubleSpend = (n: number) => {
  const proof = P2PMessage.make("dsproof-beta", {
    txid: new Uint8Array(32).fill(n),
    index: n,
    first: spender(n),
    second: spender(n + 1)
  })
  const encoded = P2PMessage.encode(proof)
  if (encoded._tag === "Failure") throw encoded.failure
  return { ...toRelayed(encoded.success, InventoryType.doubleSpendProof), proof }
}

export interface RelayedBlock extends Relayed {
  readonly transactions: ReadonlyArray<Relayed>
}

/** A block without proof of work: its header commits to the transactions. `stored` are those that it has. */
export const block = (
  transactions: ReadonlyArray<Relayed>,
  stored: ReadonlyArray<Relayed> = transactions
): RelayedBlock => {
  const { root } = MerkleRoot.compute(transactions.map(({ hash }) => hash), Legacy.hash256)
  const header = BlockHeader.pack([
    { version: 1, previous: HashHex.zero, merkleRoot: root, time: 1, bits: 0x207f_ffff, nonce: 0 }
  ])
  const count = stored.length < 253 ? [stored.length] : [253, stored.length & 255, stored.length >> 8]
  const hash = Uint8Array.from(Legacy.hash256(header))
  return {
    hash,
    bytes: Legacy.concat(header, Uint8Array.of(...count), ...stored.map(({ bytes }) => bytes)),
    item: { type: InventoryType.block, hash },
    transactions
  }
}

/** A block with a coinbase and so many transactions more. */
export const blockOf = (n: number, count = 2): RelayedBlock =>
  block([transaction(n, 100, true), ...Array.from({ length: count }, (_, i) => transaction(n * 1000 + i))])

export const inv = (...relayed: ReadonlyArray<{ readonly item: P2PMessage.Inventory }>) =>
  P2PMessage.make("inv", { inventory: relayed.map(({ item }) => item) })

export const notfound = (...items: ReadonlyArray<P2PMessage.Inventory>) =>
  P2PMessage.make("notfound", { inventory: items })
