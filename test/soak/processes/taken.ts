/**
 * What the operating system has taken of each lane, seen from outside of the library: its writes are read again as a peer
 * would read them. What the library says of its own lanes does not count.
 */
import { Effect, Result } from "effect"
import * as NativeEnvelope from "../../../src/domain/NativeEnvelope.ts"
import * as PacketReader from "../../../src/domain/PacketReader.ts"
import * as Slab from "../../../src/domain/Slab.ts"
import type * as Transport from "../../../src/services/Transport.ts"
import * as Protocol from "../protocol.ts"

/** The last numbers of both lanes that had been taken. */
export type Numbers = Readonly<Record<Protocol.Lane, number>>

export interface Watcher {
  /** A socket has ended, and why; by then this had been taken, on all sockets together. */
  readonly onEnd: (taken: Numbers, error: Transport.TransportError | undefined) => void
  /** Something was written that is not in the format, or not what comes next: on a new socket as on the same one. */
  readonly onProblem: (problem: string) => void
}

/** Passes a transport on that tells of what is dialled with it, one socket after another. */
export const tap = (transport: Transport.Transport["Service"], watcher: Watcher): Transport.Transport["Service"] => {
  const taken: Record<Protocol.Lane, number> = { normal: 0, high: 0 }
  const onMessage = (message: Parameters<typeof Protocol.readNumbered>[0]): void => {
    if (message.messageId !== Protocol.Id.numbered) return
    const read = Protocol.readNumbered(message)
    if (read === undefined) return watcher.onProblem("a message was written that is not as it was made")
    const { lane, number } = read
    if (number !== taken[lane] + 1) watcher.onProblem(`${lane} lane: number ${number} left after number ${taken[lane]}`)
    taken[lane] = number
  }
  return {
    connect: (address) => Effect.map(transport.connect(address), (link) => tapLink(link, watcher, taken, onMessage)),
    listen: transport.listen
  }
}

const tapLink = (
  link: Transport.Link,
  watcher: Watcher,
  taken: Numbers,
  onMessage: (message: Parameters<typeof Protocol.readNumbered>[0]) => void
): Transport.Link => {
  // Little memory each: what clients use is measured.
  const reader = PacketReader.make(NativeEnvelope.envelope, { slabs: Slab.sourceUnpooled(Slab.smallestSize) })
  let isEnded = false
  const end = (error: Transport.TransportError | undefined): void => {
    if (isEnded) return
    isEnded = true
    reader.close()
    watcher.onEnd({ ...taken }, error)
  }
  const take = (parts: ReadonlyArray<Uint8Array>): void => {
    if (isEnded) return
    for (const part of parts) {
      const read = reader.push(part)
      if (Result.isFailure(read)) return watcher.onProblem(`what was written cannot be read: ${read.failure.message}`)
      for (const message of read.success) onMessage(message)
    }
  }
  return {
    remoteAddress: link.remoteAddress,
    localAddress: link.localAddress,
    start: (receiver) =>
      link.start({
        buffer: () => receiver.buffer(),
        onRead: (count) => receiver.onRead(count),
        onEnd: (error) => {
          end(error)
          receiver.onEnd(error)
        }
      }),
    pause: () => link.pause(),
    resume: () => link.resume(),
    write: (parts, done) => {
      const isTaken = link.write(parts, (error) => {
        if (error === undefined) take(parts)
        else end(error)
        done(error)
      })
      if (isTaken) take(parts)
      return isTaken
    },
    close: () => {
      end(undefined)
      link.close()
    }
  }
}
