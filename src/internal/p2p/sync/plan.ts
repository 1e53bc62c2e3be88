/**
 * Which peers are asked for headers, and which wait: the state of the synchronisation without its effects.
 *
 * One leads until it has no more. Then all others are asked at once, and whoever has a whole batch leads.
 */
import * as P2PMessage from "../../../domain/p2p/P2PMessage.ts"
import type * as Peer from "../../../services/p2p/Peer.ts"

/**
 * Where a peer stands. Times are milliseconds of the clock.
 *
 * - `Waiting`: it is to be asked when it is its turn.
 * - `Asked`: its answer is awaited since then, and is due: it says that it has what it is asked for.
 * - `Probed`: it may have nothing more. Some nodes say that by their silence.
 * - `Following`: it has nothing that the chain lacks, and will announce what comes.
 *
 * @internal
 */
export type Standing =
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Asked"; readonly since: number }
  | { readonly _tag: "Probed"; readonly since: number }
  | { readonly _tag: "Following" }

/** @internal */
export interface Candidate {
  readonly peer: Peer.Peer
  standing: Standing
  /** Whole batches in a row that did not bring the chain forward. */
  fruitless: number
  /** Announcements in a row that connect to nothing. */
  unconnected: number
}

/** When something is decided, and how high the chain is then. @internal */
export interface Moment {
  readonly now: number
  readonly height: number
}

const waiting: Standing = { _tag: "Waiting" }

const following: Standing = { _tag: "Following" }

/** Batches of side branches in a row that are followed: more headers than are kept of them. */
const maxFruitless = 10

/** As nodes have it. */
const maxUnconnected = 10

/** Nodes announce so many blocks at most by their headers; more than that is an answer, and answers connect. */
const maxAnnounced = 8

const claimsMore = ({ peer }: Candidate, height: number): boolean => peer.version.startHeight > height

/** Whoever has our tip has an answer, since it is asked from one block below; but for the genesis block alone. */
const ask = (candidate: Candidate, moment: Moment): void => {
  if (claimsMore(candidate, Math.max(1, moment.height) - 1)) candidate.standing = { _tag: "Asked", since: moment.now }
  else probe(candidate, moment)
}

const probe = (candidate: Candidate, { now }: Moment): void => {
  candidate.standing = { _tag: "Probed", since: now }
}

/** @internal */
export class Plan {
  readonly #candidates = new Map<Peer.Peer, Candidate>()
  #leader: Candidate | undefined = undefined

  get size(): number {
    return this.#candidates.size
  }

  /** Somebody has answered, and nobody is left to ask. */
  get isSynced(): boolean {
    let isFollowed = false
    for (const { standing } of this.#candidates.values()) {
      if (standing._tag !== "Following") return false
      isFollowed = true
    }
    return isFollowed
  }

  /** The height that the best peer says it has. */
  get target(): number {
    let target = 0
    for (const { peer } of this.#candidates.values()) target = Math.max(target, peer.version.startHeight)
    return target
  }

  /** Whose answer is awaited, since when, and whether it is due. */
  *asked(): IterableIterator<{ readonly candidate: Candidate; readonly since: number; readonly isDue: boolean }> {
    for (const candidate of this.#candidates.values()) {
      const { standing } = candidate
      if (standing._tag === "Asked" || standing._tag === "Probed") {
        yield { candidate, since: standing.since, isDue: standing._tag === "Asked" }
      }
    }
  }

  join(peer: Peer.Peer): Candidate {
    const candidate: Candidate = { peer, standing: waiting, fruitless: 0, unconnected: 0 }
    this.#candidates.set(peer, candidate)
    return candidate
  }

  leave(peer: Peer.Peer): void {
    if (this.#leader?.peer === peer) this.#leader = undefined
    this.#candidates.delete(peer)
  }

  /** Who is to be asked now. */
  next({ height, now }: Moment): ReadonlyArray<Candidate> {
    if (this.#leader !== undefined) return []
    const isChecked = [...this.#candidates.values()].some(({ standing }) =>
      standing._tag === "Following" || standing._tag === "Probed"
    )
    const waiters = [...this.#candidates.values()].filter(({ standing }) => standing._tag === "Waiting")
    if (isChecked) {
      for (const waiter of waiters) ask(waiter, { height, now })
      return waiters
    }
    if (waiters.length === 0) return []
    // Peers that dialled us chose us; those that we dialled were chosen by us.
    const leader = waiters.find(({ peer }) => peer.side === "dialled") ?? waiters[0]!
    this.#leader = leader
    ask(leader, { height, now })
    return [leader]
  }

  /**
   * A batch has been taken. Says whether the peer is to be asked for what follows it, or what is wrong with the peer.
   */
  onTaken(
    candidate: Candidate,
    batch: Moment & { readonly count: number; readonly isProgress: boolean }
  ): "ask" | "enough" | "fruitless" {
    candidate.unconnected = 0
    candidate.fruitless = batch.isProgress || batch.count < P2PMessage.maxHeaders ? 0 : candidate.fruitless + 1
    if (candidate.fruitless > maxFruitless) return "fruitless"
    if (batch.count < P2PMessage.maxHeaders) {
      const isOwing = candidate.standing._tag !== "Following" && claimsMore(candidate, batch.height)
      this.follow(candidate)
      if (!batch.isProgress || !isOwing) return "enough"
      probe(candidate, batch)
      return "ask"
    }
    if (this.#leader !== undefined && this.#leader !== candidate) {
      candidate.standing = waiting
      return "enough"
    }
    this.#leader = candidate
    // Who has given all that it said it had may have no more.
    if (claimsMore(candidate, batch.height)) ask(candidate, batch)
    else probe(candidate, batch)
    return "ask"
  }

  /** It has nothing that the chain lacks, as far as is known. */
  follow(candidate: Candidate): void {
    candidate.standing = following
    if (this.#leader === candidate) this.#leader = undefined
  }

  /** Its turn comes again. */
  postpone(candidate: Candidate): void {
    candidate.standing = waiting
    if (this.#leader === candidate) this.#leader = undefined
  }

  /** It has told of a block that is not known. `true` when it is to be asked. */
  onNews(candidate: Candidate, moment: Moment): boolean {
    if (candidate.standing._tag !== "Following") return false
    ask(candidate, moment)
    return true
  }

  /**
   * Its headers connect to nothing. `false` when that is enough. Before it was asked it can only announce what is far
   * above the chain.
   */
  onUnconnected(candidate: Candidate, count: number): boolean {
    if (count > maxAnnounced) return false
    if (candidate.standing._tag === "Waiting") return true
    candidate.unconnected += 1
    return candidate.unconnected <= maxUnconnected
  }
}
