/**
 * The connections of a TLS listener whose handshake has not ended.
 */
import type * as Net from "node:net"
import type * as Tls from "node:tls"

/** A TLS socket keeps the socket below it in a property that Node does not document. */
interface Upper {
  readonly _parent?: unknown
}

/** @internal */
export class Handshakes {
  readonly #limit: number
  readonly #sockets = new Set<unknown>()
  /** `false` where the runtime does not say which connection a handshake was made on. */
  #isTracking = true

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Watches a connection, or cuts it when there are too many. */
  add(socket: Net.Socket): void {
    if (!this.#isTracking) return
    if (this.#sockets.size >= this.#limit) return void socket.destroy()
    this.#sockets.add(socket)
    socket.on("close", () => this.#sockets.delete(socket))
  }

  /** A handshake has ended well. */
  finish(socket: Tls.TLSSocket): void {
    if (this.#sockets.delete((socket as Upper)._parent)) return
    this.#isTracking = false
    this.#sockets.clear()
  }

  close(): void {
    for (const socket of this.#sockets) (socket as Net.Socket).destroy()
  }
}
