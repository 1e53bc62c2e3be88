/**
 * Answers what serving threads ask: the ban list, the counts and the ports that they share.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as PeerGroup from "../../domain/PeerGroup.ts"
import type * as BanList from "../../services/BanList.ts"
import * as Admission from "../admission.ts"
import type * as Places from "../places.ts"
import * as Protocol from "./protocol.ts"

type Answers = {
  readonly [Q in Protocol.Question]: (
    ask: Protocol.Questions[Q]["ask"],
    thread: number
  ) => Effect.Effect<Protocol.Questions[Q]["answer"], unknown>
}

const parse = (text: string): NetAddress.SocketAddress =>
  Result.getOrElse(NetAddress.inetAddressFromString(text), () => NetAddress.unixPathAddress(text))

const targetOf = (group: string): BanList.Target => {
  const parsed = Option.getOrThrow(PeerGroup.fromKey(group))
  return parsed._tag === "Network" ? parsed.network : NetAddress.unixPathAddress(parsed.path)
}

/** A place, and the listener that it is one of. */
interface Held {
  readonly counts: Admission.Counts
  readonly place: Places.Place
}

/** @internal */
export class Host {
  readonly #banList: BanList.BanList["Service"]
  readonly #clock: Clock.Clock
  readonly #counts = new Map<string, Admission.Counts>()
  readonly #tell: (thread: number, message: Protocol.ToThread) => void
  /** The places that threads have, so that those of a dead one are free again. */
  readonly #places = new Map<number, Map<number, Held>>()
  readonly #ports = new Map<string, number>()
  /** Listeners of port 0 whose port a thread is choosing, and who waits to hear of it. */
  readonly #choosing = new Map<string, Array<(port: number) => void>>()

  constructor(
    banList: BanList.BanList["Service"],
    clock: Clock.Clock,
    tell: (thread: number, message: Protocol.ToThread) => void
  ) {
    this.#tell = tell
    this.#banList = banList
    this.#clock = clock
  }

  answer(
    message: Extract<Protocol.FromThread, { readonly _tag: "Ask" }>,
    thread: number
  ): Effect.Effect<unknown, unknown> {
    const answer = this.#answers[message.question] as (ask: unknown, thread: number) => Effect.Effect<unknown, unknown>
    return answer(message.ask, thread)
  }

  /** A thread has ended: what it served is served no more. */
  forget(thread: number): void {
    for (const { counts, place } of this.#places.get(thread)?.values() ?? []) counts.places.leave(place)
    this.#places.delete(thread)
  }

  readonly #answers: Answers = {
    port: ({ listener }) =>
      Effect.callback<number | undefined>((resume) => {
        const port = this.#ports.get(listener)
        const waiting = this.#choosing.get(listener)
        if (port !== undefined) resume(Effect.succeed(port))
        else if (waiting !== undefined) waiting.push((chosen) => resume(Effect.succeed(chosen)))
        else {
          this.#choosing.set(listener, [])
          resume(Effect.undefined)
        }
      }),
    setPort: ({ listener, port }) =>
      Effect.sync(() => {
        this.#ports.set(listener, port)
        const waiting = this.#choosing.get(listener) ?? []
        this.#choosing.delete(listener)
        for (const tell of waiting) tell(port)
      }),
    enter: ({ address, limits, listener, place: id }, thread) =>
      Effect.sync(() => {
        const counts = this.#countsOf(listener, limits)
        const place = counts.enter(parse(address), this.#now, () => this.#tell(thread, { _tag: "Evicted", place: id }))
        if (typeof place === "string") return place
        this.#placesOf(thread).set(id, { counts, place })
        return { isOpen: place.state === "Vetted first" }
      }),
    settle: ({ place }, thread) =>
      Effect.sync(() => {
        const held = this.#placesOf(thread).get(place)
        return held !== undefined && held.counts.places.settle(held.place, this.#now)
      }),
    noteUse: ({ place }, thread) =>
      Effect.sync(() => {
        const held = this.#placesOf(thread).get(place)
        if (held !== undefined) held.place.lastUseful = this.#now
      }),
    keep: ({ place }, thread) =>
      Effect.sync(() => {
        const held = this.#placesOf(thread).get(place)
        held?.counts.places.keep(held.place)
      }),
    leave: ({ place }, thread) =>
      Effect.sync(() => {
        const held = this.#placesOf(thread).get(place)
        held?.counts.places.leave(held.place)
        this.#placesOf(thread).delete(place)
      }),
    mayComeNow: ({ address, listener }) =>
      Effect.sync(() => this.#counts.get(listener)?.mayComeNow(parse(address), this.#now) ?? true),
    punish: ({ address, points, reason }) =>
      Effect.map(
        this.#banList.punish(parse(address), points, reason),
        (verdict) => verdict._tag === "Banned" ? { ...verdict, ban: Protocol.toPlain(verdict.ban) } : verdict
      ),
    isBanned: ({ address }) => this.#banList.isBanned(parse(address)),
    score: ({ address }) => this.#banList.score(parse(address)),
    ban: ({ group, millis, reason }) => this.#banList.ban(targetOf(group), { duration: millis, reason }),
    unban: ({ group }) => this.#banList.unban(targetOf(group)),
    list: () => Effect.map(this.#banList.list, (bans) => bans.map(Protocol.toPlain))
  }

  #countsOf(listener: string, limits: Admission.Limits): Admission.Counts {
    const known = this.#counts.get(listener)
    if (known !== undefined) return known
    const counts = new Admission.Counts(limits)
    this.#counts.set(listener, counts)
    return counts
  }

  get #now(): number {
    return this.#clock.currentTimeMillisUnsafe()
  }

  #placesOf(thread: number): Map<number, Held> {
    const known = this.#places.get(thread)
    if (known !== undefined) return known
    const places = new Map<number, Held>()
    this.#places.set(thread, places)
    return places
  }
}
