/**
 * Links over the sockets of Node: TCP, Unix sockets, and TLS over both.
 *
 * **Details**
 *
 * Plain sockets read straight into the memory of the receiver. Accepted sockets do so by means of Node that are not
 * documented; where a runtime lacks these, and for TLS, bytes are copied once on their way.
 *
 * An IPv4 peer of a listener on `::` has an IPv4 address. Both addresses of an accepted Unix socket are its path, since
 * those who dial one have no address. The socket file of a process that has died is removed when its path is listened
 * on again.
 *
 * A link that is closed has some time left to send what was written. While it does, what the peer still sends is read
 * and forgotten, so that the peer sees an end and not a cut. From the moment when the operating system has everything,
 * no process is kept alive by it.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import * as Redacted from "effect/Redacted"
import type * as Tls from "node:tls"
import * as OptionRules from "../domain/internal/optionRules.ts"
import * as Dial from "../internal/node/dial.ts"
import * as Listen from "../internal/node/listen.ts"
import * as SocketOptions from "../internal/node/socketOptions.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import { Transport, TransportError } from "../services/Transport.ts"

/**
 * Options of all sockets.
 *
 * @category models
 * @since 0.1.0
 */
export interface SocketsOptions {
  /** Sends small writes at once instead of collecting them. Default: `true`. */
  readonly noDelay?: boolean | undefined
  /**
   * Silence after which the operating system probes whether the peer is there: whole seconds, at most 32,767. Default: no
   * probes.
   */
  readonly keepAlive?: Duration.Input | undefined
  /** Connections that may wait to be accepted, per listener: 1 or more. Default: 511. */
  readonly backlog?: number | undefined
  /** Lets several processes or threads listen on the same port, where the system has that. Default: `false`. */
  readonly reusePort?: boolean | undefined
  /** How long what was written may take to go out after a link is closed, at most 24 days. Default: 2 seconds. */
  readonly linger?: Duration.Input | undefined
}

/**
 * Options of a transport without TLS.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends SocketsOptions {
  /**
   * How bytes are read: `direct`ly into the memory of the receiver, or by way of `events` that carry them in memory of
   * Node. Default: `direct`.
   */
  readonly reading?: "direct" | "events" | undefined
}

/**
 * The secrets of a TLS handshake, in the words of `node:tls`: as they are, or `Redacted` since they were read.
 *
 * **Example** (A passphrase from the environment)
 *
 * ```ts
 * import { Config, Effect, Layer } from "effect"
 * import { NodeTransport } from "effect-flowee"
 * import { readFileSync } from "node:fs"
 *
 * const transport = Layer.unwrap(Effect.map(Config.Redacted("TLS_PASSPHRASE"), (passphrase) =>
 *   NodeTransport.layerTls({
 *     server: { cert: readFileSync("hub.pem"), key: readFileSync("hub.key"), passphrase }
 *   })))
 * ```
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsSecrets {
  readonly key?: Tls.SecureContextOptions["key"] | Redacted.Redacted<string | Buffer>
  readonly passphrase?: string | Redacted.Redacted<string> | undefined
  readonly pfx?: Tls.SecureContextOptions["pfx"] | Redacted.Redacted<string | Buffer>
}

/**
 * What a dialler brings to a TLS handshake, in the words of `node:tls`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsClientOptions
  extends
    Omit<Tls.SecureContextOptions, keyof TlsSecrets>,
    TlsSecrets,
    Pick<Tls.ConnectionOptions, "checkServerIdentity" | "ALPNProtocols">
{
  /** The name to ask for, and to find in the certificate of the peer. Default: the address that is dialled. */
  readonly servername?: string | undefined
  /** Whether the peer needs a certificate that is trusted and names it. Default: `true`, whatever the environment says. */
  readonly rejectUnauthorized?: boolean | undefined
}

/**
 * What a listener brings to a TLS handshake, in the words of `node:tls`. It needs `cert` and `key`, or `pfx`.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsServerOptions
  extends
    Omit<Tls.SecureContextOptions, keyof TlsSecrets>,
    TlsSecrets,
    Pick<Tls.TlsOptions, "requestCert" | "SNICallback" | "ALPNProtocols" | "sessionTimeout" | "ticketKeys">
{
  /** Whether a peer whose certificate was asked for (`requestCert`) needs one that is trusted. Default: `true`. */
  readonly rejectUnauthorized?: boolean | undefined
}

/**
 * Options of a transport with TLS.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions extends SocketsOptions {
  /** Options of dialled links. Default: the authorities that Node trusts, and no certificate of our own. */
  readonly client?: TlsClientOptions | undefined
  /** Options of accepted links. Without them listening fails. */
  readonly server?: TlsServerOptions | undefined
  /** How long a peer that was accepted has for the handshake: 1 ms to 24 days. Default: 10 seconds. */
  readonly handshakeTimeout?: Duration.Input | undefined
  /** Peers that may be in the handshake at a time, per listener: 1 or more. Others are turned away. Default: 1000. */
  readonly maxHandshakes?: number | undefined
}

const overPlain = (sockets: SocketOptions.SocketOptions, isDirect: boolean): Transport["Service"] => {
  const makeOpener = Dial.plain(sockets, isDirect)
  const makeService = Listen.plain(sockets, isDirect)
  return Transport.of({
    connect: (address) => Dial.dial(makeOpener, address, sockets),
    listen: (address, onLink) => Listen.listen(makeService, address, sockets, onLink)
  })
}

/**
 * Makes a transport over TCP and Unix sockets. Without options it cannot fail.
 *
 * @category constructors
 * @since 0.1.0
 */
export function make(): Effect.Effect<Transport["Service"]>
export function make(options: Options | undefined): Effect.Effect<Transport["Service"], NetworkConfig.BadOption>
export function make(options: Options = {}): Effect.Effect<Transport["Service"], NetworkConfig.BadOption> {
  return Effect.map(
    Effect.fromResult(SocketOptions.resolve(options)),
    (sockets) => overPlain(sockets, options.reading !== "events")
  )
}

/**
 * Provides a transport over TCP and Unix sockets. Without options it cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(): Layer.Layer<Transport>
export function layer(options: Options | undefined): Layer.Layer<Transport, NetworkConfig.BadOption>
export function layer(options?: Options): Layer.Layer<Transport, NetworkConfig.BadOption> {
  return Layer.effect(Transport, make(options))
}

const tlsFailed = (address: string) => (cause: unknown) => new TransportError({ problem: "TlsFailed", address, cause })

const tlsRules = {
  handshakeTimeout: OptionRules.time("10 seconds", 1, OptionRules.longestTimer),
  maxHandshakes: OptionRules.count(1000, 1, 10_000_000)
}

const valueOf = <A>(secret: A | Redacted.Redacted<A>): A =>
  Redacted.isRedacted(secret) ? Redacted.value(secret) : secret

const reveal = <Options extends TlsSecrets>({ key, passphrase, pfx, ...others }: Options) => ({
  ...others,
  key: valueOf<Tls.SecureContextOptions["key"]>(key),
  passphrase: valueOf<string | undefined>(passphrase),
  pfx: valueOf<Tls.SecureContextOptions["pfx"]>(pfx)
})

const overTls = (
  sockets: SocketOptions.SocketOptions,
  handshakes: { readonly timeoutMillis: number; readonly limit: number },
  { client, server }: TlsOptions
): Transport["Service"] => {
  const makeOpener = Dial.tls(sockets, reveal(client ?? {}))
  const makeService = server && Listen.tls(sockets, reveal(server), handshakes)
  return Transport.of({
    connect: (address) => Dial.dial(makeOpener, address, sockets),
    listen: (address, onLink) =>
      makeService === undefined
        ? Effect.fail(noServerOptions(address))
        : Listen.listen(makeService, address, sockets, onLink)
  })
}

/**
 * Makes a transport over TLS, on TCP and on Unix sockets.
 *
 * **Details**
 *
 * A link exists once its handshake has ended well. A dialler whose handshake fails gets `TlsFailed`; a listener goes on
 * as if nobody had come. Fails with `TlsFailed` when the certificates or keys in the options make no sense.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeTls = (
  options: TlsOptions = {}
): Effect.Effect<Transport["Service"], TransportError | NetworkConfig.BadOption> =>
  Effect.gen(function*() {
    const sockets = yield* Effect.fromResult(SocketOptions.resolve(options))
    const { handshakeTimeout, maxHandshakes } = yield* Effect.fromResult(OptionRules.resolve(tlsRules, options))
    const handshakes = { timeoutMillis: Duration.toMillis(handshakeTimeout), limit: maxHandshakes }
    return yield* Effect.try({
      try: () => overTls(sockets, handshakes, options),
      catch: tlsFailed("TLS options")
    })
  })

const noServerOptions = (address: NetAddress.SocketAddress): TransportError =>
  tlsFailed(NetAddress.formatSocketAddress(address))(new Error("listening needs a certificate: set the server options"))

/**
 * Provides a transport over TLS, on TCP and on Unix sockets.
 *
 * **Example** (Both sides with their own authority)
 *
 * ```ts
 * import { NodeTransport } from "effect-flowee"
 * import { readFileSync } from "node:fs"
 *
 * const ca = readFileSync("ca.pem")
 *
 * const transport = NodeTransport.layerTls({
 *   client: { ca, servername: "hub.example" },
 *   server: { cert: readFileSync("hub.pem"), key: readFileSync("hub.key") }
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerTls = (
  options?: TlsOptions
): Layer.Layer<Transport, TransportError | NetworkConfig.BadOption> => Layer.effect(Transport, makeTls(options))
