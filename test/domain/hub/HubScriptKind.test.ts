import { assert, describe, it } from "@effect/vitest"
import * as HubBlockChain from "../../../src/domain/hub/HubBlockChain.ts"
import * as HubScriptKind from "../../../src/domain/hub/HubScriptKind.ts"
import { fromHex } from "../../utils/native.ts"
import { traceKey } from "../../utils/wallet.ts"

const { ScriptKind } = HubBlockChain

describe("HubScriptKind", () => {
  it("tells the kinds of scripts by what they do, and not by what they hold", () => {
    const hash = "11".repeat(20)
    assert.strictEqual(HubScriptKind.of(traceKey.script), ScriptKind.checkSig)
    assert.strictEqual(HubScriptKind.of(fromHex(`a914${hash}87`)), ScriptKind.p2sh)
    assert.strictEqual(HubScriptKind.of(fromHex(`aa20${"11".repeat(32)}87`)), ScriptKind.p2sh)
    assert.strictEqual(HubScriptKind.of(fromHex("6a03acacac")), ScriptKind.opReturn)
    assert.strictEqual(HubScriptKind.of(fromHex(`5121${"02".repeat(33)}51ae`)), ScriptKind.checkMultiSig)
    assert.strictEqual(
      HubScriptKind.of(fromHex("51b175adba")),
      ScriptKind.checkLockTimeVerify | ScriptKind.checkSig | ScriptKind.checkDataSig
    )
    assert.strictEqual(HubScriptKind.of(fromHex("03acaeb175")), 0)
    assert.strictEqual(HubScriptKind.of(new Uint8Array(0)), 0)
    assert.strictEqual(HubScriptKind.of(fromHex("4c")), 0)
  })
})
