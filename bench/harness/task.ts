/**
 * What the harness and the processes that it starts say to each other.
 */
import type { ClientOptions, Measured, ServerOptions } from "./library.ts"
import type { Memory, Usage } from "./usage.ts"

/** What a process is to do, as JSON in its only argument. Modules are named by their path below `bench`. */
export type Task =
  | { readonly role: "server"; readonly module: string; readonly options: ServerOptions }
  | { readonly role: "client"; readonly module: string; readonly options: ClientOptions }

/** From the harness. */
export type Question = "memory" | "usage" | "go on"

/** From a process, beside `listening PORT` of a server and the JSON line of a client. */
export type Answer =
  | { readonly _tag: "Memory"; readonly memory: Memory }
  | { readonly _tag: "Usage"; readonly usage: Usage; readonly counts: Measured }
  | { readonly _tag: "Checkpoint"; readonly name: string }
  | { readonly _tag: "Failed"; readonly message: string }

/** The last line of a client. */
export interface ClientReport {
  readonly measured: Measured
  readonly usage: Usage
}
