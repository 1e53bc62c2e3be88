/**
 * What `flowee decode` finds and `flowee encode` makes: messages with what is around them on the wire.
 */
import * as Result from "effect/Result"
import type * as Envelope from "../../domain/Envelope.ts"
import type * as Header from "../../domain/Header.ts"
import * as LegacyCommand from "../../domain/LegacyCommand.ts"
import * as LegacyEnvelope from "../../domain/LegacyEnvelope.ts"
import * as LegacyFormat from "../../domain/LegacyFormat.ts"
import * as Message from "../../domain/Message.ts"
import * as NativeEnvelope from "../../domain/NativeEnvelope.ts"
import type * as Network from "../../domain/Network.ts"
import * as WriteBatch from "../../domain/WriteBatch.ts"
import * as NodeHash256 from "../../layers/NodeHash256.ts"
import * as Bytes from "./bytes.ts"

/**
 * - `Native`: a message between Flowee peers, its chunks joined.
 * - `System`: what keeps such a connection alive.
 * - `Legacy`: a message between Bitcoin Cash peers.
 * - `Body`: tagged values without an envelope.
 *
 * @internal
 */
export type Frame =
  | {
    readonly _tag: "Native"
    readonly serviceId: number
    readonly messageId: number
    readonly header: Header.Header
    readonly body: Uint8Array
  }
  | { readonly _tag: "System"; readonly what: "ping" | "pong" }
  | {
    readonly _tag: "Legacy"
    readonly network: Network.Network
    /** One that is known, or any other: see `LegacyCommand.pad`. */
    readonly command: string
    readonly body: Uint8Array
  }
  | { readonly _tag: "Body"; readonly body: Uint8Array }

/**
 * The envelope of Bitcoin Cash peers on a network.
 *
 * @internal
 */
export const legacyEnvelope = (network: Network.Network): Envelope.Envelope =>
  LegacyEnvelope.make({ magic: network.magic, hash256: NodeHash256.hash256 })

const pack = (envelope: Envelope.Envelope, message: Message.Message): Result.Result<Uint8Array, string> => {
  const refused = envelope.check(message, "normal")
  if (refused !== undefined) return Result.fail(refused.message)
  const batch = WriteBatch.make({ limit: envelope.wireSize(message), capacity: 1024 })
  let offset = envelope.write(message, 0, batch)
  while (offset < message.bodyLength) offset = envelope.write(message, offset, batch)
  return Result.succeed(Bytes.concat(batch.finish()))
}

/**
 * What a command is, for those who wrote another thing.
 *
 * @internal
 */
export const commandForm = "a command has at most 12 characters, all of them printable ASCII"

/** @internal */
export const isCommand = (command: unknown): command is string =>
  typeof command === "string" && LegacyCommand.pad(command) !== undefined

/** The envelope writes commands that have a message id. Any other takes the place of one: the checksum is of the body. */
const packLegacy = (
  { body, command, network }: Extract<Frame, { readonly _tag: "Legacy" }>
): Result.Result<Uint8Array, string> => {
  const padded = LegacyCommand.pad(command)
  if (padded === undefined) return Result.fail(commandForm)
  return Result.map(pack(legacyEnvelope(network), LegacyEnvelope.message("verack", body)), (packet) => {
    packet.set(padded, LegacyFormat.magicSize)
    return packet
  })
}

/**
 * The bytes of a frame as a peer sends them, or why it cannot be sent.
 *
 * @internal
 */
export const encode = (frame: Frame): Result.Result<Uint8Array, string> => {
  switch (frame._tag) {
    case "Native":
      return pack(NativeEnvelope.envelope, Message.make(frame))
    case "System":
      return Result.succeed(frame.what === "ping" ? NativeEnvelope.ping : NativeEnvelope.pong)
    case "Legacy":
      return packLegacy(frame)
    case "Body":
      return Result.succeed(frame.body)
  }
}
