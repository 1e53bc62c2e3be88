/**
 * Turns what a listener accepts into links, and keeps hold of them until somebody starts them.
 */
import type * as NetAddress from "effect/net/NetAddress"
import type * as Net from "node:net"
import type { Link } from "../../services/Transport.ts"
import * as DirectRead from "./directRead.ts"
import * as SocketAddresses from "./socketAddresses.ts"
import { type LinkOwner, SocketLink } from "./socketLink.ts"
import type { SocketOptions } from "./socketOptions.ts"

/** @internal */
export class Acceptor implements LinkOwner {
  readonly #listenedOn: NetAddress.SocketAddress
  readonly #options: SocketOptions
  readonly #onLink: (link: Link) => void
  readonly #unclaimed = new Set<SocketLink>()
  #isOpen = true

  constructor(listenedOn: NetAddress.SocketAddress, options: SocketOptions, onLink: (link: Link) => void) {
    this.#listenedOn = listenedOn
    this.#options = options
    this.#onLink = onLink
  }

  /** Takes a socket that was accepted in the paused state, and makes it read without copying where that is possible. */
  acceptDirect(socket: Net.Socket): void {
    const directRead = new DirectRead.DirectRead()
    const successor = DirectRead.takeOver(socket, directRead.onread)
    this.#accept(successor ?? socket, successor === undefined ? undefined : directRead)
  }

  /** Takes a socket that is read by way of `data` events. */
  acceptEvents(socket: Net.Socket): void {
    this.#accept(socket, undefined)
  }

  close(): void {
    this.#isOpen = false
    for (const link of this.#unclaimed) link.destroy()
  }

  #accept(socket: Net.Socket, directRead: DirectRead.DirectRead | undefined): void {
    socket.pause()
    const remoteAddress = this.#remoteAddress(socket)
    // A peer that has gone already has no address any more.
    if (remoteAddress === undefined || !this.#isOpen) {
      socket.on("error", () => {})
      socket.destroy()
      return
    }
    const link = new SocketLink({
      socket,
      remoteAddress,
      boundTo: this.#listenedOn,
      directRead,
      lingerMillis: this.#options.lingerMillis,
      owner: this
    })
    this.#unclaimed.add(link)
    this.#onLink(link)
  }

  onClaimed(link: SocketLink): void {
    this.#unclaimed.delete(link)
  }

  /** Those who dial a Unix socket have no address of their own. */
  #remoteAddress(socket: Net.Socket): NetAddress.SocketAddress | undefined {
    return this.#listenedOn._tag === "UnixPathAddress" ? this.#listenedOn : SocketAddresses.remoteAddress(socket)
  }
}
