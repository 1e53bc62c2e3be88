/**
 * The transport of one host of the network.
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as NetAddress from "effect/net/NetAddress"
import type * as FaultControls from "../../layers/FaultControls.ts"
import * as Transport from "../../services/Transport.ts"
import * as Area from "./area.ts"
import * as Conditions from "./conditions.ts"
import type { Dial } from "./dials.ts"
import { MemoryLink } from "./link.ts"
import type { Sources } from "./listeners.ts"
import type { Network } from "./network.ts"

/** @internal */
export const make = (network: Network, sources: Sources): Transport.Transport["Service"] => ({
  connect: (address) =>
    Effect.map(
      Effect.acquireRelease(
        dial(network, sources, address),
        (link) => Effect.sync(() => link.dialler.close()),
        { interruptible: true }
      ),
      (link) => link.dialler
    ),
  listen: (address, onLink) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const listener = network.listeners.add(Area.canonical(address), sources, onLink)
        return listener === undefined ? fail("AddressInUse", address) : Effect.succeed(listener)
      }),
      (listener) => Effect.sync(() => network.listeners.remove(listener))
    )
})

const fail = (problem: typeof Transport.Problem.Type, address: NetAddress.SocketAddress) =>
  Effect.fail(new Transport.TransportError({ problem, address: NetAddress.formatSocketAddress(address) }))

/** One dial under way. */
interface Attempt {
  readonly dial: Dial
  readonly route: Area.Route
  link: MemoryLink | undefined
}

const dial = (
  network: Network,
  sources: Sources,
  target: NetAddress.SocketAddress
): Effect.Effect<MemoryLink, Transport.TransportError> =>
  Effect.suspend(() => {
    const address = reachable(target)
    const dialler = network.isClosed ? undefined : localAddress(network, sources, address)
    if (dialler === undefined) return fail("Unreachable", address)
    const route = { id: undefined, dialler, listener: address }
    const attempt: Attempt = { dial: network.dials.add(route), route, link: undefined }
    network.notify()
    return Effect.onExit(handshake(network, attempt), (exit) => {
      network.dials.remove(attempt.dial)
      if (exit._tag === "Success") return Effect.void
      if (attempt.link === undefined) network.listeners.givePort(dialler)
      else attempt.link.dialler.close()
      return Effect.void
    })
  })

/** The request travels to the listener, and its answer travels back. */
const handshake = Effect.fnUntraced(function*(network: Network, attempt: Attempt) {
  const { dial, route } = attempt
  yield* travel(network, dial, route, "toListener")
  const refusal = network.faults.refusal(route)
  const listener = network.isClosed ? undefined : network.listeners.find(route.listener)
  if (refusal !== undefined || listener === undefined) {
    yield* travel(network, dial, route, "toDialler")
    return yield* fail(refusal ?? (network.isClosed ? "Unreachable" : "Refused"), route.listener)
  }
  const link = network.open(route, (...parts) => new MemoryLink(...parts))
  attempt.link = link
  listener.onLink(link.listener)
  network.notify()
  yield* travel(network, dial, link.route, "toDialler")
  const error = link.dialler.error
  return error === undefined ? link : yield* error
})

/**
 * Waits while the way is blocked, and then for as long as one packet takes.
 *
 * @internal
 */
export const travel = Effect.fnUntraced(function*(
  network: Network,
  dial: Dial,
  route: Area.Route,
  direction: FaultControls.Direction
) {
  const { now, random, sleepUntil } = network.runtime
  const isBlocked = () =>
    !network.isClosed && (network.faults.isHeld(route, direction) ||
      (direction === "toListener" && !dial.isLetThrough && network.faults.isHanging(route)))
  do {
    if (isBlocked()) yield* network.watch(() => isBlocked() ? undefined : true)
    const time = Conditions.latency(network.conditions(route), random)
    // Even what takes no time does not happen within the call that asked for it.
    yield* time > 0 ? sleepUntil(now() + time) : Effect.yieldNow
  } while (isBlocked())
})

/** The addresses that stand for "any" lead to this host, as they do in real systems. */
const reachable = (target: NetAddress.SocketAddress): NetAddress.SocketAddress => {
  const address = Area.canonical(target)
  if (NetAddress.isUnixPathAddress(address)) return address
  if (Equal.equals(address.address, NetAddress.ipv4Unspecified)) {
    return NetAddress.inetAddressUnsafe(NetAddress.ipv4Loopback, address.port)
  }
  if (Equal.equals(address.address, NetAddress.ipv6Unspecified)) {
    return NetAddress.inetAddressUnsafe(NetAddress.ipv6Loopback, address.port)
  }
  return address
}

const unnamed = NetAddress.unixPathAddress("")

/** Where a dial comes from; `undefined` when the host has no address of that family, or no free port. */
const localAddress = (
  network: Network,
  sources: Sources,
  target: NetAddress.SocketAddress
): NetAddress.SocketAddress | undefined => {
  if (NetAddress.isUnixPathAddress(target)) return unnamed
  const host = (sources ?? NetAddress.loopbackAddresses).find((source) =>
    NetAddress.isFamily(source, NetAddress.familyOf(target))
  )
  return host === undefined ? undefined : network.listeners.takePort(host)
}
