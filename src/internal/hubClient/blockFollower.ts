/**
 * The way of one subscriber along the chain: every block once, in order, and every block that leaves the chain.
 *
 * That there is a new block is only a hint, as is the end of a gap: the Hub is then asked for headers, from the last block
 * on that the subscriber knows, and each has to follow the one before. When many blocks come at once, the first of them is
 * the hint that brings them all.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as HubBlockChain from "../../domain/hub/HubBlockChain.ts"
import type * as HubBlockNotification from "../../domain/hub/HubBlockNotification.ts"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubQuantity from "../../domain/hub/HubQuantity.ts"
import * as HubError from "../../services/hub/HubError.ts"
import * as HubEvent from "../../services/hub/HubEvent.ts"
import type * as Feed from "./feed.ts"
import type * as Services from "./services.ts"

/**
 * What a follower asks the Hub.
 *
 * @internal
 */
export interface Questions {
  readonly tip: Effect.Effect<HubBlockChain.Info, HubError.HubError>
  readonly header: (
    height: HubQuantity.BlockHeight
  ) => Effect.Effect<HubBlockChain.Header | undefined, HubError.HubError>
  /** What the answers of one socket have in common, and no other: the same value as long as it lasts. */
  readonly session: Effect.Effect<unknown>
  /** Whether an error only says that the connection is gone. A gap is told when it is back. */
  readonly isForLater: (error: HubError.HubError) => Effect.Effect<boolean>
}

/** An answer came over another socket than the one before: a gap is told first. */
class SocketChanged extends Data.TaggedError("SocketChanged")<{}> {}

type Failure = HubError.HubError | SocketChanged

type Events = ReadonlyArray<HubEvent.BlockEvent>

interface Step {
  readonly events: Events
  /** Whether the subscriber is where the Hub is. */
  readonly isThere: boolean
}

const none: Events = []

/** So many of the last blocks are remembered, to notice when they leave the chain. No reorganisation was ever as deep. */
const remembered = 1000

/** So many headers are asked for at a time. */
const headersAtOnce = 32

/** A chain changes while it is asked for, but not at each question. */
const maxContradictions = 5

/** @internal */
export class BlockFollower {
  readonly #questions: Questions
  /** The height of the last block that the subscriber knows. */
  #tip: number
  readonly #hashes = new Map<number, HubHash.BlockHash>()

  constructor(questions: Questions, tip: number, hash: HubHash.BlockHash | undefined) {
    this.#questions = questions
    this.#tip = tip
    if (hash !== undefined) this.#hashes.set(tip, hash)
  }

  /** What follows for the subscriber from what was told. */
  follow(told: Feed.Told<Services.BlockNews>): Stream.Stream<HubEvent.BlockEvent, HubError.HubError> {
    switch (told._tag) {
      case "Subscribed":
        return this.#catchUp
      case "Gap":
        return Stream.concat(Stream.succeed(told), this.#catchUp)
      case "Added":
        return this.#knows(told.block) ? Stream.empty : this.#catchUp
      case "Removed":
        return Stream.fromIterable(this.#onRemoved(told.blocks))
    }
  }

  /** Blocks that the subscriber does not know are not taken from it. */
  #onRemoved(blocks: ReadonlyArray<HubBlockNotification.BlockRef>): Events {
    const removed: Array<HubBlockNotification.BlockRef> = []
    for (const block of [...blocks].sort((a, b) => b.height - a.height)) {
      if (block.height !== this.#tip || !this.#knows(block)) continue
      removed.push(block)
      this.#pop()
    }
    return toRemoved(removed)
  }

  /** A block so long past that its hash is forgotten, or from before the subscriber came, is taken for the same. */
  #knows({ hash, height }: HubBlockNotification.BlockRef): boolean {
    return height <= this.#tip && (this.#hashes.get(height) ?? hash) === hash
  }

  #push({ hash, height }: HubBlockNotification.BlockRef): HubEvent.BlockEvent {
    this.#tip = height
    this.#hashes.set(height, hash)
    this.#hashes.delete(height - remembered)
    return HubEvent.BlockEvent.Block({ hash, height })
  }

  #pop(): void {
    this.#hashes.delete(this.#tip)
    this.#tip -= 1
  }

  /** Asks until the subscriber is where the Hub is. */
  get #catchUp(): Stream.Stream<HubEvent.BlockEvent, HubError.HubError> {
    return Stream.paginate(0, (contradictions) =>
      Effect.flatMap(this.#step, ({ events, isThere }) => {
        if (isThere) return Effect.succeed([events, Option.none<number>()] as const)
        if (events.length > 0) return Effect.succeed([events, Option.some(0)] as const)
        return contradictions < maxContradictions
          ? Effect.succeed([events, Option.some(contradictions + 1)] as const)
          : Effect.fail(contradiction)
      })).pipe(Stream.catch((error) => this.#recover(error)))
  }

  /** What failed for want of a connection is done when there is one again: a gap is told then. */
  #recover(error: Failure): Stream.Stream<never, HubError.HubError> {
    if (error._tag === "SocketChanged") return Stream.empty
    return Stream.unwrap(
      Effect.map(this.#questions.isForLater(error), (later) => later ? Stream.empty : Stream.fail(error))
    )
  }

  /** Some steps forth or back. Without any the answers do not fit each other, unless the subscriber is there. */
  get #step(): Effect.Effect<Step, Failure> {
    return Effect.gen({ self: this }, function*() {
      const { bestBlock, blocks } = yield* this.#ask(this.#questions.tip)
      // A subscriber that waits for blocks to come is ahead of the chain.
      const isThere = () =>
        this.#tip === blocks ? (this.#hashes.get(blocks) ?? bestBlock) === bestBlock : this.#isAheadOf(blocks)
      if (isThere()) return { events: none, isThere: true }
      const added = this.#tip < blocks ? yield* this.#forth(blocks) : none
      if (added.length > 0) return { events: added, isThere: isThere() }
      return { events: toRemoved(yield* this.#back(blocks)), isThere: false }
    })
  }

  #isAheadOf(height: number): boolean {
    return this.#tip > height && !this.#hashes.has(this.#tip)
  }

  #header(height: HubQuantity.BlockHeight): Effect.Effect<HubBlockChain.Header | undefined, Failure> {
    return this.#ask(this.#questions.header(height))
  }

  #ask<A>(question: Effect.Effect<A, HubError.HubError>): Effect.Effect<A, Failure> {
    return Effect.gen({ self: this }, function*() {
      const before = yield* this.#questions.session
      const answer = yield* question
      return before === (yield* this.#questions.session) ? answer : yield* new SocketChanged()
    })
  }

  /** Gives up the blocks that are not on the chain any more: all at once, so that nothing is given up and not told. */
  #back(height: number): Effect.Effect<ReadonlyArray<HubBlockNotification.BlockRef>, Failure> {
    return Effect.gen({ self: this }, function*() {
      const removed: Array<HubBlockNotification.BlockRef> = []
      for (let at = this.#tip; this.#hashes.has(at); at--) {
        const block = { hash: this.#hashes.get(at)!, height: HubQuantity.BlockHeight.make(at) }
        if (at <= height && (yield* this.#header(block.height))?.hash === block.hash) break
        removed.push(block)
      }
      for (const _ of removed) this.#pop()
      return removed
    })
  }

  /** Goes on to the next blocks, as far as each one follows the last. */
  #forth(height: number): Effect.Effect<Events, Failure> {
    const count = Math.min(height - this.#tip, headersAtOnce)
    const heights = Array.from({ length: count }, (_, i) => HubQuantity.BlockHeight.make(this.#tip + 1 + i))
    return Effect.map(
      Effect.forEach(heights, (height) => this.#header(height), { concurrency: "unbounded" }),
      (headers) => {
        const events: Array<HubEvent.BlockEvent> = []
        for (const header of headers) {
          const previous = this.#hashes.get(this.#tip)
          const follows = header?.height === this.#tip + 1 && (previous === undefined || header.previous === previous)
          if (!follows) break
          events.push(this.#push({ hash: header.hash, height: header.height }))
        }
        return events
      }
    )
  }
}

const toRemoved = (blocks: ReadonlyArray<HubBlockNotification.BlockRef>): Events =>
  blocks.length === 0 ? none : [HubEvent.BlockEvent.BlocksRemoved({ blocks })]

const contradiction = HubError.senselessReply("getBlockHeader", "the headers are not those of one chain")
