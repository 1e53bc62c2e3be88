/**
 * Where the figures were measured.
 */
import * as Os from "node:os"
import process from "node:process"
import * as Installation from "./installation.ts"

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly node: string
  readonly libraries: string
  /** Processes that wanted to run when the measurements began: a busy machine measures itself. */
  readonly load: number
}

export const describe = (): Machine => ({
  cpu: Os.cpus()[0]?.model ?? "unknown",
  cores: Os.availableParallelism(),
  memoryBytes: Os.totalmem(),
  system: `${Os.type()} ${Os.release()} ${Os.arch()}`,
  node: process.version,
  libraries: Installation.versions().map(([name, version]) => `${name} ${version}`).join(", "),
  load: Os.loadavg()[0] ?? 0
})
