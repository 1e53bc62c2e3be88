/**
 * The memory that all accepted connections of a manager may hold together: what was received and is not done with, and
 * what waits to be sent.
 *
 * It is counted when slabs are taken and given back, and when a lane has grown or shrunk by a step, so a message by
 * itself costs nothing. Who dials is the program: connections that it has dialled are not counted.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as Slab from "../domain/Slab.ts"
import * as DisconnectReason from "../services/DisconnectReason.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import * as Holders from "./holders.ts"
import type * as Runner from "./runner.ts"

/** Who holds memory, and gives it back when it is ended. @internal */
export interface Owner {
  readonly remoteAddress: NetAddress.SocketAddress
  readonly end: (reason: DisconnectReason.TooMuchMemory) => void
}

/** Who holds no more than this is never asked to give way, in bytes. */
const little = 65_536

/** From this part of the limit on, those who let much wait in their lanes are read from more slowly. */
const pressure = 3 / 4

/** What is told of connections that were ended is told so often, at most. */
const tellEvery = "1 minute"

/** The part of one connection. It is where the connection takes its receive memory from. @internal */
export class Holding implements Slab.SlabSource, Holders.Holding {
  readonly slabSize: number
  /** What it holds in all, and what of it waits in lanes. */
  bytes = 0
  queued = 0
  address: NetAddress.SocketAddress | undefined = undefined
  readonly #source: Slab.SlabSource
  readonly #budget: Budget
  #owner: Owner | undefined = undefined

  constructor(source: Slab.SlabSource, budget: Budget) {
    this.slabSize = source.slabSize
    this.#source = source
    this.#budget = budget
  }

  get isOpen(): boolean {
    return this.#owner !== undefined
  }

  /** Says who is ended when this is too much. */
  open(owner: Owner): void {
    this.#owner = owner
    this.address = owner.remoteAddress
  }

  /** The connection has ended, by itself or by this. What is still held counts until it is given back. */
  close(): void {
    this.#owner = undefined
  }

  end(reason: DisconnectReason.TooMuchMemory): void {
    const owner = this.#owner
    this.close()
    owner?.end(reason)
  }

  take(size: number): Slab.Slab {
    const slab = this.#source.take(size)
    this.#change(slab.size)
    return slab
  }

  give(slab: Slab.Slab): void {
    this.#change(-slab.size)
    this.#source.give(slab)
  }

  /** So many bytes more, or fewer, wait in a lane. */
  readonly onQueued = (bytes: number): void => {
    this.queued += bytes
    this.#change(bytes)
  }

  /** Whether it had better take some of what waits for it before it asks for more. */
  get mustWait(): boolean {
    return this.queued > little && this.#budget.isTight(this)
  }

  #change(bytes: number): void {
    this.bytes += bytes
    this.#budget.change(this, bytes)
  }
}

/** @internal */
export class Budget {
  /** What all hold together, in bytes. */
  held = 0
  readonly #runner: Runner.Runner
  readonly #holders = new Holders.Holders()
  #limit = 0
  #willRelieve = false
  #isTelling = false
  #ended = 0
  #endedBytes = 0
  #lastEnded = ""

  constructor(settings: NetworkConfig.Settings, runner: Runner.Runner) {
    this.#runner = runner
    this.makeRoomFor(settings)
  }

  /** A message of the largest size, or a full lane, must fit whatever the limit says, also while its memory grows. */
  makeRoomFor({ laneBytes, maxBytesInFlight, maxMessageBytes }: NetworkConfig.Settings): void {
    this.#limit = Math.max(this.#limit, maxBytesInFlight, 2 * maxMessageBytes, 2 * laneBytes)
  }

  hold(source: Slab.SlabSource): Holding {
    return new Holding(source, this)
  }

  change(holding: Holding, bytes: number): void {
    this.held += bytes
    if (holding.bytes > little || holding.bytes - bytes > little) this.#rank(holding, bytes)
    if (bytes > 0 && this.held > this.#limit) this.#relieveSoon()
  }

  /** Only few hold so much that it matters who they are. */
  #rank(holding: Holding, bytes: number): void {
    const { address } = holding
    if (!this.#holders.has(holding)) {
      if (address !== undefined && holding.bytes > little) this.#holders.add(holding, address)
      return
    }
    this.#holders.change(holding, bytes)
    if (holding.bytes <= little) this.#holders.remove(holding)
  }

  /** An address may hold as much as is left for all others, when little is left. */
  isTight(holding: Holding): boolean {
    return this.held > pressure * this.#limit && this.#holders.ofAddress(holding) > this.#limit - this.held
  }

  /** Later in the same turn of the event loop: whoever is ended must not be in the middle of a read. */
  #relieveSoon(): void {
    if (this.#willRelieve) return
    this.#willRelieve = true
    queueMicrotask(() => {
      this.#willRelieve = false
      this.#runner.fork(Effect.catchCause(
        Effect.sync(() => this.#relieve()),
        (cause) => Effect.logError("Ending a connection that held too much died", Cause.squash(cause))
      ))
    })
  }

  #relieve(): void {
    while (this.held > this.#limit) {
      const largest = this.#holders.largest() as Holding | undefined
      if (largest === undefined) break
      const { address, bytes } = largest
      if (address !== undefined) this.#lastEnded = NetAddress.formatSocketAddress(address)
      this.#ended += 1
      this.#endedBytes += bytes
      largest.end(new DisconnectReason.TooMuchMemory({ held: bytes, limit: this.#limit }))
    }
    if (this.#isTelling || this.#ended === 0) return
    this.#isTelling = true
    this.#runner.fork(this.#tell)
  }

  /** At once, and then for as long as there is more to tell of. */
  readonly #tell: Effect.Effect<void> = Effect.suspend(() => {
    const connections = this.#ended
    const bytes = this.#endedBytes
    this.#ended = 0
    this.#endedBytes = 0
    if (connections === 0) {
      this.#isTelling = false
      return Effect.void
    }
    const what = connections === 1 ? "a connection" : `${connections} connections`
    const why = `accepted connections may hold ${this.#limit} together (maxBytesInFlight)`
    return Effect.logWarning(`Ended ${what} that held ${bytes} bytes, the last from ${this.#lastEnded}: ${why}`).pipe(
      Effect.andThen(Effect.sleep(tellEvery)),
      Effect.andThen(this.#tell)
    )
  })
}
