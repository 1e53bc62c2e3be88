/**
 * Listening: a server of Node, from its opening to the end of its scope.
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { Link, LinkListener, TransportError } from "../../services/Transport.ts"
import { Acceptor } from "./acceptor.ts"
import { Handshakes } from "./handshakes.ts"
import * as SocketAddresses from "./socketAddresses.ts"
import * as SocketErrors from "./socketErrors.ts"
import type { SocketOptions } from "./socketOptions.ts"
import * as UnixSocketFile from "./unixSocketFile.ts"

/** A server that hands its connections to an acceptor, and what is to be done when it closes. @internal */
export interface Service {
  readonly server: Net.Server
  readonly close: () => void
}

/** @internal */
export type MakeService = (acceptor: Acceptor) => Service

/** @internal */
export const plain = (options: SocketOptions, isDirect: boolean): MakeService => (acceptor) => ({
  server: Net.createServer(
    { ...options.socket, pauseOnConnect: true },
    (socket) => isDirect ? acceptor.acceptDirect(socket) : acceptor.acceptEvents(socket)
  ),
  close: () => {}
})

/** Throws when the certificates make no sense. @internal */
export const tls = (
  options: SocketOptions,
  server: Tls.TlsOptions,
  handshake: { readonly timeoutMillis: number; readonly limit: number }
): MakeService => {
  // A server makes its own context of them, and only when it is made: this one is to find faults early.
  Tls.createSecureContext(server)
  return (acceptor) => {
    const handshakes = new Handshakes(handshake.limit)
    const tlsServer = Tls.createServer({
      ...server,
      ...options.socket,
      handshakeTimeout: handshake.timeoutMillis,
      // Who hangs up during the handshake is gone.
      allowHalfOpen: false
    })
    tlsServer.on("connection", (socket) => handshakes.add(socket))
    tlsServer.on("tlsClientError", (_cause, socket) => socket.destroy())
    tlsServer.on("secureConnection", (socket) => {
      handshakes.finish(socket)
      socket.allowHalfOpen = true
      acceptor.acceptEvents(socket)
    })
    return { server: tlsServer, close: () => handshakes.close() }
  }
}

const listenOptions = (address: NetAddress.SocketAddress, options: SocketOptions): Net.ListenOptions =>
  address._tag === "UnixPathAddress"
    ? { path: address.path, backlog: options.listen.backlog }
    : { host: SocketAddresses.nativeHost(address), port: address.port, ...options.listen }

/** Opens a server once. */
const open = (
  makeService: () => Service,
  address: NetAddress.SocketAddress,
  options: SocketOptions
): Effect.Effect<Service, TransportError> =>
  Effect.callback((resume) => {
    const label = NetAddress.formatSocketAddress(address)
    try {
      const service = makeService()
      // It stays: a connection that cannot be accepted is an error of the server too, and no reason to stop.
      service.server.on("error", (cause) => resume(Effect.fail(SocketErrors.fromCause(cause, label))))
      service.server.listen(listenOptions(address, options), () => resume(Effect.succeed(service)))
    } catch (cause) {
      resume(Effect.fail(SocketErrors.fromCause(cause, label)))
    }
  })

/** Opens a server; the file of a Unix socket whose process is dead does not hinder it. */
const openOver = (
  makeService: () => Service,
  address: NetAddress.SocketAddress,
  options: SocketOptions
): Effect.Effect<Service, TransportError> => {
  const opening = open(makeService, address, options)
  if (address._tag !== "UnixPathAddress") return opening
  return Effect.catchIf(
    opening,
    (error) => error.problem === "AddressInUse",
    (error) =>
      Effect.flatMap(UnixSocketFile.removeStale(address.path), (removed) => removed ? opening : Effect.fail(error))
  )
}

/** @internal */
export const listen = (
  makeService: MakeService,
  address: NetAddress.SocketAddress,
  options: SocketOptions,
  onLink: (link: Link) => void
): Effect.Effect<LinkListener, TransportError, Scope.Scope> =>
  Effect.suspend(() => {
    const acceptor = new Acceptor(address, options, onLink)
    return Effect.acquireRelease(
      openOver(() => makeService(acceptor), address, options),
      (service) =>
        Effect.sync(() => {
          // Links that were started belong to whoever started them.
          service.server.close()
          service.close()
          acceptor.close()
        })
    )
  }).pipe(Effect.map(({ server }) => ({ address: SocketAddresses.listenAddress(server) ?? address })))
