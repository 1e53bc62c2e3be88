/**
 * Who told of an address.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as NetAddress from "effect/net/NetAddress"
import * as AddressGroup from "./AddressGroup.ts"

/**
 * The user of the program, who is believed.
 *
 * @category models
 * @since 0.1.0
 */
export interface User {
  readonly _tag: "User"
}

/**
 * A DNS seed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Seed {
  readonly _tag: "Seed"
  /** The host name of the seed. */
  readonly name: string
}

/**
 * A peer, or another one of its group: to tell them apart would let one party count as many.
 *
 * @category models
 * @since 0.1.0
 */
export interface Peer {
  readonly _tag: "Peer"
  readonly group: AddressGroup.AddressGroup
}

/**
 * Who told of an address.
 *
 * @category models
 * @since 0.1.0
 */
export type AddressSource = User | Seed | Peer

/**
 * The user of the program.
 *
 * @category constructors
 * @since 0.1.0
 */
export const user: AddressSource = { _tag: "User" }

/**
 * The DNS seed of that name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seed = (name: string): AddressSource => ({ _tag: "Seed", name })

/**
 * The peer with that address.
 *
 * @category constructors
 * @since 0.1.0
 */
export const peer = (address: NetAddress.InetAddress): AddressSource => ({
  _tag: "Peer",
  group: AddressGroup.fromAddress(address)
})

/**
 * A text that is the same for equal sources only.
 *
 * @category conversions
 * @since 0.1.0
 */
export const key = (self: AddressSource): string => {
  switch (self._tag) {
    case "User":
      return "user"
    case "Seed":
      return `seed ${self.name}`
    case "Peer":
      return `peer ${self.group}`
  }
}
