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

/** @internal */
export class Host {
  readonly #banList: BanList.BanList["Service"]
  readonly #clock: Clock.Clock
  readonly #counts = new Map<string, Admission.Counts>()
  /** Who is being served by which thread, so that what a dead thread served can be counted out. */
  readonly #served = new Map<number, Array<{ readonly listener: string; readonly address: string }>>()
  readonly #ports = new Map<string, number>()
  /** Listeners of port 0 whose port a thread is choosing, and who waits to hear of it. */
  readonly #choosing = new Map<string, Array<(port: number) => void>>()

  constructor(banList: BanList.BanList["Service"], clock: Clock.Clock) {
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
    for (const { address, listener } of this.#served.get(thread) ?? []) {
      this.#counts.get(listener)?.leave(parse(address))
    }
    this.#served.delete(thread)
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
    enter: ({ address, limits, listener }, thread) =>
      Effect.sync(() => {
        const counts = this.#countsOf(listener, limits)
        const refusal = counts.enter(parse(address))
        if (refusal === undefined) this.#servedBy(thread).push({ listener, address })
        return refusal
      }),
    mayComeNow: ({ address, listener }) =>
      Effect.sync(() =>
        this.#counts.get(listener)?.mayComeNow(parse(address), this.#clock.currentTimeMillisUnsafe()) ?? true
      ),
    leave: ({ address, listener }, thread) =>
      Effect.sync(() => {
        const served = this.#servedBy(thread)
        const at = served.findIndex((other) => other.listener === listener && other.address === address)
        if (at === -1) return
        served.splice(at, 1)
        this.#counts.get(listener)?.leave(parse(address))
      }),
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

  #servedBy(thread: number): Array<{ readonly listener: string; readonly address: string }> {
    const known = this.#served.get(thread)
    if (known !== undefined) return known
    const served: Array<{ readonly listener: string; readonly address: string }> = []
    this.#served.set(thread, served)
    return served
  }
}
