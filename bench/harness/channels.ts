/**
 * The workloads of libraries whose connections carry bodies in both directions. Each of them says only how it connects
 * and how it sends.
 *
 * Servers of such libraries do what the workload of the moment asks for: `flood` and `fan-in` are acknowledged by an
 * empty body for each 1000th, `bulk` by one for each, and `echo` by the same body.
 */
import type { ClientModule, ClientOptions, Run } from "./library.ts"
import { acknowledgeEvery } from "./library.ts"
import * as Measure from "./measure.ts"
import { Window } from "./window.ts"

export interface Channel {
  /** Sends a body. A promise when the library asks its caller to wait. */
  readonly send: (body: Uint8Array) => Promise<unknown> | undefined
  readonly close: () => unknown
}

export type Connect = (options: ClientOptions, onBody: (body: Uint8Array) => void) => Promise<Channel>

/** What the server of a channel does with what it gets. */
export const answer = (workload: string, send: (body: Uint8Array) => unknown): (body: Uint8Array) => void => {
  let counted = 0
  switch (workload) {
    case "echo":
      return send
    case "bulk":
      return () => send(nothing)
    default:
      return () => {
        counted += 1
        if (counted % acknowledgeEvery === 0) send(nothing)
      }
  }
}

const nothing = new Uint8Array(0)

/** So many connections are being made at the same time: more would be turned away by the operating system. */
const connectingAtOnce = 100

export const connectAll = async <A>(count: number, connect: () => Promise<A>): Promise<Array<A>> => {
  const all: Array<A> = []
  while (all.length < count) {
    const next = Math.min(connectingAtOnce, count - all.length)
    all.push(...await Promise.all(Array.from({ length: next }, connect)))
  }
  return all
}

const flood = (connect: Connect): Run => async (options) => {
  const acknowledged = new Window()
  const channel = await connect(options, () => acknowledged.acknowledge(acknowledgeEvery))
  const body = new Uint8Array(options.size).fill(7)
  let sent = 0
  const send = async (until: number) => {
    while (sent < until) {
      const least = sent + 1 - options.window
      if (acknowledged.acknowledged < least) await acknowledged.reaches(least)
      const pause = channel.send(body)
      if (pause !== undefined) await pause
      sent += 1
    }
    await acknowledged.reaches(until)
  }
  await send(options.warmUp)
  const seconds = Measure.stopwatch()
  await send(options.warmUp + options.count)
  return Measure.rates(options.count, options.size, seconds())
}

const bulk = (connect: Connect): Run => async (options) => {
  const acknowledged = new Window()
  const channel = await connect(options, () => acknowledged.acknowledge(1))
  const body = new Uint8Array(options.size)
  let sent = 0
  const send = async (until: number) => {
    while (sent < until) {
      await acknowledged.reaches(sent + 1 - options.window)
      const pause = channel.send(body)
      if (pause !== undefined) await pause
      sent += 1
    }
    await acknowledged.reaches(until)
  }
  await send(options.warmUp)
  const seconds = Measure.stopwatch()
  await send(options.warmUp + options.count)
  return Measure.rates(options.count, options.size, seconds())
}

const echo = (connect: Connect): Run => async (options) => {
  let arrived = (): void => {}
  const channel = await connect(options, () => arrived())
  const body = new Uint8Array(options.size).fill(7)
  const trip = () =>
    new Promise<void>((resolve) => {
      arrived = resolve
      void channel.send(body)
    })
  return echoTimes(options, trip)
}

/** Makes one round trip after another and tells how long they took. */
export const echoTimes = async (options: ClientOptions, trip: () => Promise<unknown>) => {
  for (let i = 0; i < options.warmUp; i++) await trip()
  const times = new Float64Array(options.count)
  const seconds = Measure.stopwatch()
  for (let i = 0; i < options.count; i++) {
    const start = performance.now()
    await trip()
    times[i] = (performance.now() - start) * 1000
  }
  return { ...Measure.rates(options.count, options.size, seconds()), ...Measure.quantiles(times) }
}

/** Messages that one connection sends before the next one has its turn. */
const turn = 100

const fanIn = (connect: Connect): Run => async (options) => {
  const acknowledged = new Window()
  const channels = await connectAll(
    options.connections,
    () => connect(options, () => acknowledged.acknowledge(acknowledgeEvery))
  )
  const body = new Uint8Array(options.size).fill(7)
  const seconds = Measure.stopwatch()
  for (let sent = 0; sent < options.count; sent += turn) {
    for (const channel of channels) {
      for (let i = 0; i < turn; i++) void channel.send(body)
    }
    // The sockets have their turn.
    await new Promise(setImmediate)
  }
  const total = options.connections * options.count
  await acknowledged.reaches(total)
  return Measure.rates(total, options.size, seconds())
}

/** Requests of which a certain number is always on its way. */
export const pipelined = async (options: ClientOptions, request: () => Promise<unknown>) => {
  const run = async (count: number) => {
    let started = 0
    await Promise.all(Array.from({ length: options.window }, async () => {
      while (started < count) {
        started += 1
        await request()
      }
    }))
  }
  await run(options.warmUp)
  const seconds = Measure.stopwatch()
  await run(options.count)
  return Measure.rates(options.count, options.size, seconds())
}

/** A client that does all that can be done over channels. */
export const client = (connect: Connect): ClientModule => ({
  workloads: { flood: flood(connect), echo: echo(connect), bulk: bulk(connect), "fan-in": fanIn(connect) }
})
