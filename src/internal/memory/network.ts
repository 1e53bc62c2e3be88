/**
 * The state of the network, and what its controls do with it.
 */
import * as Effect from "effect/Effect"
import type * as MemoryTransport from "../../layers/MemoryTransport.ts"
import * as Area from "./area.ts"
import * as Conditions from "./conditions.ts"
import { Faults } from "./faults.ts"
import { MemoryLink } from "./link.ts"
import { type Listener, Listeners } from "./listeners.ts"
import type { Runtime } from "./runtime.ts"

interface Rule {
  readonly area: Area.Area
  readonly changes: MemoryTransport.Conditions
}

/** @internal */
export class Network {
  readonly runtime: Runtime
  readonly listeners = new Listeners()
  readonly faults = new Faults()
  readonly #links = new Map<number, MemoryLink>()
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
  setConditionsUnsafe(changes: MemoryTransport.Conditions, area: Area.Area | undefined): void {
    const merged = Conditions.mergeUnsafe(this.#conditions, changes)
    if (area === undefined) this.#conditions = merged
    else this.#rules = [...this.#rules, { area, changes }]
    for (const link of this.#links.values()) {
      const conditions = this.conditions(link.route)
      link.toDialler.setConditions(conditions)
      link.toListener.setConditions(conditions)
    }
  }

  open(dialler: Area.Route["dialler"], address: Area.Route["listener"]): MemoryLink {
    const route = { id: this.#nextId++, dialler, listener: address }
    const link = new MemoryLink(this.runtime, this.conditions(route), route, (gone) => {
      this.#links.delete(gone.route.id)
      this.listeners.givePort(gone.route.dialler)
    })
    this.#links.set(route.id, link)
    this.#hold(link)
    for (const cut of this.faults.takeCuts(route)) this.#cutAfter(link, cut.bytes, cut.direction)
    return link
  }
  accept(link: MemoryLink, listener: Listener): void {
    listener.onLink(link.listener)
    this.#notify()
  }

  links(area: Area.Area | undefined): ReadonlyArray<MemoryLink> {
    const links = [...this.#links.values()]
    return area === undefined ? links : links.filter((link) => Area.includes(area, link.route))
  }
  cut(area: Area.Area): number {
    const links = this.links(area)
    for (const link of links) link.cut()
    return links.length
  }
  cutAfter(area: Area.Area, bytes: number, direction: MemoryTransport.Direction): void {
    const links = this.links(area)
    for (const link of links) this.#cutAfter(link, bytes, direction)
    if (links.length === 0 && area._tag !== "Link") this.faults.add({ _tag: "CutNext", area, bytes, direction })
  }
  blackhole(area: Area.Area, direction: MemoryTransport.Direction | "both"): void {
    this.faults.add({ _tag: "Blackhole", area, direction })
    for (const link of this.#links.values()) this.#hold(link)
  }
  heal(area: Area.Area | undefined): void {
    this.faults.heal(area)
    for (const link of this.links(area)) {
      link.toListener.cutNever()
      link.toDialler.cutNever()
    }
    for (const link of this.#links.values()) this.#hold(link)
    this.#notify()
  }
  /** Cuts all links and refuses all dials from now on. */
  close(): void {
    this.#isClosed = true
    for (const link of this.links(undefined)) link.cut()
    this.#notify()
  }

  /** Waits until `find` finds something. It looks again whenever a link was made or a fault has ended. */
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

  #notify(): void {
    for (const look of Array.from(this.#watchers)) look()
  }
  #cutAfter(link: MemoryLink, bytes: number, direction: MemoryTransport.Direction): void {
    if (bytes <= 0) link.cut()
    else link[direction].cutAfter(bytes)
  }
  #hold(link: MemoryLink): void {
    link.toListener.hold(this.faults.isHeld(link.route, "toListener"))
    link.toDialler.hold(this.faults.isHeld(link.route, "toDialler"))
  }
}
