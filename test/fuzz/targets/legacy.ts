/**
 * Streams of the legacy envelope.
 */
import * as LegacyCommand from "../../../src/domain/LegacyCommand.ts"
import * as LegacyEnvelope from "../../../src/domain/LegacyEnvelope.ts"
import * as LegacyFormat from "../../../src/domain/LegacyFormat.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as Legacy from "../../utils/legacy.ts"
import { Random } from "../../utils/native.ts"
import { equal, isTrue } from "../harness/expect.ts"
import { digest } from "../harness/inputs.ts"
import type { Decoder, Made } from "../harness/target.ts"

const { concat, decode, encode, hash256, packet, regtest, show } = Legacy

const commands = Object.keys(LegacyCommand.Id) as ReadonlyArray<LegacyCommand.Command>

const strict = LegacyEnvelope.make({ magic: regtest, hash256, maxBodySizeOf: P2PMessage.maxBodySize })

/** Cuts an input in up to twelve pieces. */
const cutRandomly = (input: Uint8Array, random: Random): Array<Uint8Array> =>
  Legacy.cutAt(
    input,
    Array.from({ length: random.below(12) }, () => random.below(input.length + 1)).sort((a, b) => a - b)
  )

const run = (input: Uint8Array): string => {
  const random = new Random(digest(input))
  const envelope = random.chance(50) ? Legacy.envelope : strict
  const atOnce = decode([input], envelope)
  const inPieces = decode(cutRandomly(input, random), envelope)
  equal(show(inPieces), show(atOnce), "decoded in pieces")
  if (input.length < 80) {
    equal(show(decode(Array.from(input, (byte) => Uint8Array.of(byte)), envelope)), show(atOnce), "decoded in bytes")
  }
  for (const message of atOnce.messages.slice(0, 4)) {
    isTrue(LegacyEnvelope.commandOf(message) !== undefined, "only known commands are heard")
    equal(envelope.check(message, "normal"), undefined, "what was received can be sent")
    const again = decode([encode(message, envelope)], envelope)
    equal(show(again), show({ messages: [message], failure: undefined }), "what was received, sent again")
  }
  return atOnce.failure?.reason._tag ?? (atOnce.messages.length > 0 ? "messages" : "nothing")
}

const make = (random: Random): Made => {
  const messages = Array.from(
    { length: random.between(1, 4) },
    () => LegacyEnvelope.message(random.pick(commands), random.bytes(random.below(random.pick([1, 40, 400]))))
  )
  const bytes = concat(...messages.map((message) => encode(message)))
  return {
    bytes,
    verify: () => equal(show(decode([bytes])), show({ messages, failure: undefined }), "the messages that were sent")
  }
}

const odd = (random: Random): Uint8Array =>
  concat(...Array.from({ length: random.between(1, 5) }, () => {
    const body = random.bytes(random.below(60))
    const command = random.pick([random.pick(commands), random.pick(commands), "what", "", "averylongcommand", "a\0b"])
    const length = random.pick([0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 32_000_000, 32_000_001, body.length + 1])
    return packet({
      command: command.slice(0, LegacyFormat.commandSize),
      body,
      ...(random.chance(10) ? { length } : {}),
      ...(random.chance(10) ? { checksum: random.bytes(4) } : {}),
      ...(random.chance(5) ? { magic: random.bytes(4) } : {})
    })
  }))

/** Where packets begin, their fields and their bodies. */
const borders = (bytes: Uint8Array): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let at = 0; at + 24 <= bytes.length; at += 24 + Buffer.from(bytes).readUInt32LE(at + 16)) {
    found.push(at, at + 4, at + 16, at + 20, at + 24)
  }
  return found
}

/** Makes length and checksum those of what follows the first header. */
const repair = (bytes: Uint8Array): Uint8Array => {
  if (bytes.length < 24) return bytes
  const repaired = Buffer.from(bytes)
  repaired.set(regtest, 0)
  repaired.writeUInt32LE(bytes.length - 24, 16)
  repaired.set(hash256(bytes.subarray(24)).subarray(0, 4), 20)
  return Uint8Array.from(repaired)
}

export const legacy: Decoder = {
  kind: "decoder",
  name: "legacy",
  seeds: Legacy.trace("p2p-regtest").messages.map(({ hex }) => Legacy.fromHex(hex)).filter(({ length }) =>
    length < 1000
  ),
  make,
  odd,
  borders,
  repair,
  run
}

/** What a command field is, said once more. */
const model = (field: string): string => {
  const found = commands.find((command) => command.padEnd(12, "\0") === field)
  if (found !== undefined) return found
  const wrong = /[^\x20-\x7e]/.exec(field)
  if (wrong === null) return "unknown"
  if (wrong[0] !== "\0") return `Malformed ${wrong.index}`
  const tail = /[^\0]/.exec(field.slice(wrong.index))
  return tail === null ? "unknown" : `UnpaddedCommand ${wrong.index + tail.index}`
}

const runCommand = (input: Uint8Array): string => {
  const bytes = new Uint8Array(14)
  bytes.set(input.subarray(0, 12), 1)
  const id = LegacyCommand.decode(bytes, 1)
  const malformed = id === undefined ? LegacyCommand.check(bytes, 1) : undefined
  const found = id === undefined
    ? malformed === undefined ? "unknown" : `${malformed.problem} ${malformed.position}`
    : LegacyCommand.fromId(id)
  equal(found, model(Buffer.from(bytes.subarray(1, 13)).toString("latin1")), "the command")
  if (id !== undefined) equal(LegacyCommand.encode(id), bytes.subarray(1, 13), "the command, written again")
  return malformed?.problem ?? (id === undefined ? "unknown" : "known")
}

export const legacyCommand: Decoder = {
  kind: "decoder",
  name: "legacy-command",
  seeds: commands.map((command) => Uint8Array.from(Buffer.from(command.padEnd(12, "\0"), "latin1"))),
  run: runCommand
}
