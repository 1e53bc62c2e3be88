/**
 * What is wrong with the network at the moment.
 */
import type * as MemoryTransport from "../../layers/MemoryTransport.ts"
import * as Area from "./area.ts"

type Direction = MemoryTransport.Direction

/** A cut that waits for the next link. */
interface CutNext {
  readonly _tag: "CutNext"
  readonly area: Area.Area
  readonly bytes: number
  readonly direction: Direction
}

type Fault =
  | { readonly _tag: "Blackhole"; readonly area: Area.Area; readonly direction: Direction | "both" }
  | { readonly _tag: "Refuse"; readonly area: Area.Area; readonly problem: MemoryTransport.Refusal }
  | { readonly _tag: "Hang"; readonly area: Area.Area }
  | CutNext

/** @internal */
export class Faults {
  #faults: ReadonlyArray<Fault> = []

  add(fault: Fault): void {
    this.#faults = [...this.#faults, fault]
  }
  /** Removes the faults of an area, or all. */
  heal(area: Area.Area | undefined): void {
    this.#faults = area === undefined ? [] : this.#faults.filter((fault) => !Area.isSame(fault.area, area))
  }
  isHeld(route: Area.Route, direction: Direction): boolean {
    return this.#faults.some((fault) =>
      fault._tag === "Blackhole" && (fault.direction === "both" || fault.direction === direction) &&
      Area.includes(fault.area, route)
    )
  }
  /** `true` while a dial gets no answer because of its listener. */
  isHanging(route: Area.Route): boolean {
    return this.#faults.some((fault) => fault._tag === "Hang" && Area.includes(fault.area, route))
  }
  refusal(route: Area.Route): MemoryTransport.Refusal | undefined {
    for (const fault of this.#faults) {
      if (fault._tag === "Refuse" && Area.includes(fault.area, route)) return fault.problem
    }
    return undefined
  }
  /** The cuts that were waiting for this link. Each is taken once. */
  takeCuts(route: Area.Route): ReadonlyArray<CutNext> {
    const cuts: Array<CutNext> = []
    const others: Array<Fault> = []
    for (const fault of this.#faults) {
      if (fault._tag === "CutNext" && Area.includes(fault.area, route)) cuts.push(fault)
      else others.push(fault)
    }
    this.#faults = others
    return cuts
  }
}
