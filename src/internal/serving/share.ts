/**
 * The part that one serving thread has of what is set for all of them.
 */
import type * as NetworkConfig from "../../services/NetworkConfig.ts"

/**
 * The settings of each of so many threads. Memory is divided by their number, with no word between them: who floods one of
 * them takes nothing from the others.
 *
 * @internal
 */
export const of = (settings: NetworkConfig.Settings, threads: number): NetworkConfig.Settings => ({
  ...settings,
  maxBytesInFlight: Math.ceil(settings.maxBytesInFlight / threads)
})
