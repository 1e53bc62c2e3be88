/**
 * Fetches items from peers: a queue of downloads with a clock, a way to ask, and fibers that wait.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as DownloadQueue from "../../domain/p2p/DownloadQueue.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as DownloadError from "../../services/p2p/DownloadError.ts"
import type * as Peer from "../../services/p2p/Peer.ts"
import * as Alarms from "../alarms.ts"
import type * as Runner from "../runner.ts"

/** @internal */
export interface Options {
  readonly limits: DownloadQueue.Limits
  /** How long somebody waits for an item, whatever the peers do. */
  readonly patience: Duration.Duration
  readonly runner: Runner.Runner
}

interface Waiter<A> extends DownloadQueue.Want {
  readonly resume: (effect: Effect.Effect<A, DownloadError.DownloadError>) => void
}

/** @internal */
export class Fetcher<A> {
  readonly #options: Options
  readonly #queue: DownloadQueue.DownloadQueue<Waiter<A>>
  readonly #peers = new Map<number, Peer.Peer>()
  readonly #alarm: Alarms.Alarm

  constructor(options: Options) {
    this.#options = options
    this.#queue = DownloadQueue.make(options.limits)
    this.#alarm = new Alarms.Alarm(options.runner.alarms, {
      ring: (now) => {
        this.#fail(this.#queue.expire(now))
        this.#ask()
        return this.#queue.deadline
      }
    })
  }

  get counts(): DownloadQueue.Counts {
    return this.#queue.counts
  }

  join(peer: Peer.Peer): void {
    this.#peers.set(peer.id, peer)
    this.#queue.join(peer.id)
    this.#ask()
  }

  leave(peer: Peer.Peer): void {
    this.#peers.delete(peer.id)
    this.#fail(this.#queue.leave(peer.id))
    this.#ask()
  }

  offer(peer: Peer.Peer, items: ReadonlyArray<P2PMessage.Inventory>): void {
    this.#queue.offer(peer.id, items)
    this.#ask()
  }

  forgetOffers(type: number): void {
    this.#queue.forgetOffers(type)
    this.#ask()
  }

  refuse(
    peer: Peer.Peer,
    items: ReadonlyArray<P2PMessage.Inventory>,
    fault: "NotFound" | "Invalid"
  ): void {
    this.#fail(this.#queue.refuse(peer.id, items, fault))
    this.#ask()
  }

  isAwaited(peer: Peer.Peer, item: P2PMessage.Inventory): boolean {
    return this.#queue.isAwaited(peer.id, item)
  }

  /** A peer has sent an item. `make` is called when somebody needs it. */
  deliver(peer: Peer.Peer, item: P2PMessage.Inventory, make: () => A): Delivered<A> | "Late" | "Unasked" {
    const delivery = this.#queue.deliver(peer.id, item)
    if (delivery._tag !== "Delivered") return delivery._tag
    const value = make()
    for (const { resume } of delivery.wants) resume(Effect.succeed(value))
    this.#ask()
    return { value, isOffered: delivery.isOffered }
  }

  /** Waits for an item from one of the peers that are accepted. The job is given back when the wait ends. */
  fetch(
    item: P2PMessage.Inventory,
    accepts: (peer: Peer.Peer) => boolean
  ): Effect.Effect<A, DownloadError.DownloadError> {
    const { patience } = this.#options
    if (item.hash.length !== 32) return Effect.die(new Error(`a hash has 32 bytes, not ${item.hash.length}`))
    return Effect.callback<A, DownloadError.DownloadError>((resume) => {
      const waiter = { resume, accepts: this.#remembering(accepts) }
      this.#fail(this.#queue.want(item, waiter))
      this.#ask()
      return Effect.sync(() => {
        this.#queue.release(item, waiter)
        this.#ask()
      })
    }).pipe(Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(failure(item, new DownloadError.TimedOut({ after: patience })))
    }))
  }

  /** The answers for peers that have left are needed, too. */
  #remembering(accepts: (peer: Peer.Peer) => boolean): (id: number) => boolean {
    const answers = new Map<number, boolean>()
    return (id) => {
      const peer = this.#peers.get(id)
      const answer = answers.get(id) ?? (peer !== undefined && accepts(peer))
      answers.set(id, answer)
      return answer
    }
  }

  /** Sends what is to be asked. A peer that takes no message must not hold up the others. */
  #ask(): void {
    const { runner } = this.#options
    for (const { items, peer } of this.#queue.assign(runner.now())) {
      const getdata = P2PMessage.make("getdata", { inventory: items })
      runner.fork(Effect.ignore(this.#peers.get(peer)!.send(getdata)))
    }
    const { deadline } = this.#queue
    if (deadline !== undefined) this.#alarm.set(deadline)
  }

  #fail(failures: ReadonlyArray<DownloadQueue.Failure<Waiter<A>>>): void {
    for (const { asked, item, timedOut, want } of failures) {
      const reason = timedOut > 0
        ? new DownloadError.TimedOut({ after: Duration.millis(this.#options.limits.timeout) })
        : new DownloadError.NotFound({ asked })
      want.resume(Effect.fail(failure(item, reason)))
    }
  }
}

/** Something that was asked for, and whether peers had offered it. @internal */
export interface Delivered<A> {
  readonly value: A
  readonly isOffered: boolean
}

const failure = (item: P2PMessage.Inventory, reason: DownloadError.DownloadError["reason"]) =>
  new DownloadError.DownloadError({ item, reason })
