/**
 * Connections that do nothing but ping: what each of them costs in memory.
 */
import * as Timers from "node:timers/promises"
import { connectAll } from "./channels.ts"
import type { ClientOptions, Run } from "./library.ts"

/** Connections that are there before the memory is looked at for the first time, so that code is not counted. */
const early = 100

/**
 * Connects, pings for a while, and lets the harness look at the memory. `connect` returns how to ping, where a library
 * does not do that by itself.
 */
export const idle = (connect: (options: ClientOptions) => Promise<() => void>): Run => async (options, tools) => {
  const pings: Array<() => void> = []
  const pingMillis = Number(options.extra["pingMillis"])
  const beats = setInterval(() => {
    for (const ping of pings) ping()
  }, pingMillis)
  pings.push(...await connectAll(Math.min(early, options.connections), () => connect(options)))
  await Timers.setTimeout(2 * pingMillis)
  await tools.checkpoint("before")
  pings.push(...await connectAll(options.connections, () => connect(options)))
  await Timers.setTimeout(3 * pingMillis)
  await tools.checkpoint("after")
  clearInterval(beats)
  return { connections: options.connections }
}
