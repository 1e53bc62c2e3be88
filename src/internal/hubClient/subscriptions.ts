/**
 * The subscriptions of one connection to a Hub.
 *
 * They belong to the connection and not to a client: two clients of one Hub share a socket, and if one of them gave up
 * what the other one still wants, that one would wait for ever.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"
import * as HubApi from "../../domain/hub/HubApi.ts"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubMeta from "../../domain/hub/HubMeta.ts"
import type * as Connection from "../../services/Connection.ts"
import * as MessageClient from "../../services/MessageClient.ts"
import type * as NetworkManager from "../../services/NetworkManager.ts"
import * as Feed from "./feed.ts"
import * as Greeting from "./greeting.ts"
import * as Services from "./services.ts"

/** @internal */
export interface Subscriptions {
  readonly blocks: Feed.Feed<Services.Everything, Services.BlockNews>
  readonly addresses: Feed.Feed<HubHash.ScriptHash, Services.AddressNews>
  readonly transactions: Feed.Feed<HubHash.TxId, Services.TransactionNews>
  readonly doubleSpends: Feed.Feed<Services.Everything, Services.DoubleSpendNews>
}

/** Another handle on a connection, for as long as the scope lasts. */
type Connect = Effect.Effect<Connection.Connection, NetworkManager.NetworkError, Scope.Scope>

const make = Effect.fnUntraced(function*(connect: Connect) {
  const connection = yield* connect
  // What a lost connection took with it is asked for by the feed, when it is back.
  const client = MessageClient.make(HubApi.subscriptions, connection, { retries: 0 })
  yield* Greeting.keep(connection, MessageClient.make(HubMeta.group, connection, { retries: 0 }).version())
  const scope = yield* Scope.Scope
  const clock = yield* Clock.Clock
  const start = <Key, Event>(service: Feed.Service<Key, Event>) => {
    const feed = new Feed.Feed(service, connection, scope, clock)
    return Effect.as(Effect.forkScoped(feed.run, { startImmediately: true }), feed)
  }
  const subscriptions: Subscriptions = {
    blocks: yield* start(Services.blocks(client)),
    addresses: yield* start(Services.addresses(client)),
    transactions: yield* start(Services.transactions(client)),
    doubleSpends: yield* start(Services.doubleSpends(client))
  }
  return subscriptions
})

/** A connection of a manager. */
class Key implements Equal.Equal {
  readonly id: number
  readonly connect: Connect
  constructor(id: number, connect: Connect) {
    this.id = id
    this.connect = connect
  }
  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof Key && that.id === this.id
  }
  [Hash.symbol](): number {
    return Hash.number(this.id)
  }
}

type Shared = RcMap.RcMap<Key, Subscriptions, NetworkManager.NetworkError>

const shared = new WeakMap<NetworkManager.NetworkManager["Service"], Shared>()

const sharedOf = (manager: NetworkManager.NetworkManager["Service"]): Effect.Effect<Shared> =>
  Effect.suspend(() => {
    const existing = shared.get(manager)
    if (existing !== undefined) return Effect.succeed(existing)
    // Each entry has a scope of its own, so nothing is left in the one around them.
    return RcMap.make({ lookup: (key: Key) => make(key.connect) }).pipe(
      Scope.provide(Scope.makeUnsafe()),
      Effect.tap((map) => Effect.sync(() => shared.set(manager, map)))
    )
  })

/**
 * The subscriptions of a connection, for as long as the scope lasts.
 *
 * @internal
 */
export const get = (
  manager: NetworkManager.NetworkManager["Service"],
  connection: Connection.Connection,
  connect: Connect
): Effect.Effect<Subscriptions, NetworkManager.NetworkError, Scope.Scope> =>
  Effect.flatMap(sharedOf(manager), (map) => RcMap.get(map, new Key(connection.id, connect)))
