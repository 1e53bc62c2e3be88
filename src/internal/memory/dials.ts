/**
 * The dials that are under way.
 */
import type * as FaultControls from "../../layers/FaultControls.ts"

/** @internal */
export interface Dial {
  readonly info: FaultControls.DialInfo
  /** Goes on where others hang. */
  isLetThrough: boolean
}

/** @internal */
export class Dials {
  readonly #dials = new Map<number, Dial>()
  #nextId = 1

  get all(): ReadonlyArray<Dial> {
    return [...this.#dials.values()]
  }
  add(route: Pick<FaultControls.DialInfo, "dialler" | "listener">): Dial {
    const { dialler, listener } = route
    const dial: Dial = { info: { id: this.#nextId++, dialler, listener }, isLetThrough: false }
    this.#dials.set(dial.info.id, dial)
    return dial
  }
  remove(dial: Dial): void {
    this.#dials.delete(dial.info.id)
  }
  letThrough(id: number): boolean {
    const dial = this.#dials.get(id)
    if (dial === undefined) return false
    dial.isLetThrough = true
    return true
  }
}
