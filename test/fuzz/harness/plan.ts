/**
 * How many inputs each target gets of all.
 */
import type { Target } from "./target.ts"

/** Of so many inputs in all a listener hears that part, since each of them is a peer. */
const partOfServers = 0.01

export interface Share {
  readonly target: Target
  readonly inputs: number
}

/** Divides inputs among targets by their weights; each has at least one listener's peers, or one input. */
export const divide = (targets: ReadonlyArray<Target>, inputs: number): ReadonlyArray<Share> => {
  const servers = targets.filter(({ kind }) => kind === "server")
  const decoders = targets.filter(({ kind }) => kind === "decoder")
  const ofServers = decoders.length === 0 ? inputs : servers.length === 0 ? 0 : Math.ceil(inputs * partOfServers)
  return [...among(decoders, inputs - ofServers), ...among(servers, ofServers)]
}

const weightOf = ({ weight = 1 }: Target): number => weight

const among = (targets: ReadonlyArray<Target>, inputs: number): ReadonlyArray<Share> => {
  const all = targets.reduce((sum, target) => sum + weightOf(target), 0)
  let given = 0
  let weight = 0
  return targets.map((target) => {
    weight += weightOf(target)
    const share = { target, inputs: Math.max(1, Math.round((inputs * weight) / all) - given) }
    given += share.inputs
    return share
  })
}
