/**
 * The options of the transport, with the defaults filled in and durations as Node wants them.
 */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import type * as NodeTransport from "../../layers/NodeTransport.ts"

/** @internal */
export interface SocketOptions {
  /** What sockets are made with, on both sides. */
  readonly socket: {
    readonly allowHalfOpen: true
    readonly noDelay: boolean
    readonly keepAlive: boolean
    readonly keepAliveInitialDelay: number
  }
  /** What listeners are opened with. */
  readonly listen: { readonly backlog: number; readonly reusePort?: true }
  readonly lingerMillis: number
}

const rules = {
  // The system takes seconds, as a 32-bit number or less.
  keepAlive: OptionRules.time(0, 0, 32_767_000),
  backlog: OptionRules.count(511, 1, 0x7fffffff),
  linger: OptionRules.time("2 seconds", 0, OptionRules.longestTimer)
}

/** @internal */
export const resolve = (options: NodeTransport.SocketsOptions): Result.Result<SocketOptions, OptionRules.BadOption> =>
  Result.map(OptionRules.resolve(rules, options), ({ backlog, keepAlive, linger }) => ({
    socket: {
      // A link ends when the receiver has had all bytes before the end: Node must not end it before.
      allowHalfOpen: true,
      noDelay: options.noDelay ?? true,
      keepAlive: options.keepAlive !== undefined,
      keepAliveInitialDelay: Duration.toMillis(keepAlive)
    },
    listen: { backlog, ...(options.reusePort === true ? { reusePort: true } : {}) },
    lingerMillis: Duration.toMillis(linger)
  }))
