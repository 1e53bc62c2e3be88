/**
 * A network inside one process, for tests.
 *
 * **Details**
 *
 * `layer` provides a `Transport` and an `AddressResolver` that reach nothing outside the program, and `MemoryNetwork`,
 * which controls what happens between them, see `FaultControls`: delay, loss, cuts, wrong bytes, links that are dead
 * without anybody being told, hosts that do not answer. Time is the time of the `Clock` and chance is `Random`, so that a test decides about both.
 *
 * Links behave like TCP: bytes arrive whole and in order, and a side that does not read makes the other side wait.
 * Without a delay bytes arrive in one of the next turns of the scheduler, and a test clock need not be moved for that.
 * A delay is a sleep on the clock the layer was built with. An idle link costs a few objects: no fiber and no timer.
 *
 * **Example** (A connection that is cut in the middle of a message)
 *
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { MemoryTransport, Transport } from "effect-flowee"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * it.effect("is told when its link is cut", () =>
 *   Effect.gen(function*() {
 *     const network = yield* MemoryTransport.MemoryNetwork
 *     const transport = yield* Transport.Transport
 *     const address = NetAddress.inetAddressFromStringUnsafe("10.0.0.7:1234")
 *     yield* transport.listen(address, (link) => void MemoryTransport.probe(link))
 *     yield* network.cutAfter("10.0.0.7:1234", 3, "toListener")
 *
 *     const client = MemoryTransport.probe(yield* transport.connect(address))
 *     yield* client.write(Uint8Array.of(1, 2, 3, 4, 5))
 *     assert.strictEqual((yield* client.ended)?.problem, "Reset")
 *   }).pipe(Effect.provide(MemoryTransport.layer())))
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AddressResolver from "effect/net/AddressResolver"
import type * as Dns from "effect/net/Dns"
import type * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Area from "../internal/memory/area.ts"
import * as Resolved from "../internal/memory/conditions.ts"
import * as Controls from "../internal/memory/controls.ts"
import { Names } from "../internal/memory/names.ts"
import { Network } from "../internal/memory/network.ts"
import * as Probe from "../internal/memory/probe.ts"
import * as Runtime from "../internal/memory/runtime.ts"
import * as HostTransport from "../internal/memory/transport.ts"
import * as Transport from "../services/Transport.ts"
import type * as FaultControls from "./FaultControls.ts"

/**
 * Controls the network.
 *
 * **Details**
 *
 * The network is one space of addresses. The `Transport` that comes with it listens on any of them and dials from
 * `127.0.0.1` or `::1`; `transportFrom` makes transports of other hosts. Port 0 gives a free port from 32,768 upwards.
 * A listener on `0.0.0.0` or `::` accepts what is dialled at the addresses of its host, and IPv4 is accepted at `::`.
 *
 * A side that has closed its link reads nothing more, and what the other side still writes is lost without a reset. The
 * other side is told, with `Closed`, after it has read all bytes that were written before.
 *
 * @category services
 * @since 0.1.0
 */
export class MemoryNetwork extends Context.Service<
  MemoryNetwork,
  FaultControls.FaultControls & {
    /**
     * Decides what look-ups of a name give: addresses in this order, or a failure. No addresses are the failure
     * `NotFound`, which is also what a name gives that was never set. At first there is `localhost`, `127.0.0.1`.
     */
    readonly setHost: (
      name: string,
      answer: ReadonlyArray<NetAddress.IpAddressInput> | Dns.DnsErrorReason,
      options?: {
        /** How long a look-up takes. Infinite: it never ends. Default: 0. */
        readonly delay?: Duration.Input | undefined
      }
    ) => Effect.Effect<void>
    /** How often a name was looked up. Literal addresses are not looked up. */
    readonly lookups: (name: string) => Effect.Effect<number>

    /**
     * The transport of a host with these addresses: it dials from the first one of the family that is dialled, and fails
     * with `Unreachable` when there is none.
     */
    readonly transportFrom: (
      address: NetAddress.IpAddressInput,
      ...others: ReadonlyArray<NetAddress.IpAddressInput>
    ) => Effect.Effect<Transport.Transport["Service"]>
  }
>()("effect-flowee/MemoryTransport/MemoryNetwork") {}

/**
 * Options of the network: the conditions it starts with, and more.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends FaultControls.Conditions {
  /** Names and their addresses, as `setHost` takes them. */
  readonly hosts?: { readonly [name: string]: ReadonlyArray<NetAddress.IpAddressInput> } | undefined
  /** Makes chance repeatable. Default: the `Random` service that the layer is built with. */
  readonly seed?: string | number | undefined
}

interface Built {
  readonly network: Network
  readonly names: Names
}

const build = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Built, never, Scope.Scope> {
  const runtime = yield* Runtime.make
  return yield* Effect.acquireRelease(
    Effect.sync(() => {
      const names = new Names()
      for (const [name, addresses] of Object.entries({ localhost: ["127.0.0.1"], ...options.hosts })) {
        names.setUnsafe(name, addresses)
      }
      return { network: new Network(runtime, Resolved.mergeUnsafe(Resolved.defaults, options)), names }
    }),
    ({ network }) =>
      // Receivers are told in a later turn. The scope is closed when they have been.
      Effect.callback<void>((resume) => {
        network.close()
        runtime.schedule(() => resume(Effect.void))
      })
  )
})

const controls = ({ names, network }: Built): MemoryNetwork["Service"] => ({
  ...Controls.make(network),
  setHost: (name, answer, options) => Effect.sync(() => names.setUnsafe(name, answer, options?.delay)),
  lookups: (name) => Effect.sync(() => names.countUnsafe(name)),
  transportFrom: (...addresses) =>
    Effect.sync(() => HostTransport.make(network, addresses.map((address) => Area.hostUnsafe(address))))
})

/**
 * Provides a network of its own, and the transport and the resolver that use it.
 *
 * **Details**
 *
 * When the scope of the layer is closed all links are cut. No fiber and no timer is left.
 *
 * **Example** (A slow network that loses a segment now and then)
 *
 * ```ts
 * import { MemoryTransport } from "effect-flowee"
 *
 * const slow = MemoryTransport.layer({ delay: "80 millis", jitter: "20 millis", loss: 0.01, seed: "slow" })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<MemoryNetwork | Transport.Transport | AddressResolver.AddressResolver> =>
  Layer.effectContext(Effect.map(
    options.seed === undefined ? build(options) : Random.withSeed(build(options), options.seed),
    (built) =>
      Context.make(MemoryNetwork, controls(built)).pipe(
        Context.add(Transport.Transport, HostTransport.make(built.network, undefined)),
        Context.add(AddressResolver.AddressResolver, AddressResolver.make(built.names.dns(built.network.runtime.sleep)))
      )
  ))

/**
 * Provides the transport of a host with these addresses, in the network that is there: a test with several of them is
 * a test with several hosts.
 *
 * **Example** (Two hosts that cannot reach each other)
 *
 * ```ts
 * import { MemoryTransport, Transport } from "effect-flowee"
 * import { Effect } from "effect"
 * import { NetAddress } from "effect/net"
 *
 * const address = NetAddress.inetAddressFromStringUnsafe("10.0.0.9:1234")
 *
 * const client = Effect.gen(function*() {
 *   const transport = yield* Transport.Transport
 *   return yield* transport.connect(address)
 * }).pipe(Effect.provide(MemoryTransport.layerFrom("10.0.0.7")))
 *
 * const test = Effect.gen(function*() {
 *   const network = yield* MemoryTransport.MemoryNetwork
 *   yield* network.partition("10.0.0.7", "10.0.0.9")
 *   return yield* Effect.timeout(client, "10 seconds")
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFrom = (
  address: NetAddress.IpAddressInput,
  ...others: ReadonlyArray<NetAddress.IpAddressInput>
): Layer.Layer<Transport.Transport, never, MemoryNetwork> =>
  Layer.effect(Transport.Transport, MemoryNetwork.use((network) => network.transportFrom(address, ...others)))

/**
 * A link that a test reads and writes with effects.
 *
 * @category testing
 * @since 0.1.0
 */
export interface LinkProbe {
  readonly link: Transport.Link
  /** Writes, and waits until the network has taken the bytes. Writes wait for the ones before them. */
  readonly write: (...parts: ReadonlyArray<Uint8Array>) => Effect.Effect<void, Transport.TransportError>
  /** Waits for the next `count` bytes, and takes them. Fails when the link ends before. */
  readonly read: (count: number) => Effect.Effect<Uint8Array, Transport.TransportError>
  /** Takes all bytes that have arrived and that nobody has asked for. */
  readonly rest: Effect.Effect<Uint8Array>
  /** The number of bytes in each read so far. */
  readonly reads: Effect.Effect<ReadonlyArray<number>>
  /** Waits for the end of the link, and tells why: `undefined` when it was closed here. */
  readonly ended: Effect.Effect<Transport.TransportError | undefined>
  readonly close: Effect.Effect<void>
}

/**
 * Starts a link and reads from it all the time. Works with links of every transport.
 *
 * **When to use**
 *
 * Use to speak to the code under test in raw bytes.
 *
 * @category testing
 * @since 0.1.0
 */
export const probe = (link: Transport.Link, options?: {
  /** Bytes that one read returns at most. Default: 65,536. */
  readonly bufferSize?: number | undefined
}): LinkProbe => Probe.make(link, options?.bufferSize ?? 65_536)
