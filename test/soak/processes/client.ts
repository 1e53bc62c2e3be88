/**
 * A client: numbered messages on both lanes, and requests, through everything that happens to its connection.
 */
import { Effect, Fiber, Random, Schedule } from "effect"
import type { Scope } from "effect"
import type * as Message from "../../../src/domain/Message.ts"
import * as NodeTransport from "../../../src/layers/NodeTransport.ts"
import type * as Connection from "../../../src/services/Connection.ts"
import type * as DisconnectReason from "../../../src/services/DisconnectReason.ts"
import type * as NetworkManager from "../../../src/services/NetworkManager.ts"
import type * as ReconnectPolicy from "../../../src/services/ReconnectPolicy.ts"
import * as Protocol from "../protocol.ts"
import * as Orders from "./orders.ts"
import * as Taken from "./taken.ts"

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

export class Client {
  readonly connection: Connection.Connection
  readonly #index: number
  readonly #accepted: Record<Protocol.Lane, number> = { normal: 0, high: 0 }
  readonly problems: Array<string>
  readonly unanswered: Record<string, number> = {}
  refused = 0
  requests = 0
  answered = 0
  #isStopped = false
  /** How many large messages are to be sent next. */
  #flood = 0

  constructor(connection: Connection.Connection, index: number, problems: Array<string>) {
    this.connection = connection
    this.#index = index
    this.problems = problems
  }

  stop(): void {
    this.#isStopped = true
  }

  flood(messages: number): void {
    this.#flood = messages
  }

  get accepted(): Record<Protocol.Lane, number> {
    return { ...this.#accepted }
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
    const question = Protocol.echo(0, this.#index)
    return Effect.retry(this.connection.request(question), Schedule.spaced("100 millis")).pipe(
      Effect.orDie,
      Effect.map((reply) => this.#check(0, Protocol.isEchoOf(reply, question)))
    )
  }

  /** Has the handler at the other end take its time. */
  slow(millis: number): Effect.Effect<void> {
    return this.#request(Protocol.slow(millis), () => true)
  }

  get #sendNormal(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const sent = this.#accepted
      const isFlood = this.#flood > 0
      const count = isFlood ? this.#flood : yield* Random.nextIntBetween(1, largestBatch)
      this.#flood = 0
      const batch: Array<Message.Message> = []
      for (let i = 1; i <= count; i++) {
        batch.push(this.#numbered("normal", sent.normal + i, isFlood ? floodPadding : yield* padding))
      }
      yield* Effect.orDie(this.connection.sendAll(batch))
      sent.normal += count
    })
  }

  get #sendHigh(): Effect.Effect<void> {
    return Effect.sync(() => {
      const sent = this.#accepted
      const error = this.connection.sendUnsafe(this.#numbered("high", sent.high + 1, 20), { priority: "high" })
      if (error === undefined) sent.high += 1
      else this.refused += 1
    })
  }

  get #ask(): Effect.Effect<void> {
    const question = Protocol.echo(this.requests + 1, this.#index)
    return this.#request(question, (reply) => Protocol.isEchoOf(reply, question))
  }

  #request(message: Message.Message, isAnswer: (reply: Message.Message) => boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      const number = ++this.requests
      return Effect.match(this.connection.request(message), {
        onSuccess: (reply) => {
          this.answered += 1
          this.#check(number, isAnswer(reply))
        },
        onFailure: ({ reason }) => {
          this.unanswered[reason._tag] = (this.unanswered[reason._tag] ?? 0) + 1
        }
      })
    })
  }

  #check(request: number, isAnswer: boolean): void {
    if (!isAnswer) this.problems.push(`client ${this.#index}: request ${request} got another one's answer`)
  }

  #numbered(lane: Protocol.Lane, number: number, padding: number) {
    return Protocol.numbered({ client: this.#index, lane, number }, padding)
  }
}

/** Tells of each socket that ends what had been taken by then. */
const watcher = (client: number, problems: Array<string>): Taken.Watcher => ({
  onEnd: (taken, error) => {
    const reason = error?.problem ?? "ClosedHere"
    for (const lane of Protocol.lanes) {
      Orders.tell({ _tag: "Loss", loss: { client, lane, taken: taken[lane], reason } })
    }
  },
  onProblem: (problem) => void problems.push(`client ${client}: ${problem}`)
})

export const make = (
  manager: NetworkManager.NetworkManager["Service"],
  index: number,
  port: number
): Effect.Effect<Client, NetworkManager.NetworkError, Scope.Scope> =>
  Effect.gen(function*() {
    const problems: Array<string> = []
    const transport = Taken.tap(yield* NodeTransport.make(), watcher(index, problems))
    const connection = yield* manager.connect(`127.0.0.1:${port}`, { share: false, reconnect, transport })
    return new Client(connection, index, problems)
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
