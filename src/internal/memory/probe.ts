/**
 * A link with an Effect face.
 */
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import type * as MemoryTransport from "../../layers/MemoryTransport.ts"
import * as Transport from "../../services/Transport.ts"

interface QueuedWrite {
  readonly parts: ReadonlyArray<Uint8Array>
  readonly resume: (effect: Effect.Effect<void, Transport.TransportError>) => void
}

interface WaitingRead {
  readonly count: number
  readonly resume: (effect: Effect.Effect<Uint8Array, Transport.TransportError>) => void
}

/** Keeps all that was read until somebody asks for it. */
class Probe {
  readonly reads: Array<number> = []
  readonly #link: Transport.Link
  readonly #memory: Uint8Array
  readonly #writes: Array<QueuedWrite> = []
  readonly #waiting: Array<WaitingRead> = []
  readonly #endWatchers = new Set<() => void>()
  readonly #chunks: Array<Uint8Array> = []
  #available = 0
  #end: { readonly error: Transport.TransportError | undefined } | undefined

  constructor(link: Transport.Link, bufferSize: number) {
    this.#link = link
    this.#memory = new Uint8Array(bufferSize)
    link.start({
      buffer: () => this.#memory,
      onRead: (count) => {
        this.reads.push(count)
        this.#chunks.push(this.#memory.slice(0, count))
        this.#available += count
        this.#serve()
        return true
      },
      onEnd: (error) => {
        this.#end = { error }
        this.#serve()
        for (const resume of this.#endWatchers) resume()
      }
    })
  }

  write(parts: ReadonlyArray<Uint8Array>): Effect.Effect<void, Transport.TransportError> {
    return Effect.callback((resume) => {
      this.#writes.push({ parts, resume })
      if (this.#writes.length === 1) this.#writeNext()
    })
  }
  read(count: number): Effect.Effect<Uint8Array, Transport.TransportError> {
    return Effect.callback((resume) => {
      const waiting = { count, resume }
      this.#waiting.push(waiting)
      this.#serve()
      return Effect.sync(() => {
        const index = this.#waiting.indexOf(waiting)
        if (index >= 0) this.#waiting.splice(index, 1)
      })
    })
  }
  get rest(): Uint8Array {
    return this.#take(this.#available)
  }
  readonly ended: Effect.Effect<Transport.TransportError | undefined> = Effect.callback((resume) => {
    const tell = (): void => {
      if (this.#end !== undefined) resume(Effect.succeed(this.#end.error))
    }
    this.#endWatchers.add(tell)
    tell()
    return Effect.sync(() => this.#endWatchers.delete(tell))
  })

  #writeNext(): void {
    const write = this.#writes[0]
    if (write === undefined) return
    this.#link.write(write.parts, (error) => {
      this.#writes.shift()
      this.#writeNext()
      write.resume(error === undefined ? Effect.void : Effect.fail(error))
    })
  }
  #serve(): void {
    let waiting = this.#waiting[0]
    while (waiting !== undefined && (waiting.count <= this.#available || this.#end !== undefined)) {
      this.#waiting.shift()
      waiting.resume(
        waiting.count <= this.#available
          ? Effect.succeed(this.#take(waiting.count))
          : Effect.fail(this.#end?.error ?? closedHere(this.#link))
      )
      waiting = this.#waiting[0]
    }
  }
  #take(count: number): Uint8Array {
    const taken = new Uint8Array(count)
    let at = 0
    let used = 0
    while (at < count) {
      const chunk = this.#chunks[used]!
      const length = Math.min(chunk.length, count - at)
      taken.set(chunk.subarray(0, length), at)
      at += length
      if (length === chunk.length) used += 1
      else this.#chunks[used] = chunk.subarray(length)
    }
    this.#chunks.splice(0, used)
    this.#available -= count
    return taken
  }
}

const closedHere = (link: Transport.Link): Transport.TransportError =>
  new Transport.TransportError({ problem: "Closed", address: NetAddress.formatSocketAddress(link.remoteAddress) })

/** @internal */
export const make = (link: Transport.Link, bufferSize: number): MemoryTransport.LinkProbe => {
  const probe = new Probe(link, bufferSize)
  return {
    link,
    write: (...parts) => probe.write(parts),
    read: (count) => probe.read(count),
    rest: Effect.sync(() => probe.rest),
    reads: Effect.sync(() => [...probe.reads]),
    ended: probe.ended,
    close: Effect.sync(() => link.close())
  }
}
