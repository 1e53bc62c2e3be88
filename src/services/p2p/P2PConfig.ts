/**
 * The settings of a node of the peer-to-peer network: which network it is on, what it says of itself, and how long it
 * waits for peers.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import type * as Network from "../../domain/Network.ts"
import * as ChainParams from "../../domain/p2p/ChainParams.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"

/**
 * The times that a node waits. Any of them may be given in any form of a duration.
 *
 * @category models
 * @since 0.1.0
 */
export interface Times {
  /** Until a peer is connected. Default: 10 seconds. */
  readonly connectTimeout: Duration.Duration
  /** From the connection to the end of the handshake. Default: 20 seconds. */
  readonly handshakeTimeout: Duration.Duration
  /** Between pings. Default: 2 minutes. */
  readonly pingInterval: Duration.Duration
  /** From a ping to its pong. Default: 1 minute. */
  readonly pongTimeout: Duration.Duration
}

/**
 * The resolved settings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings extends Times {
  readonly params: ChainParams.ChainParams
  /** What this node says it is, as BIP 14 has it. Default: `/effect-flowee:0.1.0/`. */
  readonly userAgent: string
  /** What this node offers, a bit for each service. Default: 0, since it keeps no blocks. */
  readonly services: bigint
  /** The oldest version of the protocol that a peer may speak. Default: 70001, from which on there are filters. */
  readonly minProtocol: number
}

/**
 * Settings as they are given. All but the network may be left out.
 *
 * @category models
 * @since 0.1.0
 */
export type Options =
  & { readonly network: Network.Name }
  & { readonly [K in keyof Times]?: Duration.Input | undefined }
  & {
    readonly userAgent?: string | undefined
    readonly services?: bigint | undefined
    readonly minProtocol?: number | undefined
  }

/**
 * The version of the protocol that this node speaks.
 *
 * @category constants
 * @since 0.1.0
 */
export const protocol = 70_015

/**
 * The settings of the node that is built from here on.
 *
 * @category services
 * @since 0.1.0
 */
export class P2PConfig extends Context.Service<P2PConfig, Settings>()("effect-flowee/P2PConfig") {}

const rules = {
  connectTimeout: OptionRules.time("10 seconds", 1),
  handshakeTimeout: OptionRules.time("20 seconds", 1),
  pingInterval: OptionRules.time("2 minutes", 1),
  pongTimeout: OptionRules.time("1 minute", 1),
  minProtocol: OptionRules.count(70_001, 0, protocol)
}

/**
 * Puts options over the defaults, or says which option cannot be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Result.Result<Settings, NetworkConfig.BadOption> =>
  Result.map(OptionRules.resolve(rules, options), (resolved) => ({
    ...resolved,
    params: ChainParams.all[options.network],
    userAgent: options.userAgent ?? "/effect-flowee:0.1.0/",
    services: options.services ?? 0n
  }))

/**
 * Provides the settings of a node.
 *
 * **Example** (A node on a network of one's own)
 *
 * ```ts
 * import { P2PConfig } from "effect-flowee"
 *
 * const layer = P2PConfig.layer({ network: "regtest", pingInterval: "30 seconds" })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<P2PConfig, NetworkConfig.BadOption> =>
  Layer.effect(P2PConfig, Effect.fromResult(make(options)))
