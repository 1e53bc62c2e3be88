/**
 * Which links and which dials a control of the network is about.
 */
import * as Equal from "effect/Equal"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"
import type * as FaultControls from "../../layers/FaultControls.ts"

/**
 * The two ends of a link, or of one that is being dialled.
 *
 * @internal
 */
export interface Route {
  /** `undefined` while it is dialled. */
  readonly id: number | undefined
  readonly dialler: NetAddress.SocketAddress
  readonly listener: NetAddress.SocketAddress
}

/**
 * A host with all its ports, or one address.
 *
 * @internal
 */
export type Spot = NetAddress.IpAddress | NetAddress.SocketAddress

/** @internal */
export type Area =
  | { readonly _tag: "Everywhere" }
  | { readonly _tag: "Link"; readonly id: number }
  | { readonly _tag: "At"; readonly spot: Spot }
  | { readonly _tag: "Between"; readonly a: Spot; readonly b: Spot }

/**
 * IPv4 addresses that are written as IPv6 become IPv4, so that one host has one name.
 *
 * @internal
 */
export const canonical = (address: NetAddress.SocketAddress): NetAddress.SocketAddress =>
  NetAddress.isUnixPathAddress(address) ? address : NetAddress.toCanonical(address)

/** @internal */
export const hostUnsafe = (input: NetAddress.IpAddressInput): NetAddress.IpAddress =>
  NetAddress.toCanonical(NetAddress.ipFromInputUnsafe(input))

/**
 * Throws on text that is no address: a mistake in the test.
 *
 * @internal
 */
export const spotUnsafe = (place: FaultControls.Place): Spot => {
  if (NetAddress.isIpAddress(place)) return NetAddress.toCanonical(place)
  if (typeof place !== "string") return canonical(place)
  if (place.startsWith("/")) return NetAddress.unixPathAddress(place)
  const host = NetAddress.ipFromString(place)
  return Result.isSuccess(host)
    ? NetAddress.toCanonical(host.success)
    : canonical(NetAddress.inetAddressFromStringUnsafe(place))
}

/** @internal */
export const fromWhereUnsafe = (where: FaultControls.Where): Area => {
  if (where === "everywhere") return { _tag: "Everywhere" }
  if (typeof where === "number") return { _tag: "Link", id: where }
  if (!isPair(where)) return { _tag: "At", spot: spotUnsafe(where) }
  return { _tag: "Between", a: spotUnsafe(where[0]), b: spotUnsafe(where[1]) }
}

const isPair = (
  where: FaultControls.Place | readonly [FaultControls.Place, FaultControls.Place]
): where is readonly [FaultControls.Place, FaultControls.Place] => Array.isArray(where)

/** @internal */
export const includes = (area: Area, route: Route): boolean => {
  switch (area._tag) {
    case "Everywhere":
      return true
    case "Link":
      return route.id === area.id
    case "At":
      return covers(area.spot, route.dialler) || covers(area.spot, route.listener)
    case "Between":
      return (covers(area.a, route.dialler) && covers(area.b, route.listener)) ||
        (covers(area.b, route.dialler) && covers(area.a, route.listener))
  }
}

/** @internal */
export const isSame = (self: Area, that: Area): boolean => {
  switch (self._tag) {
    case "Everywhere":
      return that._tag === "Everywhere"
    case "Link":
      return that._tag === "Link" && self.id === that.id
    case "At":
      return that._tag === "At" && Equal.equals(self.spot, that.spot)
    case "Between":
      return that._tag === "Between" &&
        ((Equal.equals(self.a, that.a) && Equal.equals(self.b, that.b)) ||
          (Equal.equals(self.a, that.b) && Equal.equals(self.b, that.a)))
  }
}

const covers = (spot: Spot, address: NetAddress.SocketAddress): boolean =>
  NetAddress.isIpAddress(spot)
    ? NetAddress.isInetAddress(address) && Equal.equals(spot, address.address)
    : Equal.equals(spot, address)
