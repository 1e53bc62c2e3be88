/**
 * The options of the transport, with the defaults filled in and durations as Node wants them.
 */
import * as Duration from "effect/Duration"

/** @internal */
export interface Options {
  readonly noDelay?: boolean | undefined
  readonly keepAlive?: Duration.Input | undefined
  readonly backlog?: number | undefined
  readonly reusePort?: boolean | undefined
  readonly linger?: Duration.Input | undefined
}

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

/** @internal */
export const resolve = (options: Options): SocketOptions => ({
  socket: {
    // A link ends when the receiver has had all bytes before the end: Node must not end it before.
    allowHalfOpen: true,
    noDelay: options.noDelay ?? true,
    keepAlive: options.keepAlive !== undefined,
    keepAliveInitialDelay: options.keepAlive === undefined ? 0 : Duration.toMillis(options.keepAlive)
  },
  listen: { backlog: options.backlog ?? 511, ...(options.reusePort === true ? { reusePort: true } : {}) },
  lingerMillis: Duration.toMillis(options.linger ?? Duration.seconds(2))
})
