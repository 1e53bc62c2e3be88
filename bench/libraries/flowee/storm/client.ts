/**
 * effect-flowee: many connections that keep sending while their server dies and comes back.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as NodeNetwork from "../../../../src/layers/NodeNetwork.ts"
import type * as Connection from "../../../../src/services/Connection.ts"
import type { ClientModule, ClientOptions, Measured } from "../../../harness/library.ts"
import { connectMany } from "../many.ts"
import type { Entry } from "./ledger.ts"
import * as Protocol from "./protocol.ts"

/** From one message of a client to its next. */
const interval = Duration.millis(50)

/** One connection, and what it remembers. */
interface Client {
  readonly connection: Connection.Connection
  sent: number
  /** Messages that the operating system had taken when the server died: these may be lost, and no others. */
  takenAtLoss: number | undefined
  /** When it was connected again, in milliseconds of `Date`. */
  backAt: number | undefined
}

const watch = (client: Client): Effect.Effect<void> =>
  Stream.runForEach(client.connection.events, (event) =>
    Effect.gen(function*() {
      if (event._tag === "Disconnected") client.takenAtLoss ??= (yield* client.connection.stats).messagesSent
      if (event._tag === "Connected" && client.takenAtLoss !== undefined) client.backAt ??= Date.now()
    }))

const keepSending = (client: Client, index: number) =>
  Effect.suspend(() => {
    client.sent += 1
    return client.connection.send(Protocol.numbered(index, client.sent))
  }).pipe(
    Effect.repeat(Schedule.spaced(interval)),
    // Not all at the same moment.
    Effect.delay(index % Duration.toMillis(interval))
  )

/** Lost between the two servers, and how many of these the operating system had not even taken. */
const lossOf = ({ takenAtLoss }: Client, { first, lastBefore }: Entry) => {
  const lost = Math.max(0, first - lastBefore - 1)
  return { lost, illicit: lost === 0 ? 0 : Math.max(0, first - 1 - Math.max(takenAtLoss ?? 0, lastBefore)) }
}

const addUp = (clients: ReadonlyArray<Client>, entries: ReadonlyArray<Entry>): Measured => {
  let lost = 0
  let illicit = 0
  let duplicates = 0
  for (const [index, entry] of entries.entries()) {
    const client = clients[index]!
    const loss = lossOf(client, entry)
    lost += loss.lost
    // No number may be missing after the first one of a connection, up to the last that was sent.
    illicit += loss.illicit + entry.holes + client.sent - entry.last
    duplicates += entry.duplicates
  }
  return { sent: clients.reduce((sum, { sent }) => sum + sent, 0), lost, illicit, duplicates }
}

const storm = ({ connections, extra, port }: ClientOptions, checkpoint: (name: string) => Promise<void>) =>
  Effect.gen(function*() {
    const retryMillis = extra["retryMillis"]
    const reconnect = retryMillis === undefined ? undefined : Schedule.spaced(Duration.millis(Number(retryMillis)))
    const clients = (yield* connectMany(port, connections, { reconnect })).map((connection): Client => ({
      connection,
      sent: 0,
      takenAtLoss: undefined,
      backAt: undefined
    }))
    yield* Effect.forEach(clients, (client) => Effect.forkScoped(watch(client)), { discard: true })
    const steady = Duration.millis(Number(extra["steadyMillis"]))
    const senders = Effect.forEach(clients, keepSending, { concurrency: "unbounded", discard: true })
    const life = Effect.gen(function*() {
      yield* Effect.sleep(steady)
      yield* Effect.promise(() => checkpoint("kill"))
      const listening = Date.now()
      yield* Effect.repeat(Effect.sleep(interval), { until: () => clients.every(({ backAt }) => backAt !== undefined) })
      yield* Effect.sleep(steady)
      return listening
    })
    const listening = yield* Effect.raceFirst(life, Effect.andThen(senders, Effect.never))
    // What is asked last is answered last: by then every number has arrived that is going to.
    const entries = yield* Effect.forEach(
      clients,
      ({ connection }, index) => Effect.map(connection.request(Protocol.ask(index)), Protocol.readEntry),
      { concurrency: "unbounded" }
    )
    const back = clients.map(({ backAt }) => Math.max(0, (backAt ?? Number.NaN) - listening)).sort((a, b) => a - b)
    return {
      ...addUp(clients, entries),
      connections,
      halfBackSeconds: back[back.length >> 1]! / 1000,
      allBackSeconds: back.at(-1)! / 1000
    }
  }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer()))

export const workloads: ClientModule["workloads"] = {
  storm: (options, { checkpoint }) => Effect.runPromise(storm(options, checkpoint))
}
