/**
 * What a process has cost so far.
 */
import * as Fs from "node:fs"
import process from "node:process"
import * as Timers from "node:timers/promises"

export interface Usage {
  readonly cpuSeconds: number
  readonly peakBytes: number
}

export interface Memory {
  /** Resident memory after a collection. */
  readonly rssBytes: number
  /** What of it is in use by objects and buffers. */
  readonly usedBytes: number
}

/** Linux tells times of other processes in hundredths of a second. */
const ticksPerSecond = 100

const read = (file: string): string | undefined => {
  try {
    return Fs.readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** The peak that Node tells includes the moment before the program was loaded, when a copy of the parent was there. */
const peakBytes = (pid: number | "self"): number | undefined => {
  const peak = /VmHWM:\s+(\d+) kB/.exec(read(`/proc/${pid}/status`) ?? "")
  return peak === null ? undefined : Number(peak[1]) * 1024
}

const helperUsage = (pid: number): Usage => {
  // The name in parentheses may hold spaces; user and system time are the 12th and 13th field after it.
  const fields = (read(`/proc/${pid}/stat`) ?? "").replace(/^.*\)/, "").trim().split(" ")
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  return { cpuSeconds: ticks / ticksPerSecond, peakBytes: peakBytes(pid) ?? 0 }
}

/** Measures this process from now on, and its helpers from their start. */
export const meter = (helpers: ReadonlyArray<number> = []): () => Usage => {
  const start = process.cpuUsage()
  return () => {
    const { system, user } = process.cpuUsage(start)
    const own = peakBytes("self") ?? process.resourceUsage().maxRSS * 1024
    const others = helpers.map(helperUsage)
    return {
      cpuSeconds: others.reduce((sum, usage) => sum + usage.cpuSeconds, (user + system) / 1_000_000),
      peakBytes: others.reduce((sum, usage) => sum + usage.peakBytes, own)
    }
  }
}

/** Collects garbage until nothing more is found, gives free pages back, and tells what is left. Needs `--expose-gc`. */
export const settledMemory = async (): Promise<Memory> => {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.({ type: "major", execution: "sync", flavor: "last-resort" })
    await Timers.setTimeout(50)
  }
  const { external, heapUsed, rss } = process.memoryUsage()
  return { rssBytes: rss, usedBytes: heapUsed + external }
}
