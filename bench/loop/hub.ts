/**
 * What a client of a Hub, and a Hub, may be sent.
 */
import * as Auth from "@bitauth/libauth"
import { Effect, Result } from "effect"
import * as ScriptRules from "../../src/domain/chain/ScriptRules.ts"
import * as HubBlockChain from "../../src/domain/hub/HubBlockChain.ts"
import * as InPieces from "../../src/internal/inPieces.ts"
import * as Names from "../../src/internal/hub/names.ts"
import * as Scripts from "../../src/internal/hub/scripts.ts"
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

export const cases: ReadonlyArray<Case> = [
  {
    what: "a transaction of 100 kB, whose script checks 60 signatures",
    prepare: Effect.sync(() => {
      const spend = manySignatures()
      return { run: Effect.ignore(Scripts.verify(spend)) }
    })
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
