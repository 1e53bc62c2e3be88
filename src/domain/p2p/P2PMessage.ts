/**
 * The messages that Bitcoin Cash peers send each other, as data, and their bodies as bytes.
 *
 * Each message has one description, from which its type, its reader and its writer come. `_tag` is the command.
 *
 * **Details**
 *
 * - Commands that are not here are skipped: {@link fromMessage} gives `undefined` for them.
 * - A body that goes on after its message is malformed, except that of `version`, which has been made longer before: what
 *   follows is ignored there. So a body that was read is written again byte for byte, but for such an ending and a
 *   `relay` byte over 1.
 * - All lists and strings are bounded. Where the protocol states no limit it is the one that nodes have.
 *
 * **Gotchas**
 *
 * Byte arrays in a message are views of its body, except packed headers: copy what is kept for long.
 *
 * Source: peer-to-peer component, "Messages".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Result from "effect/Result"
import type * as LegacyCommand from "../LegacyCommand.ts"
import * as LegacyEnvelope from "../LegacyEnvelope.ts"
import * as LegacyFormat from "../LegacyFormat.ts"
import type * as Message from "../Message.ts"
import * as Binary from "./Binary.ts"
import * as BinaryBytes from "./BinaryBytes.ts"
import type * as BinaryError from "./BinaryError.ts"
import * as BinaryNumber from "./BinaryNumber.ts"
import * as BlockHeader from "./BlockHeader.ts"
import * as BloomFilter from "./BloomFilter.ts"
import * as PeerAddress from "./PeerAddress.ts"

/**
 * The most headers of one message.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxHeaders = 2000

/**
 * The most items of an `inv`, `getdata` or `notfound`.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxInventory = 50_000

/**
 * The most addresses of an `addr`.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxAddresses = 1000

/** What nodes take. */
const maxLocator = 101
const maxUserAgent = 256
const maxRejectReason = 111

/** A block of 32 MB whose transactions are as small as they can be, and each of them matched. */
const maxTreeHashes = 533_333
const maxTreeFlags = 2 * Math.ceil(maxTreeHashes / 8)

const maxFilterAdd = 520

/** The largest element that scripts push, and more pushes than a proof has. */
const maxPushData = 10_000
const maxPushes = 16

const item = Binary.struct({
  /** One of the numbers of `InventoryType`, or another. */
  type: BinaryNumber.uint32,
  hash: BinaryBytes.hash
})

/**
 * Something that a peer has or wants.
 *
 * @category models
 * @since 0.1.0
 */
export type Inventory = Binary.Type<typeof item>

const spender = Binary.struct({
  version: BinaryNumber.uint32,
  sequence: BinaryNumber.uint32,
  lockTime: BinaryNumber.uint32,
  hashPrevouts: BinaryBytes.hash,
  hashSequence: BinaryBytes.hash,
  hashOutputs: BinaryBytes.hash,
  /** What the input pushes: its signature. */
  pushData: Binary.array(BinaryBytes.varBytes(maxPushData), maxPushes)
})

/**
 * One of the two transactions of a double-spend proof: what its signature signs, in parts.
 *
 * @category models
 * @since 0.1.0
 */
export type DoubleSpender = Binary.Type<typeof spender>

const empty = Binary.struct({})

const nonce = Binary.struct({ nonce: BinaryNumber.uint64 })

const inventory = Binary.struct({ inventory: Binary.array(item, maxInventory) })

const locator = Binary.struct({
  version: BinaryNumber.uint32,
  /** Hashes of one's own chain, the newest first: see `Locator`. */
  locator: Binary.array(BinaryBytes.hash, maxLocator),
  /** The last one that is wanted; zeros for as many as there are. */
  stop: BinaryBytes.hash
})

const whole = Binary.struct({ bytes: BinaryBytes.rest(LegacyFormat.maxBody) })

const descriptions = {
  version: Binary.struct({
    protocol: BinaryNumber.int32,
    services: BinaryNumber.uint64,
    /** In seconds since 1970. */
    time: BinaryNumber.int64,
    /** The address of the receiver, as the sender sees it. */
    receiver: PeerAddress.binary,
    sender: PeerAddress.binary,
    /** A random number of the connection, by which a node finds that it talks to itself. */
    nonce: BinaryNumber.uint64,
    userAgent: BinaryBytes.varString(maxUserAgent),
    startHeight: BinaryNumber.int32,
    /** Whether transactions are to be announced before there is a filter. Old nodes leave it out, which means `true`. */
    relay: Binary.optionalTail(BinaryNumber.flag)
  }),
  verack: empty,
  sendheaders: empty,
  getaddr: empty,
  mempool: empty,
  filterclear: empty,
  ping: nonce,
  pong: nonce,
  addr: Binary.struct({ addresses: Binary.array(PeerAddress.timedBinary, maxAddresses) }),
  inv: inventory,
  getdata: inventory,
  notfound: inventory,
  getheaders: locator,
  getblocks: locator,
  headers: Binary.struct({
    /** The headers as `BlockHeader` has them packed: `BlockHeader.unpack` makes objects of them. */
    // A number of transactions follows each header. It is always zero.
    packed: BinaryBytes.packed({ size: BlockHeader.size, after: Uint8Array.of(0), limit: maxHeaders })
  }),
  tx: whole,
  block: whole,
  merkleblock: Binary.struct({
    header: BlockHeader.binary,
    /** With the two that follow: see `PartialMerkleTree`. */
    transactions: BinaryNumber.uint32,
    hashes: Binary.array(BinaryBytes.hash, maxTreeHashes),
    flags: BinaryBytes.varBytes(maxTreeFlags)
  }),
  filterload: Binary.struct({
    bytes: BinaryBytes.varBytes(BloomFilter.maxSize),
    functions: BinaryNumber.atMost(BinaryNumber.uint32, BloomFilter.maxFunctions),
    tweak: BinaryNumber.uint32,
    flags: BinaryNumber.uint8
  }),
  filteradd: Binary.struct({ element: BinaryBytes.varBytes(maxFilterAdd) }),
  reject: Binary.struct({
    command: BinaryBytes.varString(LegacyFormat.commandSize),
    /** BIP 61. */
    code: BinaryNumber.uint8,
    reason: BinaryBytes.varString(maxRejectReason),
    /** The hash of the transaction or block, or nothing. */
    data: BinaryBytes.rest(32)
  }),
  "dsproof-beta": Binary.struct({
    /** The output that is spent twice. */
    txid: BinaryBytes.hash,
    index: BinaryNumber.uint32,
    first: spender,
    second: spender
  })
} satisfies { readonly [command in LegacyCommand.Command]?: Binary.Any }

/**
 * The commands of the messages that are known here.
 *
 * @category models
 * @since 0.1.0
 */
export type Command = keyof typeof descriptions

/**
 * What a message says besides its command.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields<C extends Command> = Binary.Type<(typeof descriptions)[C]>

/**
 * The message of a command.
 *
 * @category models
 * @since 0.1.0
 */
export type Of<C extends Command> = C extends Command ? { readonly _tag: C } & Fields<C> : never

/**
 * A message between peers.
 *
 * @category models
 * @since 0.1.0
 */
export type P2PMessage = Of<Command>

/**
 * The body of a message is not what its command demands.
 *
 * @category errors
 * @since 0.1.0
 */
export class MalformedMessage extends Data.TaggedError("MalformedMessage")<{
  readonly command: Command
  readonly reason: BinaryError.BinaryDecodeError
}> {
  override get message(): string {
    return `malformed "${this.command}": ${this.reason.message}`
  }
}

/**
 * A message has a value that cannot be written.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnsendableMessage extends Data.TaggedError("UnsendableMessage")<{
  readonly command: Command
  readonly reason: BinaryError.BinaryEncodeError
}> {
  override get message(): string {
    return `"${this.command}" cannot be sent: ${this.reason.message}`
  }
}

/** The descriptions without what each of them holds, for code that is about any. */
const byCommand: { readonly [command in Command]: Binary.Binary<object> } = descriptions as never

/**
 * All commands that are known here.
 *
 * @category constants
 * @since 0.1.0
 */
export const commands: ReadonlyArray<Command> = Object.keys(descriptions) as Array<Command>

/** Small enough for any filter that leaves most of a block out: over 60,000 hashes. */
const maxMerkleBlock = 2_000_000

/** Consensus rule of Bitcoin Cash. */
const maxTransaction = 1_000_000

const sizeOfItem = 36
const maxInventoryBody = 3 + maxInventory * sizeOfItem

const maxBodySizes: { readonly [command in Command]: number } = {
  // What later versions have added to the end is read over.
  version: 2000,
  verack: 0,
  sendheaders: 0,
  getaddr: 0,
  mempool: 0,
  filterclear: 0,
  ping: 8,
  pong: 8,
  addr: 3 + maxAddresses * 30,
  inv: maxInventoryBody,
  getdata: maxInventoryBody,
  notfound: maxInventoryBody,
  getheaders: 4 + 1 + (maxLocator + 1) * 32,
  getblocks: 4 + 1 + (maxLocator + 1) * 32,
  headers: 3 + maxHeaders * (BlockHeader.size + 1),
  tx: maxTransaction,
  block: LegacyFormat.maxBody,
  merkleblock: maxMerkleBlock,
  filterload: 3 + BloomFilter.maxSize + 4 + 4 + 1,
  filteradd: 3 + maxFilterAdd,
  reject: 1 + LegacyFormat.commandSize + 1 + 1 + maxRejectReason + 32,
  "dsproof-beta": 100_000
}

/**
 * The largest body of a command, in bytes: what a longer one announces is never read. Without limit (`Infinity`) for
 * commands that are not known here.
 *
 * @category getters
 * @since 0.1.0
 */
export const maxBodySize = (command: string): number => isCommand(command) ? maxBodySizes[command] : Infinity

/**
 * Tells whether a command is known here.
 *
 * @category guards
 * @since 0.1.0
 */
export const isCommand = (text: string): text is Command => Object.hasOwn(descriptions, text)

/**
 * Makes a message of a command and what it says.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <C extends Command>(command: C, fields: Fields<C>): Of<C> =>
  ({ _tag: command, ...fields }) as unknown as Of<C>

/**
 * Reads the body of a command.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = <C extends Command>(
  command: C,
  body: Uint8Array
): Result.Result<Of<C>, MalformedMessage> => {
  const trailing = command === "version" ? "ignore" : "reject"
  return Result.mapBoth(Binary.decode(byCommand[command], body, { trailing }), {
    onSuccess: (fields) => make(command, fields as Fields<C>),
    onFailure: (reason) => new MalformedMessage({ command, reason })
  })
}

/**
 * Writes the body of a message. Transactions and blocks are not copied.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (self: P2PMessage): Result.Result<Uint8Array, UnsendableMessage> =>
  Result.mapError(
    Binary.encode(byCommand[self._tag], self),
    (reason) => new UnsendableMessage({ command: self._tag, reason })
  )

/**
 * Reads a message of a legacy connection; `undefined` when its command is not known here and it is to be skipped.
 *
 * **Details**
 *
 * It keeps the body of the message (`Message.keep`), since what it gives points into it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromMessage = (
  message: Message.Message
): Result.Result<P2PMessage | undefined, MalformedMessage> => {
  const command = LegacyEnvelope.commandOf(message)
  if (command === undefined || !isCommand(command)) return Result.succeed(undefined)
  return decode(command, message.body)
}

/**
 * Makes the message that a legacy connection sends.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toMessage = (self: P2PMessage): Result.Result<Message.Message, UnsendableMessage> =>
  Result.map(encode(self), (body) => LegacyEnvelope.message(self._tag, body))
