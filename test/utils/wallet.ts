/**
 * Keys, and transactions that spend what they are paid.
 */
import * as Auth from "@bitauth/libauth"
import * as Script from "../../src/domain/chain/Script.ts"
import * as Transaction from "../../src/domain/chain/Transaction.ts"
import * as HubAddress from "../../src/domain/hub/HubAddress.ts"

export interface Key {
  readonly privateKey: Uint8Array
  readonly publicKey: Uint8Array
  /** The hash of the public key: what is paid. */
  readonly address: Uint8Array
  /** The same as the Hub API has it. */
  readonly addressHash: HubAddress.AddressHash
  readonly script: Uint8Array
}

/** The key of a text: the recordings were made with that of `effect-flowee trace key`. */
export const keyOf = (text: string): Key => {
  const privateKey = Auth.sha256.hash(Auth.utf8ToBin(text))
  const publicKey = Auth.assertSuccess(Auth.secp256k1.derivePublicKeyCompressed(privateKey))
  const address = Auth.hash160(publicKey)
  return {
    privateKey,
    publicKey,
    address,
    addressHash: HubAddress.fromBytesUnsafe(address),
    script: Script.payToAddress(address)
  }
}

export const traceKey = keyOf("effect-flowee trace key")

/** A coin and where it is. */
export interface Coin extends Transaction.OutPoint {
  readonly amount: bigint
}

export interface Spend {
  readonly coins: ReadonlyArray<Coin>
  readonly outputs: ReadonlyArray<Transaction.Output>
  readonly version?: number
  readonly lockTime?: number
  readonly sequence?: number
}

/** A transaction that spends coins of a key. */
export const spend = (
  key: Key,
  { coins, lockTime = 0, outputs, sequence = 0xffff_ffff, version = 2 }: Spend
): Transaction.Transaction => {
  const unsigned: Transaction.Contents = {
    version,
    lockTime,
    outputs,
    inputs: coins.map(({ index, txId }) => ({ txId, index, sequence, script: new Uint8Array(0) }))
  }
  const inputs = unsigned.inputs.map((input, at) => ({ ...input, script: sign(key, unsigned, coins, at) }))
  return Transaction.make({ ...unsigned, inputs })
}

const allOutputs = 0x41

const sign = (
  { privateKey, publicKey, script }: Key,
  unsigned: Transaction.Contents,
  coins: ReadonlyArray<Coin>,
  inputIndex: number
): Uint8Array => {
  const serialization = Auth.generateSigningSerializationBCH(
    {
      inputIndex,
      sourceOutputs: coins.map(({ amount }) => ({ lockingBytecode: script, valueSatoshis: amount })),
      transaction: Transaction.toCommon(unsigned)
    },
    { coveredBytecode: script, signingSerializationType: Uint8Array.of(allOutputs) }
  )
  const signature = Auth.assertSuccess(
    Auth.secp256k1.signMessageHashDER(privateKey, Auth.hash256(serialization))
  )
  return Auth.flattenBinArray([
    Auth.encodeDataPush(Uint8Array.of(...signature, allOutputs)),
    Auth.encodeDataPush(publicKey)
  ])
}

/** The same transaction with a signature that is another number. */
export const withBadSignature = (transaction: Transaction.Transaction): Transaction.Transaction => {
  const [first, ...others] = transaction.inputs
  const script = first.script.slice()
  script[40]! ^= 1
  return Transaction.make({ ...transaction, inputs: [{ ...first, script }, ...others] })
}

export const pay = (address: Uint8Array, amount: bigint): Transaction.Output => ({
  amount,
  script: Script.payToAddress(address)
})

export const scriptHash = Script.hash
