/**
 * A connection through a proxy: two sockets, and between them the two pipes of the network in memory.
 */
import type * as Net from "node:net"
import type * as Transport from "../../services/Transport.ts"
import type * as Conditions from "../memory/conditions.ts"
import type { NetworkLink } from "../memory/network.ts"
import { Pipe, type Reader } from "../memory/pipe.ts"
import type { Runtime } from "../memory/runtime.ts"

/** What one write to a socket takes, at most. */
const writeBytes = 65_536

/** What a side asks of its connection. */
interface Owner {
  readonly cut: () => void
  readonly onGone: () => void
}

/** One socket: what it says goes into a pipe, and what comes out of the other one is said to it. */
class Side implements Transport.LinkReceiver {
  readonly #socket: Net.Socket
  readonly #owner: Owner
  readonly #outbound: () => Pipe
  readonly #inbound: () => Pipe
  #memory = new Uint8Array(0)
  #isWriting = false
  /** To be done when the write that is under way is done. */
  #onWritten: (() => void) | undefined = undefined
  #wasReset = false
  isGone = false

  constructor(
    socket: Net.Socket,
    owner: Owner,
    pipes: { readonly inbound: () => Pipe; readonly outbound: () => Pipe }
  ) {
    this.#socket = socket
    this.#owner = owner
    this.#inbound = pipes.inbound
    this.#outbound = pipes.outbound
  }

  get wasReset(): boolean {
    return this.#wasReset
  }
  /** Who is written to now. */
  get writable(): Transport.LinkReceiver | undefined {
    return this.#isWriting || this.isGone ? undefined : this
  }

  start(): void {
    const socket = this.#socket
    socket.on("data", (chunk: Uint8Array) => {
      // One write is under way at a time, and what it holds is read when the other side has room for it.
      socket.pause()
      this.#outbound().write([chunk], () => socket.resume())
    })
    socket.on("end", () => this.#outbound().finish())
    socket.on("error", () => {
      this.#wasReset = true
    })
    socket.on("close", () => this.#onClose())
    if (socket.destroyed) this.#onClose()
    else socket.resume()
  }
  end(): void {
    this.#socket.end()
  }
  reset(): void {
    this.#socket.resetAndDestroy()
  }
  /** Calls back when the system has taken all bytes that it was given. */
  afterWrite(f: () => void): void {
    if (this.#isWriting) this.#onWritten = f
    else f()
  }

  buffer(): Uint8Array {
    // Node holds the memory of a write until it is done.
    this.#memory = new Uint8Array(writeBytes)
    return this.#memory
  }
  onRead(count: number): boolean {
    this.#isWriting = true
    this.#socket.write(this.#memory.subarray(0, count), () => {
      this.#isWriting = false
      const onWritten = this.#onWritten
      this.#onWritten = undefined
      if (onWritten === undefined) this.#inbound().wake()
      else onWritten()
    })
    return true
  }
  onEnd(): void {}

  #onClose(): void {
    if (this.isGone) return
    this.isGone = true
    this.#inbound().drop()
    // The other side learns of it behind the bytes that came before, and not at all while nothing passes.
    this.#outbound().finish()
    this.#owner.onGone()
  }
}

/** @internal */
export class ProxyLink implements NetworkLink {
  readonly route: NetworkLink["route"]
  readonly toListener: Pipe
  readonly toDialler: Pipe
  readonly #dialler: Side
  readonly #listener: Side

  constructor(
    sockets: { readonly dialler: Net.Socket; readonly listener: Net.Socket },
    runtime: Runtime,
    conditions: Conditions.Resolved,
    route: NetworkLink["route"],
    onGone: (link: NetworkLink) => void
  ) {
    this.route = route
    const owner: Owner = {
      cut: () => this.cut(),
      onGone: () => {
        if (this.#dialler.isGone && this.#listener.isGone) onGone(this)
      }
    }
    this.#dialler = new Side(sockets.dialler, owner, {
      inbound: () => this.toDialler,
      outbound: () => this.toListener
    })
    this.#listener = new Side(sockets.listener, owner, {
      inbound: () => this.toListener,
      outbound: () => this.toDialler
    })
    this.toDialler = new Pipe(runtime, conditions, this.#reader(this.#dialler, this.#listener))
    this.toListener = new Pipe(runtime, conditions, this.#reader(this.#listener, this.#dialler))
  }

  start(): void {
    this.#dialler.start()
    this.#listener.start()
  }
  /** Resets both sockets at once. */
  cut(): void {
    for (const side of [this.#dialler, this.#listener]) side.reset()
  }

  #reader(side: Side, other: Side): Reader {
    return {
      receiver: () => side.writable,
      pause: () => {},
      onFinished: () => other.wasReset ? side.reset() : side.end(),
      onCut: () => side.afterWrite(() => this.cut())
    }
  }
}
