/**
 * The counts of a serving thread: those of the thread which started it, asked by messages.
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Admission from "../admission.ts"
import type * as Asker from "./asker.ts"

const format = NetAddress.formatSocketAddress

/** Listeners by their address, and by which of the same address they are: all threads make them in the same order. @internal */
export const makeNames = () => {
  const counts = new Map<string, number>()
  return (address: NetAddress.SocketAddress): string => {
    const count = (counts.get(format(address)) ?? 0) + 1
    counts.set(format(address), count)
    return `${format(address)} #${count}`
  }
}

/** The counts, and how to tell of a place that was given to another. @internal */
export interface RemoteAdmission {
  readonly admissions: Admission.MakeAdmission
  readonly onEvicted: (place: number) => void
}

class RemotePlace implements Admission.Place {
  readonly isOpen: boolean
  readonly #id: number
  readonly #asker: Asker.Asker
  readonly #forget: (id: number) => void

  constructor(id: number, isOpen: boolean, asker: Asker.Asker, forget: (id: number) => void) {
    this.#id = id
    this.isOpen = isOpen
    this.#asker = asker
    this.#forget = forget
  }

  get settle(): Effect.Effect<boolean> {
    return this.#asker.ask("settle", { place: this.#id })
  }

  noteUse(): void {
    this.#asker.tell("noteUse", { place: this.#id })
  }

  keep(): void {
    this.#asker.tell("keep", { place: this.#id })
  }

  leave(): void {
    this.#forget(this.#id)
    this.#asker.tell("leave", { place: this.#id })
  }
}

/** @internal */
export const make = (asker: Asker.Asker): RemoteAdmission => {
  const toName = makeNames()
  const owners = new Map<number, () => void>()
  const forget = (id: number) => void owners.delete(id)
  let lastId = 0
  return {
    onEvicted: (place) => owners.get(place)?.(),
    admissions: (address, limits) => {
      const listener = toName(address)
      return {
        enter: (newcomer, onEvicted) =>
          Effect.suspend(() => {
            const id = ++lastId
            // Known before the answer comes: it may be another's right after.
            owners.set(id, onEvicted)
            return Effect.map(
              asker.ask("enter", { listener, address: format(newcomer), limits, place: id }),
              (entered) => {
                if (typeof entered !== "string") return new RemotePlace(id, entered.isOpen, asker, forget)
                forget(id)
                return entered
              }
            )
          }),
        mayComeNow: (newcomer) => asker.ask("mayComeNow", { listener, address: format(newcomer) })
      }
    }
  }
}
