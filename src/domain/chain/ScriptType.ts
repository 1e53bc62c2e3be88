/**
 * Kinds of output scripts, as the flags by which a Hub filters the transactions of a block (the Hub API, tag 39).
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"

/**
 * It holds data, and nobody can spend it.
 *
 * @category constants
 * @since 0.1.0
 */
export const opReturn = 1

/**
 * It checks a signature of the spending transaction.
 *
 * @category constants
 * @since 0.1.0
 */
export const checksig = 2

/**
 * It checks several such signatures.
 *
 * @category constants
 * @since 0.1.0
 */
export const checkMultisig = 4

/**
 * It demands that some time has passed.
 *
 * @category constants
 * @since 0.1.0
 */
export const checkLockTimeVerify = 8

/**
 * It checks a signature of other data.
 *
 * @category constants
 * @since 0.1.0
 */
export const checkDataSig = 16

/**
 * It pays to the hash of a script.
 *
 * @category constants
 * @since 0.1.0
 */
export const payToScriptHash = 32

const { OpcodesBCH2023: Op } = Auth

const flags = new Map<number, number>([
  [Op.OP_CHECKSIG, checksig],
  [Op.OP_CHECKSIGVERIFY, checksig],
  [Op.OP_CHECKMULTISIG, checkMultisig],
  [Op.OP_CHECKMULTISIGVERIFY, checkMultisig],
  [Op.OP_CHECKLOCKTIMEVERIFY, checkLockTimeVerify],
  [Op.OP_CHECKDATASIG, checkDataSig],
  [Op.OP_CHECKDATASIGVERIFY, checkDataSig]
])

/**
 * All flags that a script has. What is data, in pushes or after `OP_RETURN`, counts for nothing.
 *
 * @category getters
 * @since 0.1.0
 */
export const of = (script: Uint8Array): number => {
  if (script[0] === Op.OP_RETURN) return opReturn
  if (Auth.isPayToScriptHash20(script) || Auth.isPayToScriptHash32(script)) return payToScriptHash
  return Auth.decodeAuthenticationInstructions(script).reduce((all, { opcode }) => all | (flags.get(opcode) ?? 0), 0)
}
