/**
 * A whole node of ours on a memory network, for tests of what it does with its peers.
 */
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { AddressResolver } from "effect/net"
import { TestClock } from "effect/testing"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import type * as MemoryTransport from "../../../src/layers/MemoryTransport.ts"
import * as NodeHash256 from "../../../src/layers/NodeHash256.ts"
import * as Hash256 from "../../../src/services/Hash256.ts"
import * as P2P from "../../../src/services/p2p/P2P.ts"
import * as PeerAddressBook from "../../../src/services/p2p/PeerAddressBook.ts"
import * as Network from "../network.ts"

/** Where our node dials from. */
export const ours = "20.0.0.1"

/** The time at which tests begin, in milliseconds: fake chains of up to 10,000 blocks are of the past. */
const startsAt = (ChainParams.regtest.genesis.time + 10_000 * 600) * 1000

export interface NodeBed extends Network.Bed {
  readonly us: Network.Host
  readonly node: Context.Context<P2P.P2P>
  /** Gives the book addresses, as the user does. */
  readonly know: (...addresses: ReadonlyArray<string>) => Effect.Effect<void>
  /** Waits, a step of so many seconds of the clock after the other, until something is so. Default: 120 times one. */
  readonly waitFor: <E, R>(
    what: string,
    condition: Effect.Effect<boolean, E, R>,
    options?: { readonly seconds?: number; readonly step?: number }
  ) => Effect.Effect<void, E, R>
}

/** Runs a test with a node of ours; see `Network.withBed` for what is checked afterwards. */
export const withNode = <A, E>(
  test: (bed: NodeBed) => Effect.Effect<A, E, P2P.P2P | Scope.Scope | MemoryTransport.MemoryNetwork>,
  options: Partial<P2P.MemoryOptions> & {
    /** When the test begins, in milliseconds. Default: 10,000 blocks after the genesis block. */
    readonly startsAt?: number
  } = {},
  host: Network.HostOptions = {}
) =>
  Network.withBed((bed) =>
    Effect.gen(function*() {
      // Before anything sleeps: a leap of years would wake whoever looks around every ten seconds.
      yield* TestClock.setTime(options.startsAt ?? startsAt)
      const us = yield* bed.host(ours, host)
      const scope = yield* Scope.make()
      const layer = P2P.layerMemory({ network: "regtest", seeds: false, ...options })
      const node = yield* Layer.buildWithScope(layer, scope).pipe(
        Effect.provideContext(us.context.pipe(
          Context.add(Hash256.Hash256, { hash256: NodeHash256.hash256 }),
          Context.add(AddressResolver.AddressResolver, yield* AddressResolver.AddressResolver)
        )),
        Effect.orDie
      )
      const book = Context.get(node, PeerAddressBook.PeerAddressBook)
      const waitFor: NodeBed["waitFor"] = (what, condition, { seconds = 120, step = 1 } = {}) =>
        Effect.gen(function*() {
          for (let second = 0; second < seconds; second += step) {
            yield* Network.settle
            if (yield* condition) return
            yield* Network.pass(`${step} seconds`)
          }
          return yield* Effect.die(new Error(`within ${seconds} seconds it never came to this: ${what}`))
        })
      const bedOfNode: NodeBed = {
        ...bed,
        us,
        node,
        know: (...addresses) => Effect.asVoid(book.add(addresses.map(Network.address))),
        waitFor
      }
      return yield* test(bedOfNode).pipe(
        Effect.provideContext(node),
        Effect.ensuring(Scope.close(scope, Exit.void))
      )
    })
  )
