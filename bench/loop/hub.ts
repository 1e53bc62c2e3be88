/**
 * What a client of a Hub, and a Hub, may be sent.
 */
import * as Auth from "@bitauth/libauth"
import { Effect, Result } from "effect"
import * as Block from "../../src/domain/chain/Block.ts"
import * as Coinbase from "../../src/domain/chain/Coinbase.ts"
import * as ScriptRules from "../../src/domain/chain/ScriptRules.ts"
import * as Transaction from "../../src/domain/chain/Transaction.ts"
import * as HubBlockChain from "../../src/domain/hub/HubBlockChain.ts"
import * as InPieces from "../../src/internal/inPieces.ts"
import * as Names from "../../src/internal/hub/names.ts"
import * as Scripts from "../../src/internal/hub/scripts.ts"
import * as RegtestChain from "../../src/services/hub/RegtestChain.ts"
import type { Case } from "./probe.ts"

const { OpcodesBCH2023: Op } = Auth

/** A transaction of 100 kB, whose script checks 60 signatures: 20 at a time. */
const manySignatures = (): ScriptRules.Spend => {
  const publicKey = Auth.assertSuccess(Auth.secp256k1.derivePublicKeyCompressed(new Uint8Array(32).fill(7)))
  const signature = Uint8Array.of(
    ...Auth.assertSuccess(Auth.secp256k1.signMessageHashDER(new Uint8Array(32).fill(7), new Uint8Array(32))),
    0x41
  )
  const push = Auth.encodeDataPush
  const multisig = [
    Uint8Array.of(Op.OP_0),
    push(signature),
    Uint8Array.of(Op.OP_1),
    ...Array.from({ length: 20 }, () => push(publicKey)),
    push(Uint8Array.of(20)),
    Uint8Array.of(Op.OP_CHECKMULTISIG, Op.OP_NOT, Op.OP_DROP)
  ]
  const script = Auth.flattenBinArray([...multisig, ...multisig, ...multisig, Uint8Array.of(Op.OP_1)])
  const output = { amount: 1n, script: new Uint8Array(25).fill(Op.OP_1) }
  return ScriptRules.make({
    version: 2,
    inputs: [{ txId: new Uint8Array(32).fill(3), index: 0, script: new Uint8Array(0), sequence: 0xffff_ffff }],
    outputs: Array.from({ length: 2900 }, () => output),
    lockTime: 0
  }, [{ amount: 10_000n, script }])
}

/** The answer to `getBlock` with transactions of so many bytes, 30 MB in all. */
const blockReply = (size: number): Uint8Array =>
  Result.getOrThrow(HubBlockChain.getBlock.reply.encode({
    height: Names.height(1),
    hash: Names.blockHash(new Uint8Array(32)),
    transactions: Array.from({ length: Math.floor(30_000_000 / (size + 12)) }, (_, i) => ({
      offset: Names.offset(81 + i * size),
      inputs: [],
      outputs: [],
      bytes: new Uint8Array(size)
    }))
  }))

/** A chain, and a block for it: one transaction that pays to many outputs, and others that spend one of them each. */
const submission = (count: number): Case["prepare"] =>
  Effect.gen(function*() {
    const chain = yield* RegtestChain.make()
    const made = yield* chain.generate({ address: new Uint8Array(20), blocks: 101 })
    const paid = Result.getOrThrow(Block.decode(made[0]!.bytes)).transactions[0]!.transaction
    const anyone = Uint8Array.of(Op.OP_1)
    // What a block of this chain pays to an address can be spent by its key alone, so the block before pays to anyone.
    const tip = Result.getOrThrow(Block.decode(made[made.length - 1]!.bytes))
    const first = Block.mine({
      version: 1,
      previous: tip.hash,
      time: tip.header.time + 1,
      bits: tip.header.bits,
      transactions: [Transaction.make({
        ...paid,
        inputs: [{
          ...paid.inputs[0]!,
          script: Coinbase.make({ height: 102, address: new Uint8Array(20), amount: 0n }).inputs[0]!.script
        }],
        outputs: Array.from({ length: count }, () => ({ amount: 1000n, script: anyone }))
      })]
    })
    yield* chain.submitBlock(first.bytes)
    const more = yield* chain.generate({ address: new Uint8Array(20), blocks: 100 })
    const last = Result.getOrThrow(Block.decode(more[more.length - 1]!.bytes))
    const source = first.transactions[0]!.transaction.id
    const spending = Array.from({ length: count }, (_, index) =>
      Transaction.make({
        version: 2,
        inputs: [{ txId: source, index, script: new Uint8Array(0), sequence: 0xffff_ffff }],
        outputs: [{ amount: 900n, script: new Uint8Array(180).fill(Op.OP_1) }],
        lockTime: 0
      })).sort(Block.compareIds)
    const block = Block.mine({
      version: 1,
      previous: last.hash,
      time: last.header.time + 1,
      bits: last.header.bits,
      transactions: [Coinbase.make({ height: 203, address: new Uint8Array(20), amount: 0n }), ...spending]
    })
    return { run: chain.submitBlock(block.bytes) }
  })

export const cases: ReadonlyArray<Case> = [
  {
    what: "a transaction of 100 kB, whose script checks 60 signatures",
    prepare: Effect.sync(() => {
      const spend = manySignatures()
      return { run: Effect.ignore(Scripts.verify(spend)) }
    })
  },
  {
    what: "a block of 1.2 MB with 5000 transactions for an `EmbeddedHub`",
    prepare: submission(5000)
  },
  {
    what: "a block of 20 MB with 80,000 transactions for an `EmbeddedHub`",
    prepare: submission(80_000)
  },
  ...[250, 65].map((size): Case => ({
    what: `a Hub's answer of 30 MB with transactions of ${size} bytes`,
    prepare: Effect.sync(() => {
      const body = blockReply(size)
      return {
        run: Effect.map(InPieces.run(() => HubBlockChain.getBlock.reply.decodeInPieces(body)), Result.getOrThrow)
      }
    })
  }))
]
