/**
 * Service 3 of the Hub API: addresses.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as MessageGroup from "../MessageGroup.ts"
import * as Wire from "../Wire.ts"
import * as HubAddress from "./HubAddress.ts"

const { Struct, optionalKey } = Schema
const { tag } = Wire

const serviceId = 3

const PrivateKey = Schema.Uint8Array.check(
  Schema.makeFilter((bytes) => bytes.length === 32, { expected: "a private key of 32 bytes" })
)

/**
 * A new address, and the key that spends what it is paid. The Hub keeps neither.
 *
 * @category messages
 * @since 0.1.0
 */
export const createAddress = MessageGroup.call("createAddress", {
  serviceId,
  messageId: 0,
  reply: Struct({
    address: HubAddress.AddressHashFromBytes.pipe(tag(2)),
    /** 32 bytes. */
    privateKey: Schema.RedactedFromValue(PrivateKey, { label: "private key" }).pipe(tag(3))
  }),
  idempotent: true
})

/**
 * Whether a text is an address.
 *
 * @category messages
 * @since 0.1.0
 */
export const validateAddress = MessageGroup.call("validateAddress", {
  serviceId,
  messageId: 2,
  request: Struct({ address: Schema.String.pipe(tag(2)) }),
  reply: Struct({
    isValid: Schema.Boolean.pipe(tag(21)),
    /** As the Hub writes it. */
    address: optionalKey(Schema.String).pipe(tag(2)),
    /** The output script that pays to it. */
    script: optionalKey(Schema.Uint8Array).pipe(tag(20))
  }),
  idempotent: true
})

/**
 * All messages of the service.
 *
 * @category groups
 * @since 0.1.0
 */
export const group = MessageGroup.make(createAddress, validateAddress)
