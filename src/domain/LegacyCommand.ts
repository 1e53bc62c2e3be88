/**
 * The commands of the legacy envelope, and the message ids that stand for them.
 *
 * The ids are this library's own and never appear on the wire. They are stable: new commands get new numbers, and none
 * is used again.
 *
 * @stability unstable
 * @since 0.1.0
 */
import { commandSize } from "./LegacyFormat.ts"

/**
 * The message id of each command.
 *
 * @category constants
 * @since 0.1.0
 */
export const Id = {
  version: 1,
  verack: 2,
  addr: 3,
  inv: 4,
  getdata: 5,
  merkleblock: 6,
  getblocks: 7,
  getheaders: 8,
  tx: 9,
  headers: 10,
  block: 11,
  getaddr: 12,
  mempool: 13,
  ping: 14,
  pong: 15,
  notfound: 16,
  filterload: 17,
  filteradd: 18,
  filterclear: 19,
  reject: 20,
  sendheaders: 21,
  "dsproof-beta": 22,
  alert: 23,
  /** BIP 133. */
  feefilter: 24,
  /** This and the next three: BIP 152. */
  sendcmpct: 25,
  cmpctblock: 26,
  getblocktxn: 27,
  blocktxn: 28,
  /** This and the next: BIP 155. */
  sendaddrv2: 29,
  addrv2: 30,
  xversion: 31,
  xverack: 32,
  extversion: 33,
  xupdate: 34,
  /** This and the next five: BIP 157. */
  getcfilters: 35,
  cfilter: 36,
  getcfheaders: 37,
  cfheaders: 38,
  getcfcheckpt: 39,
  cfcheckpt: 40
} as const

/**
 * A command that has a message id.
 *
 * @category models
 * @since 0.1.0
 */
export type Command = keyof typeof Id

/** What is to be known of a command when packets are read and written. */
interface Entry {
  readonly id: number
  readonly command: Command
  /** As on the wire: ASCII, padded with zeros. */
  readonly padded: Uint8Array
  /** The padded bytes as three numbers, which compare faster. */
  readonly words: readonly [number, number, number]
}

const word = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

const padWithZeros = (command: string): Uint8Array =>
  Uint8Array.from({ length: commandSize }, (_, i) => i < command.length ? command.charCodeAt(i) : 0)

const makeEntry = (command: Command): Entry => {
  const padded = padWithZeros(command)
  return { id: Id[command], command, padded, words: [word(padded, 0), word(padded, 4), word(padded, 8)] }
}

const entries: ReadonlyArray<Entry> = (Object.keys(Id) as Array<Command>).map(makeEntry)

const entriesById: ReadonlyMap<number, Entry> = new Map(entries.map((entry) => [entry.id, entry]))

const entriesByFirstWord: ReadonlyMap<number, ReadonlyArray<Entry>> = new Map(
  entries.map((entry) => [entry.words[0], entries.filter((other) => other.words[0] === entry.words[0])])
)

/**
 * The message id of a command, or `undefined`.
 *
 * @category getters
 * @since 0.1.0
 */
export const toId = (command: string): number | undefined =>
  Object.hasOwn(Id, command) ? Id[command as Command] : undefined

/**
 * The command of a message id, or `undefined`.
 *
 * @category getters
 * @since 0.1.0
 */
export const fromId = (id: number): Command | undefined => entriesById.get(id)?.command

/**
 * The twelve bytes that say the command of a message id on the wire, or `undefined`. Not to be written to.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (id: number): Uint8Array | undefined => entriesById.get(id)?.padded

/**
 * The message id of the command in `bytes[at, at + 12)`, or `undefined` when there is none that is known.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array, at: number): number | undefined => {
  const candidates = entriesByFirstWord.get(word(bytes, at))
  if (candidates === undefined) return undefined
  const second = word(bytes, at + 4)
  const third = word(bytes, at + 8)
  for (const { id, words } of candidates) if (words[1] === second && words[2] === third) return id
  return undefined
}

/**
 * What is wrong with twelve bytes that should be a command, and which of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Malformed {
  /** `Malformed`: a byte that is no printable ASCII. `UnpaddedCommand`: a byte other than zero after the first zero. */
  readonly problem: "Malformed" | "UnpaddedCommand"
  readonly position: number
}

/**
 * Says why `bytes[at, at + 12)` is no command that a peer may send, or `undefined` when it is one, known or not.
 *
 * @category decoding
 * @since 0.1.0
 */
export const check = (bytes: Uint8Array, at: number): Malformed | undefined => {
  let position = 0
  for (; position < commandSize; position++) {
    const byte = bytes[at + position]!
    if (byte === 0) break
    if (byte < 0x20 || byte > 0x7e) return { problem: "Malformed", position }
  }
  for (; position < commandSize; position++) {
    if (bytes[at + position] !== 0) return { problem: "UnpaddedCommand", position }
  }
  return undefined
}

/**
 * The twelve bytes of any command, known or not; `undefined` for a text that is none: a command has at most twelve
 * characters of printable ASCII.
 *
 * @category encoding
 * @since 0.1.0
 */
export const pad = (command: string): Uint8Array | undefined =>
  /^[ -~]{0,12}$/.test(command) ? padWithZeros(command) : undefined

/**
 * The text of the command in `bytes[at, at + 12)`, known or not, where {@link check} finds nothing wrong.
 *
 * @category decoding
 * @since 0.1.0
 */
export const nameIn = (bytes: Uint8Array, at: number): string => {
  let name = ""
  for (let i = at; i < at + commandSize && bytes[i] !== 0; i++) name += String.fromCharCode(bytes[i]!)
  return name
}
