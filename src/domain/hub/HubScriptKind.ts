/**
 * Of what kinds an output script is, for the filter of `HubBlockChain.getBlock`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"
import { ScriptKind } from "./HubBlockChain.ts"

const { OpcodesBCH2023: Op } = Auth

const kinds = new Map<number, number>([
  [Op.OP_CHECKSIG, ScriptKind.checkSig],
  [Op.OP_CHECKSIGVERIFY, ScriptKind.checkSig],
  [Op.OP_CHECKMULTISIG, ScriptKind.checkMultiSig],
  [Op.OP_CHECKMULTISIGVERIFY, ScriptKind.checkMultiSig],
  [Op.OP_CHECKLOCKTIMEVERIFY, ScriptKind.checkLockTimeVerify],
  [Op.OP_CHECKDATASIG, ScriptKind.checkDataSig],
  [Op.OP_CHECKDATASIGVERIFY, ScriptKind.checkDataSig]
])

/**
 * All kinds that a script is of, as a sum of `HubBlockChain.ScriptKind`. What is data, in pushes or after `OP_RETURN`,
 * counts for nothing.
 *
 * @category getters
 * @since 0.1.0
 */
export const of = (script: Uint8Array): number => {
  if (script[0] === Op.OP_RETURN) return ScriptKind.opReturn
  if (Auth.isPayToScriptHash20(script) || Auth.isPayToScriptHash32(script)) return ScriptKind.p2sh
  let all = 0
  for (const { opcode } of Auth.decodeAuthenticationInstructions(script)) all |= kinds.get(opcode) ?? 0
  return all
}
