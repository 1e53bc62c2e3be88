/**
 * The whole Hub API for one client.
 */
import type * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as CommandFailure from "../../domain/CommandFailure.ts"
import * as HubApi from "../../domain/hub/HubApi.ts"
import type * as Message from "../../domain/Message.ts"
import type * as Connection from "../../services/Connection.ts"
import type * as RegtestChain from "../../services/hub/RegtestChain.ts"
import * as MessageServer from "../../services/MessageServer.ts"
import type * as NetworkManager from "../../services/NetworkManager.ts"
import * as ListenerServices from "./listenerServices.ts"
import type * as Notifier from "./notifier.ts"
import * as Outlet from "./outlet.ts"
import * as ServeBlockChain from "./serveBlockChain.ts"
import * as ServeCalls from "./serveCalls.ts"
import * as ServeIndexer from "./serveIndexer.ts"
import * as ServeLiveTransactions from "./serveLiveTransactions.ts"
import * as ServeSubscriptions from "./serveSubscriptions.ts"
import * as Subscriptions from "./subscriptions.ts"

/** @internal */
export interface Hub {
  readonly chain: RegtestChain.RegtestChain["Service"]
  readonly manager: NetworkManager.NetworkManager["Service"]
  readonly random: SecureRandom.SecureRandom["Service"]
  readonly notifier: Notifier.Notifier
  readonly version: string
  /** The most bytes of a block that a client may submit. */
  readonly maxSubmittedBlock: number
}

/**
 * Answers the requests of a client, in order, and tells it what it subscribes to, until it goes.
 *
 * @internal
 */
export const serve = (hub: Hub) => (connection: Connection.Connection) =>
  Effect.gen(function*() {
    const outlet = new Outlet.Outlet(connection)
    const client = yield* enlist(hub.notifier, outlet)
    const services = MessageServer.layer(HubApi.group, handlersOf(hub, client))
    const handlers = yield* ListenerServices.handlersFor(hub.manager, connection, services)
    const handle = (message: Message.Message): Effect.Effect<unknown, unknown> | void => {
      const handler = handlers.get(message.serviceId)
      if (handler !== undefined) {
        return Effect.ensuring(handler(message) ?? Effect.void, Effect.sync(() => outlet.release()))
      }
      // Who registers a service with the manager answers for it.
      if (message.serviceId >= HubApi.firstRouted) return
      return connection.send(CommandFailure.reply(message, "Unsupported command"))
    }
    yield* Effect.raceFirst(connection.handle(handle), keepTelling(outlet))
  }).pipe(Effect.scoped)

const enlist = (
  { clients }: Notifier.Notifier,
  outlet: Outlet.Outlet
): Effect.Effect<Subscriptions.Subscriptions, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const client = Subscriptions.make(outlet)
      clients.add(client)
      return client
    }),
    (client) => Effect.sync(() => clients.delete(client))
  )

/** A client that missed a notification has to know: it subscribes anew when it connects again. */
const keepTelling = (outlet: Outlet.Outlet) =>
  outlet.run.pipe(
    Effect.andThen(Effect.logWarning(`A client reads too slowly and is cut off: ${outlet.connection.endPoint}`)),
    Effect.andThen(outlet.connection.disconnect),
    // A client that has gone is no matter.
    Effect.catch(() => Effect.never)
  )

const handlersOf = (
  { chain, maxSubmittedBlock, random, version }: Hub,
  client: Subscriptions.Subscriptions
): MessageServer.Handlers<typeof HubApi.group["members"][number], never> => ({
  ...ServeCalls.makeMeta(version),
  ...ServeBlockChain.make(chain),
  ...ServeLiveTransactions.make(chain),
  ...ServeCalls.makeUtil(random),
  ...ServeCalls.makeRegTest(chain, client.outlet),
  ...ServeCalls.makeMining(chain, client.outlet, maxSubmittedBlock),
  ...ServeSubscriptions.make(client),
  ...ServeIndexer.make(chain, version)
})
