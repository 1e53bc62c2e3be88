/**
 * The connections of an attacker.
 */
import * as Net from "node:net"

/** What an attack does with a connection. */
export type OnOpen = (socket: Net.Socket) => void

export class Attacker {
  connections = 0
  /** Connections that the server has ended. */
  ended = 0
  /** Bytes that the operating system has taken. */
  bytes = 0
  isStopped = false
  /** Completes when the first connection is up. */
  readonly hasConnected: Promise<void>
  #onConnected = () => {}
  readonly #port: number
  readonly #localAddress: string | undefined
  readonly #sockets = new Set<Net.Socket>()

  constructor(port: number, localAddress: string | undefined) {
    this.#port = port
    this.#localAddress = localAddress
    this.hasConnected = new Promise((resolve) => {
      this.#onConnected = resolve
    })
  }

  /** Keeps so many connections up, whatever the server does. */
  keep(count: number, onOpen: OnOpen): void {
    for (let i = 0; i < count; i++) this.#connect(onOpen)
  }

  stop(): void {
    this.isStopped = true
    for (const socket of this.#sockets) {
      this.bytes += socket.bytesWritten - socket.writableLength
      socket.destroy()
    }
  }

  #connect(onOpen: OnOpen): void {
    const options = { host: "127.0.0.1", port: this.#port, noDelay: true }
    const { isStopped } = this
    if (isStopped) return
    const socket = Net.connect(
      this.#localAddress === undefined ? options : { ...options, localAddress: this.#localAddress }
    )
    this.#sockets.add(socket)
    let isOurs = false
    socket.on("error", () => {})
    socket.on("connect", () => {
      this.connections += 1
      this.#onConnected()
      onOpen(socket)
      isOurs = socket.destroyed || socket.writableEnded
    })
    socket.on("close", () => {
      if (this.isStopped) return
      if (!isOurs) this.ended += 1
      this.bytes += socket.bytesWritten
      this.#sockets.delete(socket)
      setImmediate(() => this.#connect(onOpen))
    })
  }
}

/** Writes the same bytes as fast as they are taken. */
export const pump = (socket: Net.Socket, bytes: Uint8Array): void => {
  const more = () => {
    while (!socket.destroyed && socket.write(bytes));
  }
  socket.on("drain", more)
  more()
}
