/**
 * Which processor cores the two sides of a workload run on.
 *
 * A round trip between two idle cores is mostly the time that the operating system takes to wake a core up, several
 * times what the libraries take, and by chance both sides end up on one core instead. A workload whose times are that
 * short says where its processes run.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"

/** Both sides on one core, or each on a core of its own. */
export type Placement = "one core" | "two cores"

/** The cores that this process may use, or none when they cannot be chosen here. */
const usable = (): ReadonlyArray<number> => {
  const tool = ChildProcess.spawnSync("taskset", ["--version"])
  if (tool.status !== 0 || !Fs.existsSync("/proc/self/status")) return []
  const list = /Cpus_allowed_list:\s+(\S+)/.exec(Fs.readFileSync("/proc/self/status", "utf8"))?.[1] ?? ""
  return list.split(",").flatMap((range) => {
    const [first, last] = range.split("-").map(Number)
    return Array.from({ length: (last ?? first!) - first! + 1 }, (_, index) => first! + index)
  })
}

let known: ReadonlyArray<number> | undefined

/** The core for one side; `undefined` leaves it to the operating system. */
export const coreOf = (placement: Placement | undefined, side: "server" | "client"): number | undefined => {
  if (placement === undefined) return undefined
  known ??= usable()
  return placement === "two cores" && side === "client" ? known[1] : known[0]
}

/** Puts a command on a core. */
export const onCore = (
  core: number | undefined,
  command: string,
  args: ReadonlyArray<string>
): readonly [command: string, args: ReadonlyArray<string>] =>
  core === undefined ? [command, args] : ["taskset", ["--cpu-list", String(core), command, ...args]]
