/**
 * Receive memory that is used again and again, shared by all connections of an event loop.
 *
 * **Details**
 *
 * Connections take slabs when bytes arrive and give them back when the messages in them are handled. The pool keeps a
 * few of those and lets the rest go; it never makes anybody wait. A pool that a layer provides also lets go what nobody
 * has needed for a while, so that the memory of a burst does not stay for ever. What bounds the memory in use are the
 * limits of the connections, and `maxBytesInFlight` for all accepted ones together, see `NetworkConfig`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as OptionRules from "../domain/internal/optionRules.ts"
import * as PacketReader from "../domain/PacketReader.ts"
import * as Slab from "../domain/Slab.ts"
import type * as NetworkConfig from "./NetworkConfig.ts"

/**
 * What a pool has in hand and has handed out.
 *
 * @category models
 * @since 0.1.0
 */
export interface Stats {
  /** Slabs that were taken and not given back, and their bytes. */
  readonly taken: number
  readonly takenBytes: number
  /** Bytes of free slabs that the pool keeps. */
  readonly freeBytes: number
  /** Slabs that had to be allocated. */
  readonly allocated: number
}

/**
 * The pool of receive memory.
 *
 * @category services
 * @since 0.1.0
 */
export class BufferPool extends Context.Service<
  BufferPool,
  Slab.SlabSource & {
    readonly stats: Effect.Effect<Stats>
  }
>()("effect-flowee/BufferPool") {}

/**
 * Options of a pool.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Size of the slabs of busy connections in bytes, 1 to 1 GB. Those of others are smaller, and larger ones are made on
   * demand. Default: 262,144.
   */
  readonly slabSize?: number | undefined
  /**
   * Bytes of free slabs that are kept for the next taker, 0 to 64 GB; larger slabs get at most half of it. Default: 16 MB.
   */
  readonly maxFreeBytes?: number | undefined
  /**
   * How long a slab lies free before it is let go, at least 1 ms; it may be twice that. Only pools that a layer provides
   * look. Default: 30 seconds.
   */
  readonly keepFree?: Duration.Input | undefined
}

interface Settings {
  readonly slabSize: number
  readonly maxFreeBytes: number
  readonly keepFree: Duration.Duration
}

const rules: OptionRules.Rules<Settings> = {
  slabSize: OptionRules.count(PacketReader.slabSize, 1, 1_000_000_000),
  maxFreeBytes: OptionRules.count(16 * 1_048_576, 0, 64_000_000_000),
  keepFree: OptionRules.time("30 seconds", 1)
}

/** So many times the next smaller size of a slab, up to the size of those of busy connections. */
const sizeStep = 4

/** Free slabs of one size, those that were given back last on top. */
interface Shelf {
  readonly slabs: Array<Slab.Slab>
  /** So many at the bottom have not been touched since the pool was last looked through. */
  idle: number
}

class Pool implements Slab.SlabSource {
  readonly slabSize: number
  readonly #maxFreeBytes: number
  /** Free slabs by size. There are few sizes, so that what one giver leaves fits the next taker. */
  readonly #shelves = new Map<number, Shelf>()
  /** Without free slabs there is nothing to look after, and no timer that keeps a process alive. */
  readonly #hasFree = Latch.makeUnsafe(false)
  #taken = 0
  #takenBytes = 0
  #freeBytes = 0
  #allocated = 0

  constructor({ maxFreeBytes, slabSize }: Settings) {
    this.slabSize = slabSize
    this.#maxFreeBytes = maxFreeBytes
  }
  take(size: number): Slab.Slab {
    this.#taken += 1
    const wanted = this.#roundUp(size)
    this.#takenBytes += wanted
    const shelf = this.#shelves.get(wanted)
    const slab = shelf?.slabs.pop()
    if (shelf === undefined || slab === undefined) {
      this.#allocated += 1
      return Slab.make(new Uint8Array(wanted))
    }
    if (shelf.slabs.length < shelf.idle) shelf.idle = shelf.slabs.length
    this.#freeBytes -= wanted
    return slab
  }
  give(slab: Slab.Slab): void {
    this.#taken -= 1
    const { size } = slab
    this.#takenBytes -= size
    // A few large slabs, rarely asked for, must not displace all those that every connection needs.
    const limit = size > this.slabSize ? this.#maxFreeBytes / 2 : this.#maxFreeBytes
    if (slab.exposed || this.#freeBytes + size > limit) return
    if (this.#freeBytes === 0) this.#hasFree.openUnsafe()
    this.#freeBytes += size
    const shelf = this.#shelves.get(size)
    if (shelf === undefined) this.#shelves.set(size, { slabs: [slab], idle: 0 })
    else shelf.slabs.push(slab)
  }
  /** Lets go, now and then, of what has lain free ever since the last time. */
  trimEvery(pause: Duration.Duration): Effect.Effect<never> {
    const trim = Effect.andThen(Effect.sleep(pause), Effect.sync(() => this.#trim()))
    return Effect.forever(Effect.andThen(this.#hasFree.await, trim))
  }
  #trim(): void {
    for (const [size, shelf] of this.#shelves) {
      shelf.slabs.splice(0, shelf.idle)
      this.#freeBytes -= shelf.idle * size
      shelf.idle = shelf.slabs.length
    }
    if (this.#freeBytes === 0) this.#hasFree.closeUnsafe()
  }
  #roundUp(size: number): number {
    if (size > this.slabSize) return 2 ** Math.ceil(Math.log2(size))
    let rounded = Slab.smallestSize
    while (rounded < size) rounded *= sizeStep
    return Math.min(rounded, this.slabSize)
  }
  stats(): Stats {
    return { taken: this.#taken, takenBytes: this.#takenBytes, freeBytes: this.#freeBytes, allocated: this.#allocated }
  }
}

const toService = (pool: Pool): BufferPool["Service"] => ({
  slabSize: pool.slabSize,
  take: (size) => pool.take(size),
  give: (slab) => pool.give(slab),
  stats: Effect.sync(() => pool.stats())
})

const trimming = (settings: Settings): Effect.Effect<BufferPool["Service"], never, Scope.Scope> =>
  Effect.suspend(() => {
    const pool = new Pool(settings)
    return Effect.as(Effect.forkScoped(pool.trimEvery(settings.keepFree)), toService(pool))
  })

/**
 * Makes a pool that keeps what is free. It needs no closing: it is memory only. Throws `NetworkConfig.BadOption` for an option that cannot be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeUnsafe = (options?: Options): BufferPool["Service"] =>
  toService(new Pool(Result.getOrThrow(OptionRules.resolve(rules, options))))

/**
 * Provides a pool that lets go what lies free for long. Without options it cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(): Layer.Layer<BufferPool>
export function layer(options: Options | undefined): Layer.Layer<BufferPool, NetworkConfig.BadOption>
export function layer(options?: Options): Layer.Layer<BufferPool, NetworkConfig.BadOption> {
  return Layer.effect(
    BufferPool,
    Effect.flatMap(Effect.fromResult(OptionRules.resolve(rules, options)), trimming)
  )
}
