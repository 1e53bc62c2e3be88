/**
 * What can be done to connections in a test: delay, loss, cuts, wrong bytes, links that are dead without anybody being
 * told, dials that get no answer.
 *
 * **Details**
 *
 * `MemoryTransport` has these controls for a network inside one process, `FaultProxy` for real sockets. Faults stay
 * until they are healed, except for those that happen at once or at a byte.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as NetAddress from "effect/net/NetAddress"

/**
 * What a path does to the bytes on it. An option that is left out keeps its value.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conditions {
  /** How long bytes are under way, in one direction; a dial takes twice that. Default: 0. */
  readonly delay?: Duration.Input | undefined
  /** Each segment takes longer by a random time up to this, and holds up what is behind it. Default: 0. */
  readonly jitter?: Duration.Input | undefined
  /** Bytes per second that each direction of each link carries. Default: no limit. */
  readonly bandwidth?: number | undefined
  /**
   * The probability with which a segment is lost: at least 0 and less than 1. As TCP does, the network sends it again
   * after `retransmission`, where it may be lost again. So it arrives late, and what was sent after it waits for it.
   * Default: 0.
   */
  readonly loss?: number | undefined
  /** How long it takes until a lost segment is sent again. Default: 200 milliseconds. */
  readonly retransmission?: Duration.Input | undefined
  /** The probability, from 0 to 1, with which one bit of a segment arrives changed. Default: 0. */
  readonly corruption?: number | undefined
  /**
   * How many bytes travel together: every write is cut into segments of this size, and one read never returns bytes of
   * two of them. With 1 bytes arrive one by one. `"random"` cuts anew for each segment, at 1 to 1,460 bytes.
   * Default: infinite, which is one segment per write, and reads return as much as has arrived.
   */
  readonly segmentSize?: number | "random" | undefined
  /** Bytes in one direction that were written and not read yet. A write is done when all of it fits. Default: 262,144. */
  readonly window?: number | undefined
}

/**
 * A host with all its ports (`"10.0.0.7"`, `"fd00::7"`), or one address (`"10.0.0.7:1234"`, `"[fd00::7]:1234"`,
 * `"/run/hub.sock"`). The address of a link's dialling side names that link alone. Text that is neither is a defect.
 *
 * @category models
 * @since 0.1.0
 */
export type Place = string | NetAddress.IpAddress | NetAddress.SocketAddress

/**
 * The links that a control is about: one by its id, all that begin or end at a place, all between two places, whichever
 * of them dials, or all there are (`"everywhere"`).
 *
 * @category models
 * @since 0.1.0
 */
export type Where = number | Place | readonly [Place, Place]

/**
 * One direction of a link.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "toListener" | "toDialler"

/**
 * How a dial can be turned down.
 *
 * @category models
 * @since 0.1.0
 */
export type Refusal = "Refused" | "Unreachable" | "TimedOut"

/**
 * A dial that has had no answer yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface DialInfo {
  /** Counts up from 1 in the order in which dials began. */
  readonly id: number
  /** Where it was dialled from. */
  readonly dialler: NetAddress.SocketAddress
  /** The address that was dialled. */
  readonly listener: NetAddress.SocketAddress
}

/**
 * A link that has not ended on both sides.
 *
 * @category models
 * @since 0.1.0
 */
export interface LinkInfo {
  /** Counts up from 1 in the order in which links were accepted. */
  readonly id: number
  /** Where the link was dialled from. */
  readonly dialler: NetAddress.SocketAddress
  /** The address that was dialled. */
  readonly listener: NetAddress.SocketAddress
  readonly toListener: Traffic
  readonly toDialler: Traffic
}

/**
 * Bytes in one direction of a link since it was made.
 *
 * @category models
 * @since 0.1.0
 */
export interface Traffic {
  /** Bytes that went into the window. */
  readonly written: number
  /** Bytes that the receiver has read. */
  readonly delivered: number
}

/**
 * Controls what happens to links.
 *
 * @category models
 * @since 0.1.0
 */
export interface FaultControls {
  /**
   * Changes the conditions everywhere, or on some paths. What is set for a path outweighs what is set for all, and where
   * several settings meet, the last one counts. Bytes that are under way are not affected.
   */
  readonly setConditions: (conditions: Conditions, where?: Where) => Effect.Effect<void>

  /** All links, in the order in which they were accepted. */
  readonly links: Effect.Effect<ReadonlyArray<LinkInfo>>
  /** The oldest link there. Waits until there is one. */
  readonly awaitLink: (where: Where) => Effect.Effect<LinkInfo>

  /**
   * Cuts links, and returns how many. Both sides are told at once, with `Reset`. Bytes that are under way or that a
   * receiver has not read are lost.
   */
  readonly cut: (where: Where) => Effect.Effect<number>
  /**
   * Cuts each link there when its receiver has read exactly that many more bytes in one direction. When there is no
   * link, the next one that is made will be cut.
   */
  readonly cutAfter: (where: Where, bytes: number, direction: Direction) => Effect.Effect<void>
  /**
   * Ends one direction of links, and returns how many links: its receiver is told `Closed` behind all bytes that were
   * written before. The writer is not told, and what it still writes is lost. It learns of the end when the receiver
   * closes its own direction, which connections do at once.
   */
  readonly halfClose: (where: Where, direction: Direction) => Effect.Effect<number>
  /**
   * Changes one byte in one direction of each link there: all bits of the byte that follows after that many more. When
   * there is no link, it happens to the next one that is made.
   */
  readonly corruptAfter: (where: Where, bytes: number, direction: Direction) => Effect.Effect<void>
  /**
   * Lets nothing pass in one direction or in both, and tells nobody: writes are done until the window is full, a side
   * that closes its link does so alone, dials get no answer. When it is healed, all of it is sent again and arrives.
   *
   * **Gotchas**
   *
   * For a half-open link, which one side believes in and the other has given up: `blackhole` it, then close one side.
   */
  readonly blackhole: (where: Where, direction?: Direction | "both") => Effect.Effect<void>
  /** Lets nothing pass between two places: the same as `blackhole([a, b])`. */
  readonly partition: (a: Place, b: Place) => Effect.Effect<void>

  /** Turns down every dial to or from a place. Links that exist are not affected. Default problem: `Refused`. */
  readonly refuse: (where: Where, problem?: Refusal) => Effect.Effect<void>
  /** Leaves every dial to or from a place without an answer. Links that exist are not affected. */
  readonly hang: (where: Where) => Effect.Effect<void>
  /** The dials that have had no answer, in the order in which they began. */
  readonly dials: Effect.Effect<ReadonlyArray<DialInfo>>
  /** Waits until there are that many such dials, or more. */
  readonly awaitDials: (count: number) => Effect.Effect<ReadonlyArray<DialInfo>>
  /**
   * Lets one dial through where others hang, and returns whether there was such a dial: so a test decides in which
   * order connections are accepted.
   */
  readonly letThrough: (dial: number) => Effect.Effect<boolean>

  /**
   * Takes back `blackhole`, `partition`, `refuse`, `hang`, `cutAfter` and `corruptAfter`: those with the same `where`, or
   * all. Dials that had no answer go on.
   */
  readonly heal: (where?: Where) => Effect.Effect<void>
}
