/**
 * A client of a Hub that speaks in frames over a socket of its own.
 */
import { Effect, Queue, Result } from "effect"
import * as Net from "node:net"
import * as Tagged from "../../src/domain/Tagged.ts"
import * as TaggedParser from "../../src/domain/TaggedParser.ts"

/** A frame in parts: what its header says, and its body. */
export interface Frame {
  /** Of the header, with `HeaderEnd` and without the length before it. */
  readonly header: Uint8Array
  readonly headerValues: ReadonlyArray<Tagged.TaggedValue>
  readonly body: Uint8Array
  readonly bodyValues: ReadonlyArray<Tagged.TaggedValue>
}

export const parse = (frame: Uint8Array): Frame => {
  const parser = TaggedParser.make(frame, { start: 2 })
  while (parser.next() && parser.tag !== 0);
  const header = frame.slice(2, parser.offset)
  const body = frame.slice(parser.offset)
  return {
    header,
    headerValues: Result.getOrThrow(Tagged.decode(header)).slice(0, -1),
    body,
    bodyValues: Result.getOrThrow(Tagged.decode(body))
  }
}

export const format = (header: Uint8Array, body: Uint8Array): Uint8Array => {
  const length = 2 + header.length + body.length
  return Uint8Array.of(length & 255, length >> 8, ...header, ...body)
}

export interface RawHub {
  readonly send: (frame: Uint8Array) => Effect.Effect<void>
  /** The next frame that the Hub sends. */
  readonly next: Effect.Effect<Uint8Array>
}

export const connect = (endPoint: string) =>
  Effect.gen(function*() {
    const frames = yield* Queue.unbounded<Uint8Array>()
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => Net.connect(Number(endPoint.split(":")[1]), "127.0.0.1")),
      (socket) => Effect.sync(() => socket.destroy())
    )
    let received = Buffer.alloc(0)
    socket.on("error", () => {}).on("data", (data: Buffer) => {
      received = Buffer.concat([received, data])
      while (received.length >= 2 && received.length >= received.readUInt16LE()) {
        const length = received.readUInt16LE()
        Queue.offerUnsafe(frames, Uint8Array.from(received.subarray(0, length)))
        received = received.subarray(length)
      }
    })
    const hub: RawHub = {
      send: (frame) => Effect.sync(() => void socket.write(frame)),
      next: Effect.orDie(Effect.timeout(Queue.take(frames), "5 seconds"))
    }
    return hub
  })
