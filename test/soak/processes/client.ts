/**
 * A client: numbered messages on both lanes, and requests, through everything that happens to its connection.
 */
import { Effect, Fiber, Random, Schedule, Stream } from "effect"
import type { Scope } from "effect"
import type * as Message from "../../../src/domain/Message.ts"
import type * as Connection from "../../../src/services/Connection.ts"
import type * as DisconnectReason from "../../../src/services/DisconnectReason.ts"
import type * as NetworkManager from "../../../src/services/NetworkManager.ts"
import type * as ReconnectPolicy from "../../../src/services/ReconnectPolicy.ts"
import * as Protocol from "../protocol.ts"
import * as Orders from "./orders.ts"

/** Sooner than anybody would who is not soaked. */
const reconnect: ReconnectPolicy.ReconnectPolicy = Schedule.jittered(Schedule.spaced("150 millis")).pipe(
  Schedule.setInputType<DisconnectReason.DisconnectReason>()
)

const largestBatch = 4
const requestsAtOnce = 2
/** More of these than the buffers of the system take are on their way when a socket ends. */
const floodPadding = 20_000

/** Mostly small; now and then more than a packet, and seldom more than a write. */
const padding = Effect.map(
  Random.next,
  (chance) => chance < 0.9 ? Math.floor(chance * 100) : chance < 0.9995 ? Math.floor((chance - 0.9) * 100_000) : 400_000
)

const describe = (reason: DisconnectReason.DisconnectReason): string =>
  reason._tag === "TransportError" ? reason.problem : reason._tag

interface Sent {
  accepted: number
  /** Messages that wait for room: how many of them are in the lane is not known. */
  waiting: number
  /** What had been taken when the last socket ended. */
  taken: number
}

export class Client {
  readonly connection: Connection.Connection
  readonly #index: number
  readonly #sent: Record<Protocol.Lane, Sent> = {
    normal: { accepted: 0, waiting: 0, taken: 0 },
    high: { accepted: 0, waiting: 0, taken: 0 }
  }
  readonly problems: Array<string> = []
  readonly unanswered: Record<string, number> = {}
  refused = 0
  requests = 0
  answered = 0
  /** Messages in the normal lane, at most, that have no number. */
  #unnumbered = 0
  #isStopped = false
  /** How many large messages are to be sent next. */
  #flood = 0

  constructor(connection: Connection.Connection, index: number) {
    this.connection = connection
    this.#index = index
  }

  stop(): void {
    this.#isStopped = true
  }

  flood(messages: number): void {
    this.#flood = messages
  }

  get accepted(): Record<Protocol.Lane, number> {
    return { normal: this.#sent.normal.accepted, high: this.#sent.high.accepted }
  }

  /** Tells of each socket that ends what had been taken by then. */
  get watch(): Effect.Effect<void> {
    return Stream.runForEach(
      this.connection.events,
      (event) =>
        event._tag !== "Disconnected" ? Effect.void : Effect.gen({ self: this }, function*() {
          const { queuedHigh, queuedNormal } = yield* this.connection.stats
          // When this is told late, the next socket may have taken some already.
          const isCertain = (yield* this.connection.state)._tag !== "Connected"
          this.#tellLoss("normal", queuedNormal, this.#unnumbered, isCertain, describe(event.reason))
          this.#tellLoss("high", queuedHigh, 0, isCertain, describe(event.reason))
        })
    )
  }

  /** Sends until it is stopped, and waits for the answers to what it has asked. */
  get work(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const asking = new Set<Fiber.Fiber<void>>()
      while (!this.#isStopped) {
        yield* this.#sendNormal
        if ((yield* Random.next) < 0.25) yield* this.#sendHigh
        if (asking.size < requestsAtOnce && (yield* Random.next) < 0.15) {
          const fiber = yield* Effect.forkChild(this.#ask)
          asking.add(fiber)
          fiber.addObserver(() => asking.delete(fiber))
        }
        yield* Effect.sleep(yield* Random.nextIntBetween(20, 60))
      }
      yield* Fiber.awaitAll(asking)
    })
  }

  /** Completes when all that was sent before has arrived, if it ever will: an answer to a last question comes after it. */
  get flush(): Effect.Effect<void> {
    return Effect.retry(this.connection.request(Protocol.echo(this.#index)), Schedule.spaced("100 millis")).pipe(
      Effect.orDie,
      Effect.asVoid
    )
  }

  /** Has the handler at the other end take its time. */
  slow(millis: number): Effect.Effect<void> {
    return this.#request(Protocol.slow(millis), () => true)
  }

  get #sendNormal(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const sent = this.#sent.normal
      const isFlood = this.#flood > 0
      const count = isFlood ? this.#flood : yield* Random.nextIntBetween(1, largestBatch)
      this.#flood = 0
      const batch: Array<Message.Message> = []
      for (let i = 1; i <= count; i++) {
        batch.push(this.#numbered("normal", sent.accepted + i, isFlood ? floodPadding : yield* padding))
      }
      sent.waiting = count
      yield* Effect.orDie(this.connection.sendAll(batch))
      sent.accepted += count
      sent.waiting = 0
    })
  }

  get #sendHigh(): Effect.Effect<void> {
    return Effect.sync(() => {
      const sent = this.#sent.high
      const error = this.connection.sendUnsafe(this.#numbered("high", sent.accepted + 1, 20), { priority: "high" })
      if (error === undefined) sent.accepted += 1
      else this.refused += 1
    })
  }

  get #ask(): Effect.Effect<void> {
    const number = this.requests + 1
    return this.#request(Protocol.echo(number, this.#index), (reply) => Protocol.firstWord(reply) === number)
  }

  #request(message: Message.Message, isAnswer: (reply: Message.Message) => boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      const number = ++this.requests
      this.#unnumbered += 1
      return Effect.match(this.connection.request(message), {
        onSuccess: (reply) => {
          this.answered += 1
          if (!isAnswer(reply)) this.problems.push(`client ${this.#index}: request ${number} got another one's answer`)
        },
        onFailure: ({ reason }) => {
          this.unanswered[reason._tag] = (this.unanswered[reason._tag] ?? 0) + 1
        }
      }).pipe(Effect.ensuring(Effect.sync(() => {
        this.#unnumbered -= 1
      })))
    })
  }

  #numbered(lane: Protocol.Lane, number: number, padding: number) {
    return Protocol.numbered({ client: this.#index, lane, number }, padding)
  }

  #tellLoss(lane: Protocol.Lane, queued: number, unnumbered: number, isCertain: boolean, reason: string): void {
    const sent = this.#sent[lane]
    const takenAtLeast = isCertain ? Math.max(sent.taken, sent.accepted - queued) : sent.taken
    const takenAtMost = sent.accepted + sent.waiting - Math.max(0, queued - unnumbered)
    sent.taken = takenAtLeast
    Orders.tell({ _tag: "Loss", loss: { client: this.#index, lane, takenAtLeast, takenAtMost, reason } })
  }
}

export const make = (
  manager: NetworkManager.NetworkManager["Service"],
  index: number,
  port: number
): Effect.Effect<Client, NetworkManager.NetworkError, Scope.Scope> =>
  Effect.gen(function*() {
    const connection = yield* manager.connect(`127.0.0.1:${port}`, { share: false, reconnect })
    const client = new Client(connection, index)
    yield* Effect.forkScoped(client.watch, { startImmediately: true })
    return client
  })

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, number) => total + number, 0)

const sumByName = (all: ReadonlyArray<Record<string, number>>): Record<string, number> => {
  const total: Record<string, number> = {}
  for (const counts of all) {
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count
  }
  return total
}

/** What all of them have done. */
export const addUp = (clients: ReadonlyArray<Client>, problems: ReadonlyArray<string>) => ({
  accepted: clients.map(({ accepted }) => accepted),
  refused: sum(clients.map(({ refused }) => refused)),
  requests: sum(clients.map(({ requests }) => requests)),
  answered: sum(clients.map(({ answered }) => answered)),
  unanswered: sumByName(clients.map(({ unanswered }) => unanswered)),
  problems: [...problems, ...clients.flatMap(({ problems }) => problems)]
})
