/**
 * A proxy for TCP: accepts connections, dials the target for each, and joins the two.
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import type * as FaultControls from "../../layers/FaultControls.ts"
import { TransportError } from "../../services/Transport.ts"
import { infoOf, type Network, type NetworkLink } from "../memory/network.ts"
import * as HostTransport from "../memory/transport.ts"
import { ProxyLink } from "./proxyLink.ts"
import * as SocketAddresses from "./socketAddresses.ts"
import * as SocketErrors from "./socketErrors.ts"

/** Bytes that have passed, in both directions. */
interface Totals {
  readonly toListener: FaultControls.Traffic
  readonly toDialler: FaultControls.Traffic
}

const nothing: FaultControls.Traffic = { written: 0, delivered: 0 }

const add = (self: FaultControls.Traffic, that: FaultControls.Traffic): FaultControls.Traffic => ({
  written: self.written + that.written,
  delivered: self.delivered + that.delivered
})

const addBoth = (self: Totals, that: Totals): Totals => ({
  toListener: add(self.toListener, that.toListener),
  toDialler: add(self.toDialler, that.toDialler)
})

/** @internal */
export class Proxy {
  target: NetAddress.SocketAddress
  readonly #network: Network
  readonly #server: Net.Server
  readonly #sockets = new Set<Net.Socket>()
  /** What passed on links that are gone. */
  #past: Totals = { toListener: nothing, toDialler: nothing }

  constructor(network: Network, target: NetAddress.SocketAddress) {
    this.#network = network
    this.target = target
    this.#server = Net.createServer(
      { allowHalfOpen: true, pauseOnConnect: true, noDelay: true },
      (socket) => this.#accept(socket)
    )
  }

  get address(): NetAddress.SocketAddress {
    return SocketAddresses.listenAddress(this.#server) ?? NetAddress.unixPathAddress("")
  }
  /** Bytes that have passed since the proxy was made. */
  get traffic(): Totals {
    return this.#network.links(undefined).reduce((sum, link) => addBoth(sum, infoOf(link)), this.#past)
  }

  listen(address: NetAddress.InetAddress): Effect.Effect<void, TransportError> {
    return Effect.callback((resume) => {
      const label = NetAddress.formatSocketAddress(address)
      this.#server.on("error", (cause) => resume(Effect.fail(SocketErrors.fromCause(cause, label))))
      this.#server.listen({ host: SocketAddresses.nativeHost(address), port: address.port }, () => resume(Effect.void))
    })
  }
  /** Ends everything, and waits until it has ended. */
  readonly close: Effect.Effect<void> = Effect.callback((resume) => {
    this.#network.close()
    this.#server.close(() => resume(Effect.void))
    for (const socket of this.#sockets) socket.destroy()
  })

  #accept(client: Net.Socket): void {
    this.#track(client)
    const dialler = SocketAddresses.remoteAddress(client)
    if (dialler === undefined) {
      client.destroy()
      return
    }
    this.#network.runtime.fork(this.#join(client, { id: undefined, dialler, listener: this.address }))
  }
  /** As a dial in the network of memory, which may hang or be refused, with a socket at each end. */
  #join(client: Net.Socket, route: Parameters<Network["open"]>[0] & { readonly id: undefined }): Effect.Effect<void> {
    const network = this.#network
    const dial = network.dials.add(route)
    network.notify()
    return HostTransport.travel(network, dial, route, "toListener").pipe(
      Effect.andThen(Effect.suspend(() =>
        network.isClosed || network.faults.refusal(route) !== undefined
          ? Effect.fail(new TransportError({ problem: "Refused", address: "" }))
          : this.#dial
      )),
      Effect.map((socket) => {
        const sockets = { dialler: client, listener: socket }
        const link = network.open(
          route,
          (runtime, conditions, linkRoute, onGone) =>
            new ProxyLink(sockets, runtime, conditions, linkRoute, (gone) => {
              this.#remember(gone)
              onGone(gone)
            })
        )
        link.start()
        network.notify()
      }),
      // A proxy has accepted before it knows whether there is anybody behind it: all that is left is to cut.
      Effect.catch(() => Effect.sync(() => client.resetAndDestroy())),
      Effect.ensuring(Effect.sync(() => network.dials.remove(dial)))
    )
  }
  get #dial(): Effect.Effect<Net.Socket, TransportError> {
    return Effect.callback((resume) => {
      const { target } = this
      const options = { allowHalfOpen: true, noDelay: true }
      const socket = Net.connect(
        target._tag === "UnixPathAddress"
          ? { ...options, path: target.path }
          : { ...options, host: SocketAddresses.nativeHost(target), port: target.port }
      )
      this.#track(socket)
      socket.pause()
      socket.once("connect", () => resume(Effect.succeed(socket)))
      socket.once(
        "error",
        (cause) => resume(Effect.fail(SocketErrors.fromCause(cause, NetAddress.formatSocketAddress(target))))
      )
      return Effect.sync(() => socket.destroy())
    })
  }
  #track(socket: Net.Socket): void {
    this.#sockets.add(socket)
    // An error must find a listener, even when nobody cares any more.
    socket.on("error", () => {})
    socket.on("close", () => this.#sockets.delete(socket))
  }
  #remember(link: NetworkLink): void {
    this.#past = addBoth(this.#past, infoOf(link))
  }
}

/** @internal */
export const make = (
  network: Network,
  target: NetAddress.SocketAddress,
  address: NetAddress.InetAddress
): Effect.Effect<Proxy, TransportError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Proxy(network, target)),
    (proxy) => proxy.close
  ).pipe(Effect.tap((proxy) => proxy.listen(address)))
