/**
 * The state of the network, and what its controls do with it.
 */
import * as Effect from "effect/Effect"
import type * as FaultControls from "../../layers/FaultControls.ts"
import * as Area from "./area.ts"
import * as Conditions from "./conditions.ts"
import { Dials } from "./dials.ts"
import { Faults, type Mark } from "./faults.ts"
import { Listeners } from "./listeners.ts"
import type { Pipe } from "./pipe.ts"
import type { Runtime } from "./runtime.ts"

interface Rule {
  readonly area: Area.Area
  readonly changes: FaultControls.Conditions
}

/**
 * What the network knows of a link, whatever its ends are.
 *
 * @internal
 */
export interface NetworkLink {
  readonly route: Area.Route & { readonly id: number }
  readonly toListener: Pipe
  readonly toDialler: Pipe
  readonly cut: () => void
}

/** What users are told of a link. @internal */
export const infoOf = ({ route, toDialler, toListener }: NetworkLink): FaultControls.LinkInfo => ({
  id: route.id,
  dialler: route.dialler,
  listener: route.listener,
  toListener: { written: toListener.written, delivered: toListener.delivered },
  toDialler: { written: toDialler.written, delivered: toDialler.delivered }
})

/**
 * Makes a link of what the network decides about it. `onGone` is to be called when it has ended on both sides.
 *
 * @internal
 */
export type MakeLink<L extends NetworkLink> = (
  runtime: Runtime,
  conditions: Conditions.Resolved,
  route: Area.Route & { readonly id: number },
  onGone: (link: NetworkLink) => void
) => L

/** @internal */
export class Network {
  readonly runtime: Runtime
  readonly listeners = new Listeners()
  readonly faults = new Faults()
  readonly dials = new Dials()
  readonly #links = new Map<number, NetworkLink>()
  /** Those who wait for a link, or for the end of a fault. */
  readonly #watchers = new Set<() => void>()
  #conditions: Conditions.Resolved
  #rules: ReadonlyArray<Rule> = []
  #nextId = 1
  #isClosed = false

  constructor(runtime: Runtime, conditions: Conditions.Resolved) {
    this.runtime = runtime
    this.#conditions = conditions
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  conditions(route: Area.Route): Conditions.Resolved {
    let conditions = this.#conditions
    for (const rule of this.#rules) {
      if (Area.includes(rule.area, route)) conditions = Conditions.mergeUnsafe(conditions, rule.changes)
    }
    return conditions
  }
  setConditionsUnsafe(changes: FaultControls.Conditions, area: Area.Area | undefined): void {
    const merged = Conditions.mergeUnsafe(this.#conditions, changes)
    if (area === undefined) this.#conditions = merged
    else this.#rules = [...this.#rules, { area, changes }]
    for (const link of this.#links.values()) {
      const conditions = this.conditions(link.route)
      link.toDialler.setConditions(conditions)
      link.toListener.setConditions(conditions)
    }
  }

  open<L extends NetworkLink>({ dialler, listener }: Omit<Area.Route, "id">, make: MakeLink<L>): L {
    const route = { id: this.#nextId++, dialler, listener }
    const link = make(this.runtime, this.conditions(route), route, (gone) => {
      this.#links.delete(gone.route.id)
      this.listeners.givePort(gone.route.dialler)
    })
    this.#links.set(route.id, link)
    this.#hold(link)
    for (const mark of this.faults.takeMarks(route)) this.#mark(link, mark)
    return link
  }
  /** Says that something happened that somebody may wait for: a dial, a link, the end of a fault. */
  notify(): void {
    for (const look of Array.from(this.#watchers)) look()
  }

  links(area: Area.Area | undefined): ReadonlyArray<NetworkLink> {
    const links = [...this.#links.values()]
    return area === undefined ? links : links.filter((link) => Area.includes(area, link.route))
  }
  cut(area: Area.Area): number {
    const links = this.links(area)
    for (const link of links) link.cut()
    return links.length
  }
  /** Throws on numbers of bytes that make no sense: a mistake in the test. */
  mark(area: Area.Area, mark: Mark): void {
    if (!Number.isSafeInteger(mark.bytes) || mark.bytes < 0) {
      throw new RangeError(`FaultControls: bytes must be a whole number from 0 on, not ${mark.bytes}`)
    }
    const links = this.links(area)
    for (const link of links) this.#mark(link, mark)
    if (links.length === 0 && area._tag !== "Link") this.faults.add({ _tag: "MarkNext", area, mark })
  }
  halfClose(area: Area.Area, direction: FaultControls.Direction): number {
    const links = this.links(area)
    for (const link of links) link[direction].finish()
    return links.length
  }
  blackhole(area: Area.Area, direction: FaultControls.Direction | "both"): void {
    this.faults.add({ _tag: "Blackhole", area, direction })
    for (const link of this.#links.values()) this.#hold(link)
  }
  heal(area: Area.Area | undefined): void {
    this.faults.heal(area)
    for (const link of this.links(area)) {
      link.toListener.unmark()
      link.toDialler.unmark()
    }
    for (const link of this.#links.values()) this.#hold(link)
    this.notify()
  }
  letThrough(dial: number): boolean {
    const isThere = this.dials.letThrough(dial)
    this.notify()
    return isThere
  }
  /** Cuts all links and refuses all dials from now on. */
  close(): void {
    this.#isClosed = true
    for (const link of this.links(undefined)) link.cut()
    this.notify()
  }

  /** Waits until `find` finds something. It looks again at each `notify`. */
  watch<A>(find: () => A | undefined): Effect.Effect<A> {
    return Effect.callback<A>((resume) => {
      const look = (): void => {
        const found = find()
        if (found === undefined) return
        this.#watchers.delete(look)
        resume(Effect.succeed(found))
      }
      this.#watchers.add(look)
      look()
      return Effect.sync(() => this.#watchers.delete(look))
    })
  }

  #mark(link: NetworkLink, { _tag, bytes, direction }: Mark): void {
    if (_tag === "Corrupt") link[direction].corruptAfter(Math.max(0, bytes))
    else if (bytes <= 0) link.cut()
    else link[direction].cutAfter(bytes)
  }
  #hold(link: NetworkLink): void {
    link.toListener.hold(this.faults.isHeld(link.route, "toListener"))
    link.toDialler.hold(this.faults.isHeld(link.route, "toDialler"))
  }
}
