/**
 * What is kept of a wallet, from what it knows and back.
 */
import * as SyncPlan from "../../../domain/p2p/SyncPlan.ts"
import type * as WalletFile from "../../../domain/p2p/WalletFile.ts"
import * as Ledger from "./ledger.ts"
import type * as Scanner from "./scanner.ts"
import * as Trail from "./trail.ts"
import * as WatchList from "./watchList.ts"

/** What a scanner begins with. @internal */
export interface Known {
  readonly watch: WatchList.WatchList
  readonly ledger: Ledger.Ledger
  readonly trail: Trail.Trail
  readonly plan: SyncPlan.SyncPlan
}

/** Looks at no block at all: the plan of a wallet whose first block is not known. @internal */
export const noPlan: SyncPlan.SyncPlan = SyncPlan.make({ first: Number.MAX_SAFE_INTEGER })

/** Nobody can be blamed for what was found in another run. */
const unblamable = { version: Number.POSITIVE_INFINITY, isDelivered: true }

/** A wallet of which nothing is known. @internal */
export const empty = (id: string, tweak: number): WalletFile.Snapshot => ({
  id,
  tweak,
  first: undefined,
  syncedTo: -1,
  watched: [],
  coins: [],
  unchecked: [],
  trail: [],
  matches: [],
  served: []
})

/** @internal */
export const restore = (snapshot: WalletFile.Snapshot): Known => {
  const watch = new WatchList.WatchList()
  // What cannot be watched is not in a snapshot.
  for (const { element, from } of snapshot.watched) watch.add(element, from)
  watch.restore(snapshot.coins)
  const ledger = new Ledger.Ledger()
  for (const match of snapshot.matches) ledger.add({ ...match, ...unblamable })
  const plan = snapshot.first === undefined ? noPlan : SyncPlan.make({
    first: snapshot.first,
    scannedTo: snapshot.syncedTo,
    unchecked: snapshot.unchecked.map((span) => ({ ...span, version: -1 }))
  })
  return { watch, ledger, trail: new Trail.Trail(snapshot.trail), plan }
}

/** What is to be kept. What the wallet has not heard of is left out, so that it is found again. @internal */
export const take = (scanner: Scanner.Scanner, options: {
  readonly id: string
  readonly tweak: number
  readonly deliveredTo: number
  readonly served: Iterable<string>
}): WalletFile.Snapshot => {
  const { id, served, tweak } = options
  const { ledger, trail, watch } = scanner
  const common = { id, tweak, watched: watch.watched, coins: watch.coins, served: [...served] }
  if (scanner.plan.first === noPlan.first) return { ...empty(id, tweak), ...common }
  const plan = SyncPlan.truncate(scanner.plan, options.deliveredTo)
  return {
    ...common,
    first: plan.first,
    syncedTo: plan.scannedTo,
    unchecked: plan.unchecked.map(({ by, from, to }) => ({ by, from, to })),
    trail: trail.steps.filter(({ height }) => height <= plan.scannedTo),
    matches: ledger.matches.filter(({ isDelivered }) => isDelivered)
  }
}
