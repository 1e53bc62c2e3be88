/**
 * effect-flowee: what the client of the benchmark protocol does.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Message from "../../../src/domain/Message.ts"
import type * as Connection from "../../../src/services/Connection.ts"
import type * as SendError from "../../../src/services/SendError.ts"
import { acknowledgeEvery, type Measured } from "../../harness/library.ts"
import * as Measure from "../../harness/measure.ts"
import { Credit } from "./credit.ts"
import { Id, serviceId } from "./protocol.ts"

export interface Options {
  readonly count: number
  /** Messages that go first and are not measured. */
  readonly warmUp: number
  /** Bytes of a body. */
  readonly size: number
  /** Messages that may be on their way, at most. */
  readonly window: number
}

export type Exchange = (
  connection: Connection.Connection,
  options: Options
) => Effect.Effect<Measured, SendError.SendError | SendError.RequestError, Scope.Scope>

const message = (messageId: number, body: Uint8Array): Message.Message => Message.make({ serviceId, messageId, body })

const filled = (size: number): Uint8Array => new Uint8Array(size).fill(7)

/** Counts the answers of the server from now on: a message 2 stands for 1000, others for one. */
export const credit = (connection: Connection.Connection): Effect.Effect<Credit, never, Scope.Scope> => {
  const credit = new Credit()
  const take = connection.handle(({ messageId }) => {
    credit.acknowledge(messageId === Id.acknowledged ? acknowledgeEvery : 1)
  })
  return Effect.as(Effect.forkScoped(take, { startImmediately: true }), credit)
}

/** The rest of a thousand is never acknowledged: an echo that comes after it says that it was counted. */
const countRest = (connection: Connection.Connection, credit: Credit, sent: number) => {
  const whole = sent - sent % acknowledgeEvery
  const wait = credit.reaches(whole)
  if (whole === sent) return wait
  return wait.pipe(
    Effect.andThen(connection.send(message(Id.echo, new Uint8Array(0)))),
    Effect.andThen(credit.reaches(whole + 1)),
    // The echo is no message of the flood.
    Effect.andThen(Effect.sync(() => credit.acknowledge(sent % acknowledgeEvery - 1)))
  )
}

/** Measures `send`, which sends so many messages and waits until they are counted. */
const measure = <E, R>({ count, size, warmUp }: Options, send: (count: number) => Effect.Effect<void, E, R>) =>
  Effect.gen(function*() {
    yield* send(warmUp)
    const seconds = Measure.stopwatch()
    yield* send(count)
    return Measure.rates(count, size, seconds())
  })

/** Messages that are sent with one effect. */
const batchSize = 1000

/** Returns how to send so many messages of the flood, in batches, and to wait until they are counted. */
export const makeFlood = Effect.fnUntraced(function*(
  connection: Connection.Connection,
  { size, window }: Pick<Options, "size" | "window">
) {
  const acknowledged = yield* credit(connection)
  const counted = message(Id.counted, filled(size))
  let sent = 0
  return Effect.fnUntraced(function*(count: number) {
    const until = sent + count
    while (sent < until) {
      const next = Math.min(batchSize, until - sent)
      const least = sent + next - window
      if (acknowledged.acknowledged < least) yield* acknowledged.reaches(least)
      const batch: Array<Message.Message> = []
      for (let i = 0; i < next; i++) batch.push(counted)
      yield* connection.sendAll(batch)
      sent += next
    }
    yield* countRest(connection, acknowledged, sent)
  })
})

/** One direction, in batches. */
export const flood: Exchange = (connection, options) =>
  Effect.flatMap(makeFlood(connection, options), (send) => measure(options, send))

/** One direction, with an effect for each message. */
export const floodEach: Exchange = Effect.fnUntraced(function*(connection, options) {
  const { size, window } = options
  const acknowledged = yield* credit(connection)
  const body = filled(size)
  let sent = 0
  const sendNext = Effect.suspend(() => connection.send(message(Id.counted, body)))
  const send = (count: number) => {
    const until = sent + count
    return Effect.andThen(
      Effect.whileLoop({
        while: () => sent < until,
        body: () => {
          const least = sent + 1 - window
          return acknowledged.acknowledged < least
            ? Effect.andThen(acknowledged.reaches(least), sendNext)
            : connection.send(message(Id.counted, body))
        },
        step: () => void (sent += 1)
      }),
      Effect.suspend(() => countRest(connection, acknowledged, sent))
    )
  }
  return yield* measure(options, send)
})

/** Makes round trips one after another and tells how long they took. */
const measureTrips = <E, R>({ count, size, warmUp }: Options, trip: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function*() {
    for (let i = 0; i < warmUp; i++) yield* trip
    const times = new Float64Array(count)
    const seconds = Measure.stopwatch()
    for (let i = 0; i < count; i++) {
      const start = performance.now()
      yield* trip
      times[i] = (performance.now() - start) * 1000
    }
    return { ...Measure.rates(count, size, seconds()), ...Measure.quantiles(times) }
  })

/** Round trips, one at a time: a message there, a message back. */
export const echo: Exchange = Effect.fnUntraced(function*(connection, options) {
  const question = message(Id.echo, filled(options.size))
  let arrived = (): void => {}
  yield* Effect.forkScoped(connection.handle(() => arrived()), { startImmediately: true })
  const trip = Effect.callback<void, SendError.SendError>((resume) => {
    arrived = () => resume(Effect.void)
    const refused = connection.sendUnsafe(question)
    if (refused !== undefined) resume(Effect.fail(refused))
  })
  return yield* measureTrips(options, trip)
})

/** Round trips, one at a time, by `request`. */
export const echoByRequest: Exchange = (connection, options) => {
  const body = filled(options.size)
  return measureTrips(options, Effect.suspend(() => connection.request(message(Id.echo, body))))
}

/** Requests of which a certain number is always on its way. */
export const pipelined: Exchange = (connection, options) => {
  const body = filled(options.size)
  const run = (count: number) => {
    let started = 0
    const one = Effect.suspend(() => {
      started += 1
      return connection.request(message(Id.echo, body))
    })
    const many = Effect.whileLoop({ while: () => started < count, body: () => one, step: () => {} })
    return Effect.all(Array.from({ length: options.window }, () => many), { concurrency: "unbounded", discard: true })
  }
  return measure(options, run)
}

/** Large messages, of which a few are on their way. */
export const bulk: Exchange = Effect.fnUntraced(function*(connection, options) {
  const received = yield* credit(connection)
  const body = new Uint8Array(options.size)
  let sent = 0
  const send = Effect.fnUntraced(function*(count: number) {
    const until = sent + count
    for (; sent < until; sent++) {
      if (sent - received.acknowledged >= options.window) yield* received.reaches(sent + 1 - options.window)
      yield* connection.send(message(Id.bulk, body))
    }
    yield* received.reaches(until)
  })
  return yield* measure(options, send)
})
