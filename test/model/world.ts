/**
 * A server and its clients on a memory network, what happens to them, and what must be so whatever happens.
 */
import { assert } from "@effect/vitest"
import { Clock, Effect, Exit, Scope } from "effect"
import { NetAddress } from "effect/net"
import type * as BanListStore from "../../src/services/BanListStore.ts"
import type * as Connection from "../../src/services/Connection.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import type * as Transport from "../../src/services/Transport.ts"
import * as Fault from "../../src/testing/Fault.ts"
import { type Bed, type Host, memoryBanStore, settle } from "../utils/network.ts"
import { Party } from "./party.ts"
import { type Lanes, lanes, Records } from "./records.ts"
import { type Action, clients, type Mode, type Step } from "./steps.ts"
import { tap, type Wire } from "./tap.ts"

const serverHost = "10.0.0.9"
const ip = NetAddress.ipFromInputUnsafe
export const server = `${serverHost}:1235`

/** Small enough for lanes to be full and for reading to pause. */
export const settings = {
  normalLaneMessages: 6,
  highLaneMessages: 3,
  laneBytes: 40_000,
  writeBytes: 20_000,
  inboxBytes: 65_536,
  maxPendingRequests: 4,
  // In `corrupt` scenarios peers say nonsense that is not theirs.
  malformedPoints: 0
} as const

const largestMessage = 30_000

/** A handle that is open. */
interface Opened {
  readonly client: Client
  readonly party: Party
  readonly scope: Scope.Closeable
  isClosed: boolean
}

class Client {
  readonly address: string
  readonly wires: Array<Wire> = []
  host: Host | undefined = undefined
  transport: Transport.Transport["Service"] | undefined = undefined
  /** How many managers it has had. */
  managers = 0

  constructor(address: string) {
    this.address = address
  }
}

export class World {
  readonly records = new Records()
  readonly clients = clients.map((address) => new Client(address))
  readonly handles: Array<Opened> = []
  readonly accepted: Array<Party> = []
  /** The lanes of dialled connections, by their names. */
  readonly dialled = new Map<string, Lanes>()
  readonly serverWires: Array<Wire> = []
  server: { readonly host: Host; readonly listener: NetworkManager.Listener } | undefined = undefined
  readonly #bed: Bed
  readonly #banStore: BanListStore.BanListStore["Service"]
  readonly #scope: Scope.Scope
  readonly #banned = new Set<string>()

  constructor(bed: Bed, banStore: BanListStore.BanListStore["Service"], scope: Scope.Scope) {
    this.#bed = bed
    this.#banStore = banStore
    this.#scope = scope
  }

  /** Those who can send: open handles, and accepted connections that have not ended. */
  get parties(): ReadonlyArray<Party> {
    const open = this.handles.filter(({ isClosed }) => !isClosed).map(({ party }) => party)
    return [...open, ...this.accepted.filter(({ hasStopped }) => !hasStopped)]
  }

  perform(step: Step): Effect.Effect<void> {
    return Effect.orDie(Scope.provide(this.#perform(step), this.#scope))
  }

  #perform(step: Step): Effect.Effect<unknown, unknown, Scope.Scope> {
    switch (step._tag) {
      case "Open":
        return this.#open(this.clients[step.client]!, step.mode)
      case "CloseHandle":
        return this.#with(
          this.handles.filter(({ isClosed }) => !isClosed),
          step.handle,
          (handle) => this.#close(handle)
        )
      case "Send":
        return this.#with(this.parties, step.by, (party) => party.send(step))
      case "Ask":
        return this.#with(this.parties, step.by, (party) => party.ask(step))
      case "Disconnect":
        return this.#with(this.parties, step.by, (party) => party.connection.disconnect)
      case "Restart":
        return this.#restart(step)
      case "Ban":
        this.#banned.add(clients[step.client]!)
        return this.#onServer(({ banList }) => banList.ban(ip(this.clients[step.client]!.address)))
      case "Unban":
        this.#banned.delete(clients[step.client]!)
        return this.#onServer(({ banList }) => banList.unban(ip(this.clients[step.client]!.address)))
      case "Shun":
        return this.clients[step.client]!.host?.banList.ban(ip(serverHost)) ?? Effect.void
      case "Forgive":
        return this.clients[step.client]!.host?.banList.unban(ip(serverHost)) ?? Effect.void
      case "CloseManager":
        return this.#closeManager(this.clients[step.client]!)
      default:
        return Fault.inflict(this.#bed.network, step)
    }
  }

  #with<A>(
    all: ReadonlyArray<A>,
    at: number,
    act: (a: A) => Effect.Effect<unknown, unknown, Scope.Scope>
  ): Effect.Effect<unknown, unknown, Scope.Scope> {
    return all.length === 0 ? Effect.void : act(all[at % all.length]!)
  }
  #onServer(act: (host: Host) => Effect.Effect<unknown, unknown>): Effect.Effect<unknown, unknown> {
    return this.server === undefined ? Effect.void : act(this.server.host)
  }

  // --- the server

  start(mode: Mode): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const host = yield* this.#bed.host(serverHost, { ...settings, banStore: this.#banStore })
      const transport = tap(yield* this.#bed.network.transportFrom(serverHost), this.serverWires, yield* Clock.Clock)
      const listener = yield* host.manager.bind(server, {
        limitRate: false,
        transport,
        onConnection: (connection) => this.#onConnection(connection, mode)
      })
      this.server = { host, listener }
    }).pipe(Scope.provide(this.#scope), Effect.orDie)
  }
  #onConnection(connection: Connection.Connection, mode: Mode): Effect.Effect<void> {
    const name = `from ${connection.endPoint}`
    const party = new Party(name, connection, lanes(name), this.records)
    this.accepted.push(party)
    return Effect.andThen(Scope.provide(party.listen, this.#scope), party.take(mode)).pipe(
      Effect.ensuring(Effect.sync(() => {
        party.hasStopped = true
      }))
    )
  }
  #restart({ millis, mode }: Extract<Action, { readonly _tag: "Restart" }>): Effect.Effect<void> {
    const running = this.server
    this.server = undefined
    return (running?.host.close ?? Effect.void).pipe(
      Effect.andThen(Effect.sleep(millis)),
      Effect.andThen(this.start(mode))
    )
  }

  // --- clients

  #hostOf(client: Client): Effect.Effect<Host> {
    if (client.host !== undefined) return Effect.succeed(client.host)
    return Effect.gen({ self: this }, function*() {
      client.managers += 1
      client.transport = tap(yield* this.#bed.network.transportFrom(client.address), client.wires, yield* Clock.Clock)
      client.host = yield* this.#bed.host(client.address, settings)
      return client.host
    })
  }
  #open(client: Client, mode: Mode): Effect.Effect<void, unknown, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const { manager } = yield* this.#hostOf(client)
      const scope = yield* Scope.make()
      const connection = yield* manager.connect(server, { transport: client.transport }).pipe(Scope.provide(scope))
      const name = `${client.address} manager ${client.managers} connection ${connection.id}`
      const shared = this.dialled.get(name) ?? lanes(name)
      this.dialled.set(name, shared)
      const party = new Party(name, connection, shared, this.records)
      this.handles.push({ client, party, scope, isClosed: false })
      yield* party.listen
      yield* Effect.forkScoped(
        Effect.ensuring(
          party.take(mode),
          Effect.sync(() => {
            party.hasStopped = true
          })
        ),
        { startImmediately: true }
      )
    })
  }
  /** Does not wait for what is queued to leave. */
  #close(handle: Opened): Effect.Effect<void, never, Scope.Scope> {
    handle.isClosed = true
    return Effect.asVoid(Effect.forkScoped(Scope.close(handle.scope, Exit.void), { startImmediately: true }))
  }
  #closeManager(client: Client): Effect.Effect<void> {
    const { host } = client
    client.host = undefined
    for (const handle of this.handles) if (handle.client === client) handle.isClosed = true
    return host?.close ?? Effect.void
  }

  // --- what must be so at any time

  readonly inspect: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    yield* settle
    for (const party of [...this.handles.map((handle) => handle.party), ...this.accepted]) {
      const { pendingRequests, queuedBytes, queuedHigh, queuedNormal } = yield* party.connection.stats
      assert.isAtMost(queuedNormal, settings.normalLaneMessages, party.name)
      assert.isAtMost(queuedHigh, settings.highLaneMessages, party.name)
      assert.isAtMost(queuedBytes, 2 * Math.max(settings.laneBytes, largestMessage + 1000), party.name)
      assert.isAtMost(pendingRequests, settings.maxPendingRequests, party.name)
      assert.isAtLeast(Math.min(queuedNormal, queuedHigh, queuedBytes, pendingRequests), 0, party.name)
    }
    if (this.server === undefined) return
    for (const { endPoint } of yield* this.server.listener.connections) {
      const host = endPoint.slice(0, endPoint.lastIndexOf(":"))
      assert.isFalse(this.#banned.has(host), `${host} is banned and connected`)
    }
  })

  // --- the end

  /** Makes all well again. */
  readonly recover: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    const { network } = this.#bed
    yield* network.heal()
    yield* network.setConditions({
      delay: 0,
      jitter: 0,
      loss: 0,
      corruption: 0,
      segmentSize: Number.POSITIVE_INFINITY,
      window: 262_144
    })
    if (this.server === undefined) yield* this.start("fast")
    this.#banned.clear()
    for (const address of clients) yield* this.server!.host.banList.unban(ip(address))
    for (const { host } of this.clients) if (host !== undefined) yield* host.banList.unban(ip(serverHost))
  }).pipe(Effect.orDie)

  /** What there still is to do; empty when all is calm. */
  readonly unrest: Effect.Effect<string> = Effect.gen({ self: this }, function*() {
    const restless: Array<string> = []
    for (const { isClosed, party } of this.handles) {
      if (isClosed) continue
      const { _tag } = yield* party.connection.state
      if (_tag !== "Connected") restless.push(`${party.name} is ${_tag}`)
    }
    for (const party of this.parties) {
      const { pendingRequests, queuedHigh, queuedNormal } = yield* party.connection.stats
      const left = queuedHigh + queuedNormal + pendingRequests + party.sending
      if (left > 0) {
        restless.push(`${party.name} has ${queuedNormal} + ${queuedHigh} messages, ${pendingRequests} requests`)
      }
    }
    return restless.join("; ")
  })

  /** Closes everybody. */
  readonly close: Effect.Effect<void> = Effect.gen({ self: this }, function*() {
    for (const handle of this.handles) handle.isClosed = true
    for (const { host } of this.clients) if (host !== undefined) yield* host.close
    if (this.server !== undefined) yield* this.server.host.close
    yield* settle
  })
}

export const make = (bed: Bed): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function*() {
    const world = new World(bed, yield* memoryBanStore, yield* Effect.scope)
    yield* world.start("fast")
    return world
  })
