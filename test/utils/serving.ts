/**
 * A host that listens, and services that write down what they are told.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import * as Message from "../../src/domain/Message.ts"
import type * as Connection from "../../src/services/Connection.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as Native from "./native.ts"
import type { Bed } from "./network.ts"

export const server = "10.0.0.9:1235"

export const message = (serviceId: number, messageId: number, size = 0): Uint8Array =>
  Native.encode(Message.make({ serviceId, messageId, body: new Uint8Array(size) }))

export const listening = (bed: Bed, options: NetworkManager.BindOptions<never, never> = {}) =>
  Effect.gen(function*() {
    const host = yield* bed.host("10.0.0.9")
    const listener = yield* host.manager.bind(server, { limitRate: false, ...options })
    return { host, listener }
  }).pipe(Effect.orDie)

/** A service that writes down what it is told, and when its state for a peer is made and released. */
export const recorder = (name: string) => {
  const events: Array<string> = []
  const make: NetworkManager.MakeHandler<never, Scope.Scope> = (connection) =>
    Effect.gen(function*() {
      const label = `${name}${events.filter((event) => event.includes("made")).length + 1}`
      events.push(`${label} made for ${connection.side}`)
      yield* Effect.addFinalizer(() => Effect.sync(() => void events.push(`${label} released`)))
      return (message: Message.Message) => {
        events.push(`${label} ${message.messageId}`)
      }
    })
  return { events, make }
}

export const statsOf = (connections: Effect.Effect<ReadonlyArray<Connection.Connection>>) =>
  Effect.flatMap(connections, (all) => Effect.forEach(all, (connection) => connection.stats))
