/**
 * A piece of receive memory that messages point into.
 *
 * Bytes are read into a slab once and are never moved while somebody may look at them. When every message in a slab
 * has been handled its memory is used again, unless a view of it has left: such a slab is given up to the garbage
 * collector instead, so what a program keeps never changes under it.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * Receive memory with the bookkeeping that says when it may be written again.
 *
 * @category models
 * @since 0.1.0
 */
export interface Slab {
  readonly bytes: Uint8Array
  /** Its size in bytes, also when its memory has been lent to a thread. */
  readonly size: number
  /** Counts how often the memory was given to new content. A reader that remembers an older number has lost its bytes. */
  generation: number
  /** Deliveries that have not finished with the content. */
  holders: number
  /** `true` once a view that may be kept has left. The memory is then never written again. */
  exposed: boolean
}

/**
 * Where slabs come from and go to.
 *
 * @category models
 * @since 0.1.0
 */
export interface SlabSource {
  /** What a busy connection asks for, in bytes. */
  readonly slabSize: number
  /** A slab of at least `size` bytes. Its content is undefined. */
  readonly take: (size: number) => Slab
  /** Gives a slab back that no message points into any more. */
  readonly give: (slab: Slab) => void
}

/**
 * The size of the smallest slabs in bytes: what a connection with little traffic takes.
 *
 * @category constants
 * @since 0.1.0
 */
export const smallestSize = 4096

/**
 * Views up to this many bytes are copied out of a slab instead of being shared.
 *
 * **Details**
 *
 * A copy of this size costs about what making a view costs, and it leaves the slab free to be used again.
 *
 * @category constants
 * @since 0.1.0
 */
export const copyLimit = 512

/**
 * Makes a slab over the given memory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (bytes: Uint8Array): Slab => ({
  bytes,
  size: bytes.length,
  generation: 0,
  holders: 0,
  exposed: false
})

/**
 * Cuts `bytes[start, end)` out of a slab so that the result may be kept for ever.
 *
 * **Details**
 *
 * Up to {@link copyLimit} bytes are copied. More are shared, and the slab is marked so that it is not written again.
 *
 * @category combinators
 * @since 0.1.0
 */
export const cut = (slab: Slab, start: number, end: number): Uint8Array => {
  if (end - start <= copyLimit) return slab.bytes.slice(start, end)
  slab.exposed = true
  return slab.bytes.subarray(start, end)
}

/**
 * A source that allocates each slab and keeps none: for decoding outside a connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sourceUnpooled = (slabSize: number): SlabSource => ({
  slabSize,
  take: (size) => make(new Uint8Array(size)),
  give: () => {}
})
