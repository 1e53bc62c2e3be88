/**
 * Services 0, 3, 4 and 5: the version, addresses, blocks on demand and blocks of miners.
 */
import * as Auth from "@bitauth/libauth"
import type * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as CommandFailure from "../../domain/CommandFailure.ts"
import * as HubAddress from "../../domain/hub/HubAddress.ts"
import type * as HubMeta from "../../domain/hub/HubMeta.ts"
import type * as HubMining from "../../domain/hub/HubMining.ts"
import * as HubRegTest from "../../domain/hub/HubRegTest.ts"
import type * as HubUtil from "../../domain/hub/HubUtil.ts"
import type * as RegtestChain from "../../services/hub/RegtestChain.ts"
import type * as MessageServer from "../../services/MessageServer.ts"
import * as Names from "./names.ts"
import type * as Outlet from "./outlet.ts"

const failed = (text: string) => new CommandFailure.CommandFailed({ text })

/** @internal */
export const makeMeta = (
  version: string
): MessageServer.Handlers<typeof HubMeta.group["members"][number], never> => ({
  version: () => Effect.succeed({ version })
})

/** @internal */
export const makeUtil = (
  random: SecureRandom.SecureRandom["Service"]
): MessageServer.Handlers<typeof HubUtil.group["members"][number], never> => ({
  createAddress: () =>
    random.randomBytes(32).pipe(
      // Nearly every number of 32 bytes is a key.
      Effect.repeat({ until: Auth.validateSecp256k1PrivateKey }),
      Effect.map((privateKey) => {
        const publicKey = Auth.assertSuccess(Auth.secp256k1.derivePublicKeyCompressed(privateKey))
        return {
          address: Names.address(Auth.hash160(publicKey)),
          privateKey: Redacted.make(privateKey, { label: "private key" })
        }
      })
    ),
  validateAddress: ({ address }) => Effect.sync(() => validate(address))
})

const prefix = "bchreg"

/** Addresses of any kind, with their prefix or without, and in the old form. */
const validate = (text: string) => {
  const normal = text === text.toUpperCase() ? text.toLowerCase() : text
  const decoded = Auth.cashAddressToLockingBytecode(normal.includes(":") ? normal : `${prefix}:${normal}`)
  if (typeof decoded !== "string") return decoded.prefix === prefix ? valid(decoded.bytecode) : { isValid: false }
  const old = Auth.base58AddressToLockingBytecode(text)
  return typeof old === "string" || old.version < firstTestVersion ? { isValid: false } : valid(old.bytecode)
}

/** Addresses in the old form begin with such a number on all networks for tests. */
const firstTestVersion = 0x6f

const valid = (script: Uint8Array) => {
  const address = Auth.lockingBytecodeToCashAddress({ bytecode: script, prefix })
  return typeof address === "string" ? { isValid: false } : { isValid: true, address: address.address, script }
}

/** @internal */
export const makeRegTest = (
  chain: RegtestChain.RegtestChain["Service"],
  outlet: Outlet.Outlet
): MessageServer.Handlers<typeof HubRegTest.group["members"][number], never> => ({
  generateBlock: ({ address, blocks = 1 }) => {
    if (blocks < 1 || blocks > HubRegTest.maxBlocks) return Effect.fail(failed("Invalid Amount argument"))
    outlet.hold()
    return Effect.map(
      chain.generate({ address: HubAddress.toBytes(address), blocks }),
      (made) => made.map(({ hash }) => Names.blockHash(hash))
    )
  }
})

/** @internal */
export const makeMining = (
  chain: RegtestChain.RegtestChain["Service"],
  outlet: Outlet.Outlet,
  maxBlock: number
): MessageServer.Handlers<typeof HubMining.group["members"][number], never> => ({
  submitBlock: ({ block }) => {
    if (block.length > maxBlock) return Effect.fail(failed("bad-blk-length"))
    outlet.hold()
    return chain.submitBlock(block).pipe(
      Effect.mapError((error) => failed(error._tag === "MalformedBlock" ? "unknown error" : error.message)),
      Effect.map(({ hash }) => ({ hash: Names.blockHash(hash) }))
    )
  }
})
