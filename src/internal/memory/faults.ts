/**
 * What is wrong with the network at the moment.
 */
import type * as FaultControls from "../../layers/FaultControls.ts"
import * as Area from "./area.ts"

type Direction = FaultControls.Direction

/**
 * What is to happen to a link when its receiver has read that many more bytes.
 *
 * @internal
 */
export interface Mark {
  readonly _tag: "Cut" | "Corrupt"
  readonly bytes: number
  readonly direction: Direction
}

/** A mark that waits for the next link. */
interface MarkNext {
  readonly _tag: "MarkNext"
  readonly area: Area.Area
  readonly mark: Mark
}

type Fault =
  | { readonly _tag: "Blackhole"; readonly area: Area.Area; readonly direction: Direction | "both" }
  | { readonly _tag: "Refuse"; readonly area: Area.Area; readonly problem: FaultControls.Refusal }
  | { readonly _tag: "Hang"; readonly area: Area.Area }
  | MarkNext

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
  refusal(route: Area.Route): FaultControls.Refusal | undefined {
    for (const fault of this.#faults) {
      if (fault._tag === "Refuse" && Area.includes(fault.area, route)) return fault.problem
    }
    return undefined
  }
  /** The marks that were waiting for this link. Each is taken once. */
  takeMarks(route: Area.Route): ReadonlyArray<Mark> {
    const marks: Array<Mark> = []
    const others: Array<Fault> = []
    for (const fault of this.#faults) {
      if (fault._tag === "MarkNext" && Area.includes(fault.area, route)) marks.push(fault.mark)
      else others.push(fault)
    }
    this.#faults = others
    return marks
  }
}
