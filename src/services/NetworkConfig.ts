/**
 * The settings of a network manager: sizes, counts and times, each with its default and its allowed range.
 *
 * They come from code (`layer`), from a configuration provider (`layerConfig`) or from environment variables that start
 * with `FLOWEE_` (`layerFromEnv`). One connection or listener may override those that concern it.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Result from "effect/Result"
import * as OptionRules from "../domain/internal/optionRules.ts"

/**
 * The resolved settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  /** Messages that wait in the normal lane of a connection, at most: 1 to 1,000,000. Default: 2000. */
  readonly normalLaneMessages: number
  /** Messages that wait in the high priority lane, at most: 1 to 1,000,000. Default: 20. */
  readonly highLaneMessages: number
  /** Bytes that wait in each lane, at most; a larger message is taken when its lane is empty. Default: 32,000,000. */
  readonly laneBytes: number
  /**
   * Bytes that one write takes from the lanes, at most: a high message never waits behind more. While the operating system
   * takes writes at once and no high message waits, it is five times that. Default: 250,000.
   */
  readonly writeBytes: number
  /** The largest message that is received, joined from its chunks, in bytes. Default: 32,000,000. */
  readonly maxMessageBytes: number
  /**
   * Bytes that all accepted connections of a manager hold together, at most: received and not done with, unfinished, or
   * waiting to be sent. When it is more, those that hold most are ended (`TooMuchMemory`), never one that holds 65,536
   * bytes or fewer. It counts for the manager as a whole, so one listener has no such option. It is at least twice the
   * largest `maxMessageBytes` and `laneBytes` of a listener, so that one message of any size gets through: 1 to 64,000 GB.
   * Default: 256,000,000. That is eight messages of the largest size, or full lanes of eight peers that do not read, and
   * fits beside a program in a container of 512 MB.
   */
  readonly maxBytesInFlight: number
  /** Received bytes that wait for the handlers of a connection before reading pauses. Default: 1,048,576. */
  readonly inboxBytes: number
  /** From the start of an attempt to an open connection: look-up, dialling, TLS and login. Default: 20 seconds. */
  readonly connectTimeout: Duration.Duration
  /** The dialling side sends a ping this long after connecting, and again and again. Default: 90 seconds. */
  readonly pingInterval: Duration.Duration
  /** The dialling side gives a connection up when a ping is unanswered for so long. Default: 30 seconds. */
  readonly pongTimeout: Duration.Duration
  /** The accepting side gives a connection up that sends no first ping for so long. Default: 150 seconds. */
  readonly firstPingTimeout: Duration.Duration
  /** The accepting side gives a connection up that sends no further ping for so long. Default: 120 seconds. */
  readonly nextPingTimeout: Duration.Duration
  /** Requests of one connection that wait for their replies, at most: 1 to 1,000,000. Default: 20,000. */
  readonly maxPendingRequests: number
  /** How long a request waits for its reply unless told otherwise. Default: 30 seconds. */
  readonly requestTimeout: Duration.Duration
  /** How long closing waits for queued messages to leave and for handlers to finish; 0: not. Default: 5 seconds. */
  readonly drainTimeout: Duration.Duration
  /** How long the login check waits for the first message. Default: 4 seconds. */
  readonly loginTimeout: Duration.Duration
  /** An accepted connection that sends no message for so long is closed. Default: infinity, the pings decide. */
  readonly firstMessageTimeout: Duration.Duration
  /**
   * How long an accepted connection may take for a message that it began. One that comes at `minMessageRate` has this
   * time again and again. It is noticed at most 30 seconds late. Default: 60 seconds.
   */
  readonly messageTimeout: Duration.Duration
  /** How fast an accepted connection has to bring a long message, in bytes per second: 1 to 1e9. Default: 10,000. */
  readonly minMessageRate: number
  /**
   * An accepted connection has to take a write (up to five times `writeBytes`) within so long; it is noticed at most 30
   * seconds late. Default: 120 seconds.
   */
  readonly sendTimeout: Duration.Duration
  /** Pings of an accepted connection within 10 seconds; more cost `malformedPoints` and end it: 1 to 1e9. Default: 100. */
  readonly maxPings: number
  /**
   * Newcomers that one listener looks at in a second: 1 to 1,000,000. Those of one network (an IPv4 /16, an IPv6 /32)
   * have as many as are left for all others, so half when they are alone; loopback is exempt. Default: 500.
   */
  readonly maxNewPerSecond: number
  /**
   * Accepted connections of one listener, at most. When there are so many, a newcomer may take the place of one that is
   * part of a crowd, see `Eviction`. Default: 4096.
   */
  readonly maxConnections: number
  /** Accepted connections from one address (IPv6: its /64) to one listener; loopback is exempt. Default: 64. */
  readonly maxConnectionsPerAddress: number
  /** Points that malformed bytes, or a flood of pings, cost a peer, see `BanList`: 0 to 1,000,000. Default: 200. */
  readonly malformedPoints: number
  /** Points that a refused login costs a peer: 0 to 1,000,000. Default: 200. */
  readonly failedLoginPoints: number
}

/**
 * Settings as they are given: any of them, durations in any form.
 *
 * @category models
 * @since 0.1.0
 */
export type Options = {
  readonly [K in keyof Settings]?: (Settings[K] extends Duration.Duration ? Duration.Input : Settings[K]) | undefined
}

/**
 * An option has a value that cannot be used: which one, the value, and what is needed instead.
 *
 * @category errors
 * @since 0.1.0
 */
export { BadOption } from "../domain/internal/optionRules.ts"

const { count, time } = OptionRules

const gigabyte = 1_000_000_000

/** A write must be able to hold a packet, and the inbox a slab. */
const rules: OptionRules.Rules<Settings> = {
  normalLaneMessages: count(2000, 1, 1_000_000),
  highLaneMessages: count(20, 1, 1_000_000),
  laneBytes: count(32_000_000, 1, 64 * gigabyte),
  writeBytes: count(250_000, 9000, gigabyte),
  maxMessageBytes: count(32_000_000, 1, 2 * gigabyte),
  maxBytesInFlight: count(256_000_000, 1, 64_000 * gigabyte),
  inboxBytes: count(1_048_576, 65_536, gigabyte),
  connectTimeout: time("20 seconds", 1),
  pingInterval: time("90 seconds", 1),
  pongTimeout: time("30 seconds", 1),
  firstPingTimeout: time("150 seconds", 1),
  nextPingTimeout: time("120 seconds", 1),
  maxPendingRequests: count(20_000, 1, 1_000_000),
  requestTimeout: time("30 seconds", 1),
  drainTimeout: time("5 seconds", 0),
  loginTimeout: time("4 seconds", 1),
  firstMessageTimeout: time(Duration.infinity, 1),
  messageTimeout: time("60 seconds", 1),
  minMessageRate: count(10_000, 1, gigabyte),
  sendTimeout: time("120 seconds", 1),
  maxPings: count(100, 1, gigabyte),
  maxNewPerSecond: count(500, 1, 1_000_000),
  maxConnections: count(4096, 0, 10_000_000),
  maxConnectionsPerAddress: count(64, 0, 10_000_000),
  malformedPoints: count(200, 0, 1_000_000),
  failedLoginPoints: count(200, 0, 1_000_000)
}

/**
 * Puts options over settings, or says which option cannot be used.
 *
 * @category combinators
 * @since 0.1.0
 */
export const override = (base: Settings, options: Options): Result.Result<Settings, OptionRules.BadOption> =>
  OptionRules.override(rules, base, options)

/**
 * The settings that hold where nothing else is said.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Settings = OptionRules.defaults(rules)

/**
 * The settings of the network managers that are built from here on.
 *
 * @category services
 * @since 0.1.0
 */
export class NetworkConfig extends Context.Service<NetworkConfig, Settings>()("effect-flowee/NetworkConfig") {}

/**
 * Settings from a configuration provider, each under its own name within `network`.
 *
 * @category configuration
 * @since 0.1.0
 */
export const config: Config.Config<Options> = Config.all(
  Object.fromEntries(
    Object.entries<OptionRules.Rule<unknown>>(rules).map(([name, rule]) => [
      name,
      rule.kind === "time"
        ? Config.withDefault(Config.Duration(name), rule.default)
        : Config.withDefault(Config.Int(name), rule.default)
    ])
  )
).pipe(Config.nested("network")) as Config.Config<Options>

/**
 * Provides the defaults with the given options put over them.
 *
 * **Example** (Smaller lanes)
 *
 * ```ts
 * import { NetworkConfig } from "effect-flowee"
 *
 * const layer = NetworkConfig.layer({ normalLaneMessages: 500, drainTimeout: "1 second" })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<NetworkConfig, OptionRules.BadOption> =>
  Layer.effect(NetworkConfig, Effect.fromResult(override(defaults, options)))

/**
 * Provides the defaults. It cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerDefaults: Layer.Layer<NetworkConfig> = Layer.succeed(NetworkConfig, defaults)

/**
 * Provides what the configuration provider says.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: Layer.Layer<NetworkConfig, OptionRules.BadOption | Config.ConfigError> = Layer.effect(
  NetworkConfig,
  Effect.flatMap(config, (options) => Effect.fromResult(override(defaults, options)))
)

/**
 * Provides what environment variables say: `FLOWEE_NETWORK_PING_INTERVAL="30 seconds"` and the like.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv: Layer.Layer<NetworkConfig, OptionRules.BadOption | Config.ConfigError> = layerConfig.pipe(
  Layer.provide(
    // The variables count as they are when the layer is built, not when this module was loaded.
    ConfigProvider.layer(
      Effect.sync(() => ConfigProvider.fromEnv().pipe(ConfigProvider.constantCase, ConfigProvider.nested("FLOWEE")))
    )
  )
)
