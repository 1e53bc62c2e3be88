/**
 * Where a connection is in its life, and what happens to it.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as NetAddress from "effect/net/NetAddress"
import type * as DisconnectReason from "./DisconnectReason.ts"

/**
 * The state of a connection. Times are milliseconds of the `Clock`.
 *
 * - `Connecting`: an attempt is under way; `attempt` counts from 1 since the last healthy session.
 * - `LoggingIn`: accepted, and the login check has not passed yet.
 * - `Connected`: messages flow.
 * - `Waiting`: the next attempt starts at `retryAt`; messages queue meanwhile.
 * - `Closed`: for good.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionState = Data.TaggedEnum<{
  Connecting: { readonly attempt: number; readonly since: number }
  LoggingIn: { readonly since: number; readonly remoteAddress: NetAddress.SocketAddress }
  Connected: { readonly since: number; readonly remoteAddress: NetAddress.SocketAddress }
  Waiting: {
    readonly failures: number
    readonly retryAt: number
    readonly reason: DisconnectReason.DisconnectReason
  }
  Closed: { readonly reason: DisconnectReason.DisconnectReason }
}>

/**
 * Constructors and matchers of connection states.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ConnectionState = Data.taggedEnum<ConnectionState>()

/**
 * What a handle tells about its connection.
 *
 * - `Connected`: open, with the end point that was asked for (the remote address when the peer dialled).
 * - `Disconnected`: an open connection ended.
 * - `Failed`: an attempt to connect failed; `retryAt` is when the next one starts, `undefined` when there is none.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionEvent = Data.TaggedEnum<{
  Connected: { readonly endPoint: string; readonly remoteAddress: NetAddress.SocketAddress }
  Disconnected: { readonly endPoint: string; readonly reason: DisconnectReason.DisconnectReason }
  Failed: {
    readonly endPoint: string
    readonly reason: DisconnectReason.DisconnectReason
    readonly retryAt: number | undefined
  }
}>

/**
 * Constructors and matchers of connection events.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ConnectionEvent = Data.taggedEnum<ConnectionEvent>()
