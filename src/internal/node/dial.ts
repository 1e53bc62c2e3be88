/**
 * Dialling: from an address to a link.
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { TransportError } from "../../services/Transport.ts"
import * as DirectRead from "./directRead.ts"
import * as SocketAddresses from "./socketAddresses.ts"
import * as SocketErrors from "./socketErrors.ts"
import { SocketLink } from "./socketLink.ts"
import type { SocketOptions } from "./socketOptions.ts"

type Target = { readonly host: string; readonly port: number } | { readonly path: string }

const targetOf = (address: NetAddress.SocketAddress): Target =>
  address._tag === "UnixPathAddress"
    ? { path: address.path }
    : { host: SocketAddresses.nativeHost(address), port: address.port }

/** How a kind of socket is opened. @internal */
export interface Opener {
  readonly open: (target: Target) => Net.Socket
  /** The event after which bytes can be sent. */
  readonly readyEvent: "connect" | "secureConnect"
  readonly directRead: DirectRead.DirectRead | undefined
}

/** @internal */
export const plain = (options: SocketOptions, isDirect: boolean) => (): Opener => {
  const directRead = isDirect ? new DirectRead.DirectRead() : undefined
  const onread = directRead === undefined ? {} : { onread: directRead.onread }
  return {
    open: (target) => Net.connect({ ...target, ...options.socket, ...onread }),
    readyEvent: "connect",
    directRead
  }
}

/** What a dialler brings to a handshake. @internal */
export interface TlsClient extends Tls.SecureContextOptions {
  readonly servername?: string | undefined
  readonly rejectUnauthorized?: boolean | undefined
  readonly checkServerIdentity?: typeof Tls.checkServerIdentity | undefined
  readonly ALPNProtocols?: Tls.ConnectionOptions["ALPNProtocols"]
}

/** Throws when the certificates make no sense. @internal */
export const tls = (options: SocketOptions, client: TlsClient): () => Opener => {
  const handshake = {
    secureContext: Tls.createSecureContext(client),
    servername: client.servername,
    rejectUnauthorized: client.rejectUnauthorized ?? true,
    checkServerIdentity: client.checkServerIdentity ?? Tls.checkServerIdentity,
    ALPNProtocols: client.ALPNProtocols
  }
  return () => ({
    open: (target) => Tls.connect({ ...handshake, ...target, ...options.socket }),
    readyEvent: "secureConnect",
    directRead: undefined
  })
}

/** One attempt. It owns its socket until there is a link. */
class Attempt {
  readonly #opener: Opener
  readonly #address: NetAddress.SocketAddress
  readonly #label: string
  readonly #lingerMillis: number
  #socket: Net.Socket | undefined = undefined

  constructor(opener: Opener, address: NetAddress.SocketAddress, lingerMillis: number) {
    this.#opener = opener
    this.#address = address
    this.#label = NetAddress.formatSocketAddress(address)
    this.#lingerMillis = lingerMillis
  }

  readonly link: Effect.Effect<SocketLink, TransportError> = Effect.callback((resume) => {
    let stage: "Plain" | "Handshake" = "Plain"
    const fail = (cause: unknown) => resume(Effect.fail(SocketErrors.fromCause(cause, this.#label, stage)))
    const { open, readyEvent } = this.#opener
    try {
      const socket = open(targetOf(this.#address))
      this.#socket = socket
      socket.pause()
      const onClose = () => fail(new Error("the connection was closed"))
      socket.on("error", fail)
      socket.on("close", onClose)
      if (readyEvent === "secureConnect") socket.once("connect", () => stage = "Handshake")
      socket.once(readyEvent, () => {
        const link = this.#toLink(socket)
        socket.off("error", fail)
        socket.off("close", onClose)
        resume(Effect.succeed(link))
      })
    } catch (cause) {
      fail(cause)
    }
  })

  giveUp(): void {
    this.#socket?.destroy()
  }

  #toLink(socket: Net.Socket): SocketLink {
    return new SocketLink({
      socket,
      remoteAddress: this.#address,
      boundTo: this.#address,
      directRead: this.#opener.directRead,
      lingerMillis: this.#lingerMillis,
      owner: undefined
    })
  }
}

/** On its own, so that what the scope holds leads to the link and to nothing else. */
const closedWithScope = (link: SocketLink): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (scope) => Scope.addFinalizer(scope, Effect.sync(() => link.close())))

/** Dials, and closes the link with the scope. @internal */
export const dial = (
  makeOpener: () => Opener,
  address: NetAddress.SocketAddress,
  options: SocketOptions
): Effect.Effect<SocketLink, TransportError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) => {
    const attempt = new Attempt(makeOpener(), address, options.lingerMillis)
    return restore(attempt.link).pipe(
      Effect.onError(() => Effect.sync(() => attempt.giveUp())),
      Effect.tap(closedWithScope)
    )
  })
