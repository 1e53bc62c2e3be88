/**
 * Receive memory that is used again and again, shared by all connections of an event loop.
 *
 * **Details**
 *
 * Connections take slabs when bytes arrive and give them back when the messages in them are handled. The pool keeps a
 * few of those and lets the rest go; it never makes anybody wait. What bounds the memory in use are the limits of the
 * connections.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
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
}

interface Settings {
  readonly slabSize: number
  readonly maxFreeBytes: number
}

const rules: OptionRules.Rules<Settings> = {
  slabSize: OptionRules.count(PacketReader.slabSize, 1, 1_000_000_000),
  maxFreeBytes: OptionRules.count(16 * 1_048_576, 0, 64_000_000_000)
}

/** So many times the next smaller size of a slab, up to the size of those of busy connections. */
const sizeStep = 4

class Pool implements Slab.SlabSource {
  readonly slabSize: number
  readonly #maxFreeBytes: number
  /** Free slabs by size. There are few sizes, so that what one giver leaves fits the next taker. */
  readonly #free = new Map<number, Array<Slab.Slab>>()
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
    const slab = this.#free.get(wanted)?.pop()
    if (slab === undefined) {
      this.#allocated += 1
      return Slab.make(new Uint8Array(wanted))
    }
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
    this.#freeBytes += size
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [slab])
    else free.push(slab)
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

const fromSettings = (settings: Settings): BufferPool["Service"] => {
  const pool = new Pool(settings)
  return {
    slabSize: pool.slabSize,
    take: (size) => pool.take(size),
    give: (slab) => pool.give(slab),
    stats: Effect.sync(() => pool.stats())
  }
}

/**
 * Makes a pool. It needs no closing: it is memory only. Throws `NetworkConfig.BadOption` for an option that cannot be used.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeUnsafe = (options?: Options): BufferPool["Service"] =>
  fromSettings(Result.getOrThrow(OptionRules.resolve(rules, options)))

/**
 * Provides a pool. Without options it cannot fail.
 *
 * @category layers
 * @since 0.1.0
 */
export function layer(): Layer.Layer<BufferPool>
export function layer(options: Options | undefined): Layer.Layer<BufferPool, NetworkConfig.BadOption>
export function layer(options?: Options): Layer.Layer<BufferPool, NetworkConfig.BadOption> {
  return Layer.effect(
    BufferPool,
    Effect.map(Effect.fromResult(OptionRules.resolve(rules, options)), fromSettings)
  )
}
