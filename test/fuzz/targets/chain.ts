/**
 * Transactions and blocks that strangers hand in, and the scripts in them.
 */
import type * as Auth from "@bitauth/libauth"
import { Result } from "effect"
import * as Block from "../../../src/domain/chain/Block.ts"
import * as BlockRules from "../../../src/domain/chain/BlockRules.ts"
import * as Coinbase from "../../../src/domain/chain/Coinbase.ts"
import * as DoubleSpendProof from "../../../src/domain/chain/DoubleSpendProof.ts"
import * as RegtestGenesis from "../../../src/domain/chain/RegtestGenesis.ts"
import * as Script from "../../../src/domain/chain/Script.ts"
import * as ScriptRules from "../../../src/domain/chain/ScriptRules.ts"
import * as Transaction from "../../../src/domain/chain/Transaction.ts"
import * as TransactionRules from "../../../src/domain/chain/TransactionRules.ts"
import * as HubScriptKind from "../../../src/domain/hub/HubScriptKind.ts"
import * as Legacy from "../../utils/legacy.ts"
import { concat, type Random } from "../../utils/native.ts"
import * as Wallet from "../../utils/wallet.ts"
import { equal, inProportion, isTrue, refusalOf, valueOf } from "../harness/expect.ts"
import type { Decoder, Made } from "../harness/target.ts"

const coinOf = (random: Random): Wallet.Coin => ({ txId: random.bytes(32), index: random.below(4), amount: 5000n })

const randomScript = (random: Random): Uint8Array =>
  random.pick([
    () => Script.payToAddress(random.bytes(20)),
    () => random.bytes(random.below(60)),
    () => concat([Uint8Array.of(0x6a), random.bytes(random.below(40))]),
    // Almost all codes are operations, so that most of such a script is carried out.
    () => Uint8Array.from({ length: random.below(40) }, () => random.pick([0x51, 0x76, random.between(0x4f, 0xc0)]))
  ])()

/** An output whose script begins with this has a token before its script. */
const tokenPrefix = 0xef

const randomOutput = (random: Random): Transaction.Output => {
  const script = randomScript(random)
  return {
    amount: BigInt(random.next()) * BigInt(random.pick([1, 1, 1, 0xffff_ffff])),
    script: script[0] === tokenPrefix ? new Uint8Array(0) : script
  }
}

const token = (random: Random): Auth.Output["token"] => ({
  amount: BigInt(random.below(1000) + 1),
  category: random.bytes(32),
  ...(random.chance(50)
    ? {
      nft: {
        capability: random.pick(["none", "mutable", "minting"] as const),
        commitment: random.bytes(random.below(40))
      }
    }
    : {})
})

const randomTransaction = (random: Random): Transaction.Transaction =>
  Transaction.make({
    version: random.pick([1, 2, 0, 0xffff_ffff]),
    inputs: Array.from({ length: random.between(1, 3) }, () => ({
      txId: random.bytes(32),
      index: random.pick([0, 1, 0xffff_ffff]),
      script: randomScript(random),
      sequence: random.next()
    })),
    outputs: Array.from({ length: random.between(1, 3) }, () =>
      random.chance(20) ? { ...randomOutput(random), token: token(random) } : randomOutput(random)),
    lockTime: random.next()
  })

const checkScripts = (transaction: Transaction.Transaction): void => {
  const { inputs, outputs } = transaction
  // Each input spends an output of the same transaction, so that both scripts are those of the stranger.
  const spent = inputs.map((_, i) => outputs[i % outputs.length]!)
  const spend = ScriptRules.make(transaction, spent)
  ScriptRules.findTokenFault(spend)
  for (let i = 0; i < Math.min(inputs.length, 2); i++) ScriptRules.findScriptFault(spend, i)
}

const checkTransaction = (transaction: Transaction.Transaction): string => {
  const fault = TransactionRules.findFault(transaction)
  TransactionRules.isFinal(transaction, { height: 100, medianTimePast: 1_600_000_000 })
  Transaction.amount(transaction)
  Transaction.isCoinbase(transaction)
  for (const { script } of transaction.outputs) {
    HubScriptKind.of(script)
    Script.isUnspendable(script)
    isTrue((Script.addressOf(script)?.length ?? 20) === 20, "an address has 20 bytes")
  }
  const [input] = transaction.inputs
  if (input !== undefined) DoubleSpendProof.make(input, transaction, transaction)
  if (transaction.outputs.length > 0 && transaction.inputs.length < 5) checkScripts(transaction)
  return fault?.rule ?? "good"
}

const runTransaction = (input: Uint8Array): string => {
  const decoded = Transaction.decode(input)
  if (Result.isFailure(decoded)) {
    refusalOf(decoded.failure)
    return "malformed"
  }
  const transaction = decoded.success
  equal(Transaction.make(transaction).bytes, input, "a transaction, written again")
  equal(transaction.id, Uint8Array.from(Legacy.hash256(input)), "the id")
  inProportion(transaction, input.length, 64)
  return checkTransaction(transaction)
}

const makeTransaction = (random: Random): Made => {
  const transaction = random.chance(70)
    ? randomTransaction(random)
    : Wallet.spend(Wallet.traceKey, {
      coins: [coinOf(random)],
      outputs: [Wallet.pay(random.bytes(20), 4000n), randomOutput(random)]
    })
  const { bytes } = transaction
  return {
    bytes,
    verify: () =>
      equal(valueOf(Transaction.decode(bytes), "it can be read").outputs.length, transaction.outputs.length, "outputs")
  }
}

export const transactions: Decoder = {
  kind: "decoder",
  name: "transactions",
  weight: 0.4,
  seeds: Legacy.trace("p2p-regtest-wallet").messages.filter(({ command }) => command === "tx").map(({ hex }) =>
    Legacy.fromHex(hex.slice(48))
  ),
  make: makeTransaction,
  // Scripts may hash and verify for some time: the limits of the virtual machine are those of consensus.
  patience: 400,
  run: runTransaction
}

const runBlock = (input: Uint8Array): string => {
  const decoded = Block.decode(input)
  if (Result.isFailure(decoded)) {
    refusalOf(decoded.failure)
    return "malformed"
  }
  const block = decoded.success
  inProportion(block.transactions.length, input.length, 64)
  equal(block.hash, Uint8Array.from(Legacy.hash256(input.subarray(0, 80))), "the hash")
  for (const { offset, transaction } of block.transactions) {
    equal(input.subarray(offset, offset + transaction.bytes.length), transaction.bytes, "where a transaction lies")
  }
  return BlockRules.findFault(block, 1)?.rule ?? "good"
}

const makeBlock = (random: Random): Made => {
  const height = 1
  const coinbase = Coinbase.make({ height, address: random.bytes(20), amount: 50n })
  const others = Array.from({ length: random.below(4) }, () => randomTransaction(random)).sort(Block.compareIds)
  const block = Block.mine({
    version: 1,
    previous: random.bytes(32),
    time: random.next(),
    bits: 0x207f_ffff,
    transactions: [coinbase, ...others]
  })
  return {
    bytes: block.bytes,
    verify: () => {
      const { header, transactions } = valueOf(Block.decode(block.bytes), "a block can be read")
      equal(header, block.header, "the header")
      const places = ({ offset, transaction }: Block.Placed) => [offset, transaction.bytes, transaction.id]
      equal(transactions.map(places), block.transactions.map(places), "the transactions")
    }
  }
}

/** Makes the merkle root that of the transactions. */
const repairRoot = (input: Uint8Array): Uint8Array => {
  const decoded = Block.decode(input)
  if (Result.isFailure(decoded)) return input
  const transactions = decoded.success.transactions.map(({ transaction }) => transaction)
  const repaired = input.slice()
  if (transactions.length > 0) repaired.set(Block.merkleRoot(transactions).root, 36)
  return repaired
}

export const blocks: Decoder = {
  kind: "decoder",
  name: "blocks",
  weight: 0.5,
  seeds: [RegtestGenesis.bytes],
  make: makeBlock,
  repair: repairRoot,
  run: runBlock
}
