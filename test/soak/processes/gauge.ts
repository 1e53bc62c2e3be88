/**
 * Memory, handles and event loop of a process.
 */
import { monitorEventLoopDelay } from "node:perf_hooks"
import process from "node:process"
import type { Gauge } from "../protocol.ts"

const resolutionMillis = 10

/** What the operating system holds for this process, timers apart. */
export const handles = (): number =>
  process.getActiveResourcesInfo().filter((name) => !["Timeout", "Immediate"].includes(name)).length

/**
 * Leaves what is in use. An ordinary collection keeps compiled code that has not run for a while and much else that the
 * engine could do without; and what one finds of buffers is only taken off the account by the next.
 */
const collect = (): void => {
  for (let i = 0; i < 2; i++) globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })
}

/** Tells how the process is, and how its event loop was since it was told the last time. */
export const make = (): () => Gauge => {
  const delay = monitorEventLoopDelay({ resolution: resolutionMillis })
  delay.enable()
  const toMillis = (nanos: number) => Math.max(0, nanos / 1e6 - resolutionMillis)
  return () => {
    const loop = { loopDelayP99: toMillis(delay.percentile(99)), loopDelayMax: toMillis(delay.max) }
    // Collections take their time: that is the gauge's, and not the network's.
    delay.disable()
    collect()
    const { external, heapUsed, rss } = process.memoryUsage()
    delay.reset()
    delay.enable()
    return { usedBytes: heapUsed + external, heapBytes: heapUsed, rssBytes: rss, handles: handles(), ...loop }
  }
}
