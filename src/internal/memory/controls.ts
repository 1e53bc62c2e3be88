/**
 * The controls of a network as effects.
 */
import * as Effect from "effect/Effect"
import type * as FaultControls from "../../layers/FaultControls.ts"
import * as Area from "./area.ts"
import { infoOf, type Network } from "./network.ts"

/** @internal */
export const make = (network: Network): FaultControls.FaultControls => ({
  setConditions: (conditions, where) => Effect.sync(() => network.setConditionsUnsafe(conditions, optionalArea(where))),
  links: Effect.sync(() => network.links(undefined).map(infoOf)),
  awaitLink: (where) =>
    Effect.suspend(() => {
      const area = Area.fromWhereUnsafe(where)
      return network.watch(() => {
        const link = network.links(area)[0]
        return link === undefined ? undefined : infoOf(link)
      })
    }),
  cut: (where) => Effect.sync(() => network.cut(Area.fromWhereUnsafe(where))),
  cutAfter: (where, bytes, direction) =>
    Effect.sync(() => network.mark(Area.fromWhereUnsafe(where), { _tag: "Cut", bytes, direction })),
  halfClose: (where, direction) => Effect.sync(() => network.halfClose(Area.fromWhereUnsafe(where), direction)),
  corruptAfter: (where, bytes, direction) =>
    Effect.sync(() => network.mark(Area.fromWhereUnsafe(where), { _tag: "Corrupt", bytes, direction })),
  blackhole: (where, direction = "both") =>
    Effect.sync(() => network.blackhole(Area.fromWhereUnsafe(where), direction)),
  partition: (a, b) => Effect.sync(() => network.blackhole(Area.fromWhereUnsafe([a, b]), "both")),
  refuse: (where, problem = "Refused") =>
    Effect.sync(() => network.faults.add({ _tag: "Refuse", area: Area.fromWhereUnsafe(where), problem })),
  hang: (where) => Effect.sync(() => network.faults.add({ _tag: "Hang", area: Area.fromWhereUnsafe(where) })),
  dials: Effect.sync(() => network.dials.all.map(({ info }) => info)),
  awaitDials: (count) =>
    network.watch(() => {
      const { all } = network.dials
      return all.length < count ? undefined : all.map(({ info }) => info)
    }),
  letThrough: (dial) => Effect.sync(() => network.letThrough(dial)),
  heal: (where) => Effect.sync(() => network.heal(optionalArea(where)))
})

const optionalArea = (where: FaultControls.Where | undefined): Area.Area | undefined =>
  where === undefined ? undefined : Area.fromWhereUnsafe(where)
