/**
 * What network managers count, as metrics of Effect.
 *
 * **Details**
 *
 * All managers that are made with the same `Metric.MetricRegistry` report together: gauges are their sum, counters go on
 * when a manager closes. Gauges are summed when somebody reads them; messages and bytes are counted for each read and
 * each write, so that metrics cost a connection next to nothing. They are there without being asked for: read them with
 * `Metric.value`, or export all of them with `effect/observability`.
 *
 * Series by service have the label `service`: the id, for the first {@link maxServices} ids (those that a program
 * registers come before those that only peers speak of), and `other` for all the rest. No label holds what a peer can
 * choose freely.
 *
 * Threads that serve together (`NodeServing`) have a registry each.
 *
 * **Example** (Reading two of them)
 *
 * ```ts
 * import { Effect, Metric } from "effect"
 * import { NetworkMetrics } from "effect-flowee"
 *
 * const program = Effect.gen(function*() {
 *   const open = Metric.withAttributes(NetworkMetrics.connections, { side: "accepted", state: "Connected" })
 *   const sent = Metric.withAttributes(NetworkMetrics.messagesSent, { service: "42" })
 *   return { open: (yield* Metric.value(open)).value, sent: (yield* Metric.value(sent)).count }
 * })
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * How many services have series of their own. The others share the label `other`.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxServices = 64

/**
 * Connections by `side` (`dialled`, `accepted`) and `state` (`Connecting`, `LoggingIn`, `Connected`, `Waiting`, see
 * `ConnectionState`).
 *
 * @category metrics
 * @since 0.1.0
 */
export const connections: Metric.Gauge<number> = Metric.gauge("flowee_connections", {
  description: "Connections by side and state"
})

/**
 * Messages that wait to be sent, by `lane` (`normal`, `high`).
 *
 * @category metrics
 * @since 0.1.0
 */
export const laneMessages: Metric.Gauge<number> = Metric.gauge("flowee_lane_messages", {
  description: "Messages that wait to be sent, by lane"
})

/**
 * Bytes that wait to be sent, headers included, by `lane` (`normal`, `high`).
 *
 * @category metrics
 * @since 0.1.0
 */
export const laneBytes: Metric.Gauge<number> = Metric.gauge("flowee_lane_bytes", {
  description: "Bytes that wait to be sent, by lane"
})

/**
 * Bytes that accepted connections hold together: received and not done with, unfinished, or waiting to be sent. What
 * `maxBytesInFlight` of `NetworkConfig` bounds, to about 64 KB for each connection.
 *
 * @category metrics
 * @since 0.1.0
 */
export const bytesInFlight: Metric.Gauge<number> = Metric.gauge("flowee_bytes_in_flight", {
  description: "Bytes that accepted connections hold together"
})

/**
 * Messages that the operating system has taken, by `service`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const messagesSent: Metric.Counter<number> = Metric.counter("flowee_messages_sent_total", {
  description: "Messages sent, by service",
  incremental: true
})

/**
 * Bytes of the bodies of sent messages, by `service`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const bytesSent: Metric.Counter<number> = Metric.counter("flowee_bytes_sent_total", {
  description: "Bytes of the bodies of sent messages, by service",
  incremental: true
})

/**
 * Messages that were received, replies included and logins, pings and pongs not, by `service`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const messagesReceived: Metric.Counter<number> = Metric.counter("flowee_messages_received_total", {
  description: "Messages received, by service",
  incremental: true
})

/**
 * Bytes of the bodies of received messages, by `service`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const bytesReceived: Metric.Counter<number> = Metric.counter("flowee_bytes_received_total", {
  description: "Bytes of the bodies of received messages, by service",
  incremental: true
})

/**
 * Messages that are lost to their program, by `cause`: `Unhandled` ones were received and nobody took them,
 * `NotPermitted` ones were for services that their senders may not address (see `Access`), `Unsent` ones were still in
 * their lane when the connection was closed for good.
 *
 * @category metrics
 * @since 0.1.0
 */
export const messagesDropped: Metric.Counter<number> = Metric.counter("flowee_messages_dropped_total", {
  description: "Messages that nobody took, that were refused, or that never left, by cause",
  incremental: true
})

/**
 * Requests that wait for their replies.
 *
 * @category metrics
 * @since 0.1.0
 */
export const requestsPending: Metric.Gauge<number> = Metric.gauge("flowee_requests_pending", {
  description: "Requests that wait for their replies"
})

/**
 * Requests that have come to an end, by `outcome`: `Replied`, `TimedOut`, `Interrupted` (the socket was lost after the
 * request had left), `Closed` (the connection was), `Cancelled` (by the caller) and `Refused` (it was never sent).
 *
 * @category metrics
 * @since 0.1.0
 */
export const requests: Metric.Counter<number> = Metric.counter("flowee_requests_total", {
  description: "Requests by outcome",
  incremental: true
})

/**
 * Seconds from a request to its reply, the wait for room in the lane included. The clock behind it counts milliseconds.
 *
 * @category metrics
 * @since 0.1.0
 */
export const requestSeconds: Metric.Histogram<number> = Metric.histogram("flowee_request_duration_seconds", {
  description: "Seconds from a request to its reply",
  boundaries: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
})

/**
 * How often a dialled connection was dialled again.
 *
 * @category metrics
 * @since 0.1.0
 */
export const reconnects: Metric.Counter<number> = Metric.counter("flowee_reconnects_total", {
  description: "Attempts to connect after the first",
  incremental: true
})

/**
 * Attempts to connect that failed, by `reason`: the tag of the `DisconnectReason`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const connectFailures: Metric.Counter<number> = Metric.counter("flowee_connect_failures_total", {
  description: "Attempts to connect that failed, by reason",
  incremental: true
})

/**
 * Sockets that have ended after they were let in or dialled, by `reason`: the tag of the `DisconnectReason`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const disconnects: Metric.Counter<number> = Metric.counter("flowee_disconnects_total", {
  description: "Sockets that have ended, by reason",
  incremental: true
})

/**
 * Newcomers that were turned away before anything was read from them, by `reason`: `PeerBanned`, or a problem of
 * `DisconnectReason.TurnedAway`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const newcomersRefused: Metric.Counter<number> = Metric.counter("flowee_newcomers_refused_total", {
  description: "Newcomers that were turned away, by reason",
  incremental: true
})

/**
 * Bans that were made, by points or by hand.
 *
 * @category metrics
 * @since 0.1.0
 */
export const bans: Metric.Counter<number> = Metric.counter("flowee_bans_total", {
  description: "Bans that were made",
  incremental: true
})

/**
 * Slabs of the buffer pool that are in use.
 *
 * @category metrics
 * @since 0.1.0
 */
export const slabsTaken: Metric.Gauge<number> = Metric.gauge("flowee_slabs_taken", {
  description: "Slabs of the buffer pool that are in use"
})

/**
 * Bytes of the buffer pool, by `use`: `taken`, or `free` and kept for the next taker.
 *
 * @category metrics
 * @since 0.1.0
 */
export const slabBytes: Metric.Gauge<number> = Metric.gauge("flowee_slab_bytes", {
  description: "Bytes of the buffer pool, by use"
})

/**
 * Slabs that had to be allocated since the pools that are in use were made.
 *
 * @category metrics
 * @since 0.1.0
 */
export const slabsAllocated: Metric.Gauge<number> = Metric.gauge("flowee_slabs_allocated", {
  description: "Slabs that had to be allocated"
})
