/**
 * A link over a socket of Node.
 */
import * as NetAddress from "effect/net/NetAddress"
import type * as Net from "node:net"
import type * as Identity from "../../domain/Identity.ts"
import type { Link, LinkReceiver, TransportError } from "../../services/Transport.ts"
import * as Certificates from "./certificates.ts"
import * as DirectRead from "./directRead.ts"
import * as Feed from "./feed.ts"
import * as SocketAddresses from "./socketAddresses.ts"
import * as SocketErrors from "./socketErrors.ts"
import * as Turns from "./turns.ts"

/** A link that is being closed reads and forgets this much, so that the peer learns of the end rather than of a cut. */
const drainLimit = 16 * 1_048_576

type State =
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Open"; readonly receiver: LinkReceiver }
  | { readonly _tag: "Ended"; readonly error: TransportError | undefined }

const noBytes = new Uint8Array(0)

const waiting: State = { _tag: "Waiting" }

/** What quiet connections read into is the same memory for all of them, and so is the part of it that one read may fill. */
let lastWhole: Uint8Array = new Uint8Array(0)
let lastPart = lastWhole

const atMost = (memory: Uint8Array, size: number): Uint8Array => {
  if (memory.length <= size) return memory
  if (memory === lastWhole && lastPart.length === size) return lastPart
  lastWhole = memory
  return lastPart = memory.subarray(0, size)
}

/** Node makes a `Buffer` of each part that is none, at the cost of another view. */
const toBuffer = (bytes: Uint8Array, start: number, end: number): Uint8Array =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)

/** @internal */
export interface Options {
  /** A connected socket that is paused, allows half-open connections and was never read from. */
  readonly socket: Net.Socket
  readonly remoteAddress: NetAddress.SocketAddress
  /** The local address where the socket does not know it. */
  readonly boundTo: NetAddress.SocketAddress
  /** What `socket` reads with, unless it emits `data` events. */
  readonly directRead: DirectRead.DirectRead | undefined
  /** How long what was written may take to go out after `close`. */
  readonly lingerMillis: number
  readonly owner: LinkOwner | undefined
}

/** Who keeps hold of links that nobody has started. @internal */
export interface LinkOwner {
  /** Called once a link is started, or was ended before that. */
  readonly onClaimed: (link: SocketLink) => void
}

/** @internal */
export class SocketLink implements Link, DirectRead.Reader, Feed.Target, Turns.Waiting {
  readonly remoteAddress: NetAddress.SocketAddress
  readonly #boundTo: NetAddress.SocketAddress
  #localAddress: NetAddress.SocketAddress | undefined = undefined
  readonly #socket: Net.Socket
  readonly #isDirect: boolean
  readonly #lingerMillis: number
  readonly #owner: LinkOwner | undefined

  #state: State = waiting
  #isPaused = false
  readonly #share = new Turns.Share(Turns.turns)
  /** The size of the memory that the next read may fill. */
  #offered = 0
  /** Whether reading waits for the next turn of the event loop. */
  #readsLater = false
  /** Bytes that were read before the receiver paused, and that it has not had. */
  #rest: Uint8Array | undefined = undefined
  /** The peer has ended its side; said when the receiver has had all bytes before the end. */
  #peerEnded = false
  #hasWritten = false
  #done: ((error: TransportError | undefined) => void) | undefined = undefined
  #drained = 0
  #linger: NodeJS.Timeout | undefined = undefined

  constructor(options: Options) {
    this.remoteAddress = options.remoteAddress
    this.#boundTo = options.boundTo
    this.#socket = options.socket
    this.#isDirect = options.directRead !== undefined
    this.#lingerMillis = options.lingerMillis
    this.#owner = options.owner
    if (options.directRead !== undefined) options.directRead.reader = this
    // These stay for the life of the socket: an error must find a listener even when nobody cares any more.
    Turns.turns.add(1)
    options.socket.on("error", (cause) => this.#end(SocketErrors.fromCause(cause, this.#label)))
    options.socket.on("end", () => this.#onPeerEnd())
    options.socket.on("close", () => this.#onGone())
  }

  get localAddress(): NetAddress.SocketAddress {
    return this.#localAddress ??= SocketAddresses.localAddress(this.#socket) ?? this.#boundTo
  }

  get certificate(): Identity.Certificate | undefined {
    return Certificates.ofPeer(this.#socket)
  }

  get #label(): string {
    return NetAddress.formatSocketAddress(this.remoteAddress)
  }

  start(receiver: LinkReceiver): void {
    const state = this.#state
    if (state._tag === "Ended") return queueMicrotask(() => receiver.onEnd(state.error))
    if (state._tag === "Open") return
    this.#state = { _tag: "Open", receiver }
    this.#owner?.onClaimed(this)
    if (this.#peerEnded) return queueMicrotask(() => this.#catchUp())
    // A socket that has read once is not read from by `resume` itself later on, when it may be paused again.
    if (this.#isDirect) this.#socket.read(0)
    else this.#socket.on("data", (chunk: Uint8Array) => this.#onChunk(chunk))
    this.#socket.resume()
  }

  pause(): void {
    if (this.#state._tag !== "Open") return
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (this.#state._tag !== "Open" || !this.#isPaused) return
    this.#isPaused = false
    if (this.#readsLater) return
    // The caller may be in the middle of something: it is not called back from here.
    if (this.#rest !== undefined || this.#peerEnded) queueMicrotask(() => this.#catchUp())
    else this.#socket.resume()
  }

  write(parts: ReadonlyArray<Uint8Array>, done: (error: TransportError | undefined) => void): boolean {
    if (this.#state._tag === "Ended") {
      queueMicrotask(() => done(this.#writeError(undefined)))
      return false
    }
    this.#hasWritten = true
    const socket = this.#socket
    if (parts.length === 1) socket.write(parts[0]!)
    else {
      // What is written to a corked socket leaves it as one gathering write.
      socket.cork()
      for (const part of parts) socket.write(part)
      socket.uncork()
    }
    if (socket.writableLength === 0 && socket.errored === null) return true
    // A callback at the write itself would cost a turn of Node's tick queue where nobody needs it.
    this.#done = done
    socket.write(noBytes, this.#onWritten)
    return false
  }

  get slice(): NonNullable<Link["slice"]> {
    return toBuffer
  }

  close(): void {
    const state = this.#state
    if (state._tag === "Ended") return
    this.#setEnded(undefined)
    if (state._tag === "Open") queueMicrotask(() => state.receiver.onEnd(undefined))
    // Whoever was turned away without a word is not waited for.
    if (state._tag === "Waiting" && !this.#hasWritten) this.#socket.destroy()
    else this.#shutDown()
  }

  /** Ends the link without letting anything out. */
  destroy(): void {
    this.#setEnded(undefined)
    this.#socket.destroy()
  }

  // Reading straight into the receiver's memory

  memory(): Uint8Array {
    const state = this.#state
    if (state._tag !== "Open" || this.#rest !== undefined) return DirectRead.landing()
    const memory = atMost(state.receiver.buffer(), this.#share.room)
    this.#offered = memory.length
    return memory
  }

  took(count: number, memory: Uint8Array): void {
    if (this.#state._tag === "Ended") this.#drain(count)
    else if (memory === DirectRead.landing()) this.#onChunk(memory.subarray(0, count), true)
    else this.onRead(count)
  }

  // Reading by way of chunks

  get isReading(): boolean {
    return this.#state._tag === "Open" && !this.#isPaused && !this.#readsLater
  }

  onRead(count: number): void {
    const state = this.#state
    if (state._tag !== "Open") return
    // With less than it may, a read has brought all that there was. Of `data` events nothing is known.
    const mayBeMore = count === this.#offered || !this.#isDirect
    if (mayBeMore) this.#share.begin()
    else this.#share.onDrained()
    if (!state.receiver.onRead(count)) return this.pause()
    if (mayBeMore && this.isReading && this.#share.isUsedUp(count)) this.#readLater()
  }

  #onChunk(chunk: Uint8Array, isBorrowed = false): void {
    if (this.#state._tag === "Ended") return this.#drain(chunk.length)
    const taken = Feed.feed(chunk, this)
    if (taken === chunk.length) return
    if (this.isReading) {
      this.#socket.destroy(new Error("the receiver offered no memory to read into"))
    } else if (this.#state._tag === "Open") {
      this.#rest = isBorrowed ? chunk.slice(taken) : chunk.subarray(taken)
    }
  }

  /** What a resumed link owes its receiver comes before what is read next. */
  #catchUp(): void {
    if (!this.isReading) return
    const rest = this.#rest
    this.#rest = undefined
    if (rest !== undefined) this.#onChunk(rest)
    if (!this.isReading) return
    if (this.#peerEnded) this.#end(SocketErrors.closedByPeer(this.#label))
    else this.#socket.resume()
  }

  // Turns of the event loop

  #readLater(): void {
    if (!this.#isDirect || !DirectRead.setReading(this.#socket, false)) this.#socket.pause()
    Turns.turns.wait(this)
    this.#readsLater = true
  }

  goOn(): void {
    this.#readsLater = false
    if (!this.isReading) return
    const isPlain = this.#isDirect && this.#rest === undefined && !this.#peerEnded
    if (!isPlain || !DirectRead.setReading(this.#socket, true)) this.#catchUp()
  }

  // Writing

  readonly #onWritten = (cause?: Error | null): void => {
    const done = this.#done
    this.#done = undefined
    done?.(cause === undefined || cause === null ? undefined : this.#writeError(cause))
  }

  #writeError(cause: Error | undefined): TransportError {
    if (this.#state._tag === "Ended") return this.#state.error ?? SocketErrors.closedHere(this.#label)
    return SocketErrors.fromCause(cause, this.#label)
  }

  // The end

  #onPeerEnd(): void {
    this.#peerEnded = true
    if (this.isReading && this.#rest === undefined) this.#end(SocketErrors.closedByPeer(this.#label))
  }

  #onGone(): void {
    clearTimeout(this.#linger)
    Turns.turns.add(-1)
    this.#end(SocketErrors.cut(this.#label))
    this.#onWritten(new Error("the socket is closed"))
  }

  #end(error: TransportError): void {
    const state = this.#state
    if (state._tag === "Ended") return
    this.#setEnded(error)
    if (state._tag === "Open") state.receiver.onEnd(error)
    this.#shutDown()
  }

  #setEnded(error: TransportError | undefined): void {
    const isUnclaimed = this.#state._tag === "Waiting"
    this.#state = { _tag: "Ended", error }
    this.#rest = undefined
    if (isUnclaimed) this.#owner?.onClaimed(this)
  }

  /**
   * Lets out what was written and says goodbye. To close a socket with unread bytes in it would cut the connection and
   * discard what is still on its way to the peer, so these are read first.
   */
  #shutDown(): void {
    const socket = this.#socket
    if (socket.destroyed) return
    // Not a matter of the program's clock: the operating system holds a socket, whatever time a test makes it.
    this.#linger = setTimeout(() => socket.destroy(), this.#lingerMillis)
    this.#linger.unref()
    socket.end()
    if (this.#isDirect && !DirectRead.redirect(socket)) {
      socket.once("finish", () => socket.destroy())
      return
    }
    // From then on the operating system has everything, and the process may leave the rest to it.
    socket.once("finish", () => socket.unref())
    socket.resume()
  }

  #drain(count: number): void {
    this.#drained += count
    if (this.#drained > drainLimit) this.#socket.destroy()
  }
}
