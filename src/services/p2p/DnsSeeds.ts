/**
 * Where a node that knows nobody finds its first peers: host names whose addresses are nodes.
 *
 * **Details**
 *
 * Whoever runs a seed chooses who is met first, so several are asked, at most {@link maxPerSeed} addresses of each count,
 * and each is a source of its own to the address book. A name that is not found, or gives no answer in time, is logged
 * and gives none.
 *
 * **Gotchas**
 *
 * The lookup tells whoever runs the name servers on the way that a node starts here.
 *
 * Source: peer-to-peer component, "Address book".
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as AddressResolver from "effect/net/AddressResolver"
import type * as NetAddress from "effect/net/NetAddress"
import * as Random from "effect/Random"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import type * as ChainParams from "../../domain/p2p/ChainParams.ts"
import type * as NetworkConfig from "../NetworkConfig.ts"

/**
 * What one seed says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  /** The host name. */
  readonly seed: string
  readonly addresses: ReadonlyArray<NetAddress.InetAddress>
}

/**
 * The seeds of a network.
 *
 * @category services
 * @since 0.1.0
 */
export class DnsSeeds extends Context.Service<DnsSeeds, {
  /** Asks all seeds at once. Those that gave nothing are left out. Never fails, and ends in time. */
  readonly ask: Effect.Effect<ReadonlyArray<Answer>>
}>()("effect-flowee/DnsSeeds") {}

/**
 * The most addresses of one seed that count. Chance picks them when there are more.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxPerSeed = 64

/**
 * Options of {@link make}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The network: its seeds and the port of its nodes. */
  readonly chain: ChainParams.ChainParams
  /** How long the answer of a seed is waited for: 1 ms to 24 days. Default: 10 seconds. */
  readonly timeout?: Duration.Input | undefined
}

const rules = { timeout: OptionRules.time("10 seconds", 1, OptionRules.longestTimer) }

/**
 * Makes the seeds of a network over a resolver.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options: Options
) => Effect.Effect<DnsSeeds["Service"], NetworkConfig.BadOption, AddressResolver.AddressResolver> = Effect.fnUntraced(
  function*({ chain, timeout }: Options) {
    const settings = yield* Effect.fromResult(OptionRules.resolve(rules, { timeout }))
    const resolver = yield* AddressResolver.AddressResolver
    const port = chain.network.p2pPort

    const askOne = (seed: string): Effect.Effect<Answer> =>
      resolver.resolve({ host: seed, port }).pipe(
        Effect.timeout(settings.timeout),
        Effect.flatMap(Random.shuffle),
        Effect.map((addresses) => ({ seed, addresses: addresses.slice(0, maxPerSeed) })),
        Effect.catch((error) =>
          Effect.as(Effect.logWarning(`The seed ${seed} gives no addresses: ${error.message}`), { seed, addresses: [] })
        )
      )

    return DnsSeeds.of({
      ask: Effect.forEach(chain.seeds, askOne, { concurrency: "unbounded" }).pipe(
        Effect.map((answers) => answers.filter(({ addresses }) => addresses.length > 0)),
        Effect.annotateLogs({ package: "effect-flowee", module: "DnsSeeds" })
      )
    })
  }
)

/**
 * Provides the seeds of a network, whose names the `AddressResolver` looks up.
 *
 * **Example** (The seeds of the real network)
 *
 * ```ts
 * import * as NodeAddressResolver from "@effect/platform-node/NodeAddressResolver"
 * import * as NodeDns from "@effect/platform-node/NodeDns"
 * import { Layer } from "effect"
 * import { ChainParams, DnsSeeds } from "effect-flowee"
 *
 * const seeds = DnsSeeds.layer({ chain: ChainParams.mainnet }).pipe(
 *   Layer.provide(NodeAddressResolver.layer),
 *   Layer.provide(NodeDns.layer)
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options
): Layer.Layer<DnsSeeds, NetworkConfig.BadOption, AddressResolver.AddressResolver> =>
  Layer.effect(DnsSeeds, make(options))

/**
 * Provides seeds that say the same each time and ask nobody.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerStatic = (answers: ReadonlyArray<Answer>): Layer.Layer<DnsSeeds> =>
  Layer.succeed(DnsSeeds, { ask: Effect.succeed(answers) })

/**
 * Provides no seeds: for networks of one's own, and for whoever does not want to be seen asking.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerNone: Layer.Layer<DnsSeeds> = layerStatic([])
