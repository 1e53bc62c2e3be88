/**
 * What the harness asks of each library: a server and a client, each a module that runs in a process of its own.
 *
 * No module of a library is loaded by a process that does not measure it, so that the memory of one is never counted
 * for another. For the same reason nothing here may import `effect`.
 */

/** What a server is started with. */
export interface ServerOptions {
  /** 0 to be given one. */
  readonly port: number
  /** What the client is going to do: libraries that carry plain bytes cannot tell from the bytes. */
  readonly workload: string
  /** Bytes of a body. */
  readonly size: number
  /** What only one workload knows. */
  readonly extra: Extra
}

export type Extra = { readonly [name: string]: number | string | undefined }

export interface Server {
  readonly port: number
  /** Processes that work for this server, such as a broker: their cost is added to its own. */
  readonly helpers?: ReadonlyArray<number> | undefined
  /** What it has counted, told to the harness when the client is done. */
  readonly counts?: (() => Measured) | undefined
  readonly close: () => Promise<unknown>
}

export interface ServerModule {
  readonly serve: (options: ServerOptions) => Promise<Server>
}

/** What a client is started with. */
export interface ClientOptions {
  readonly port: number
  readonly workload: string
  /** Messages, of each connection where there are many. */
  readonly count: number
  /** Messages that go first and are not measured. */
  readonly warmUp: number
  /** Bytes of a body. */
  readonly size: number
  /** Messages that may be on their way, at most. */
  readonly window: number
  readonly connections: number
  readonly extra: Extra
}

/** What a client has measured, by name. */
export type Measured = { readonly [name: string]: number }

/** What the harness offers a client. */
export interface Tools {
  /** Tells the harness how far the client is, and waits until it has looked at both sides. */
  readonly checkpoint: (name: string) => Promise<void>
}

export type Run = (options: ClientOptions, tools: Tools) => Promise<Measured>

export interface ClientModule {
  /** By name of the workload. */
  readonly workloads: { readonly [name: string]: Run }
}

/** What the benchmark protocol says: every so many counted messages one acknowledgement. */
export const acknowledgeEvery = 1000
