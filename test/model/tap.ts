/**
 * A transport that writes down what goes over its links: the truth that the model is held against.
 */
import { type Clock, Effect, References } from "effect"
import { NetAddress } from "effect/net"
import type * as Transport from "../../src/services/Transport.ts"

/** What one side of a link has done, for as long as it was open. */
export interface Wire {
  readonly side: "dialled" | "accepted"
  readonly local: string
  readonly remote: string
  /** When it was made, in milliseconds of the clock. */
  readonly begun: number
  /** The connection that dialled it. */
  readonly connection: number | undefined
  readonly offered: Array<Uint8Array>
  /** How many of the offered bytes the network had taken, and said so, before the link ended. */
  taken: number
  readonly read: Array<Uint8Array>
  /** How often its end was told. */
  ends: number
  isEnded: boolean
}

export const text = NetAddress.formatSocketAddress

const copy = (parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(Buffer.concat(parts))

const tapLink = (link: Transport.Link, wire: Wire): Transport.Link => ({
  remoteAddress: link.remoteAddress,
  localAddress: link.localAddress,
  start: (receiver) => {
    let memory: Uint8Array = new Uint8Array(0)
    link.start({
      buffer: () => {
        memory = receiver.buffer()
        return memory
      },
      onRead: (count) => {
        if (!wire.isEnded) wire.read.push(memory.slice(0, count))
        return receiver.onRead(count)
      },
      onEnd: (error) => {
        wire.isEnded = true
        wire.ends += 1
        receiver.onEnd(error)
      }
    })
  },
  pause: () => link.pause(),
  resume: () => link.resume(),
  write: (parts, done) => {
    const bytes = copy(parts)
    if (!wire.isEnded) wire.offered.push(bytes)
    const take = () => {
      if (!wire.isEnded) wire.taken += bytes.length
    }
    const isTaken = link.write(parts, (error) => {
      if (error === undefined) take()
      done(error)
    })
    if (isTaken) take()
    return isTaken
  },
  close: () => {
    wire.isEnded = true
    link.close()
  }
})

/** Adds a wire to `wires` for each link that is dialled or accepted. */
export const tap = (
  transport: Transport.Transport["Service"],
  wires: Array<Wire>,
  clock: Clock.Clock
): Transport.Transport["Service"] => {
  const add = (side: Wire["side"], link: Transport.Link, connection: number | undefined) => {
    const wire: Wire = {
      side,
      local: text(link.localAddress),
      remote: text(link.remoteAddress),
      begun: clock.currentTimeMillisUnsafe(),
      connection,
      offered: [],
      taken: 0,
      read: [],
      ends: 0,
      isEnded: false
    }
    wires.push(wire)
    return { tapped: tapLink(link, wire), wire }
  }
  const connect = Effect.fnUntraced(function*(address: NetAddress.SocketAddress) {
    const annotations = yield* References.CurrentLogAnnotations
    const link = yield* transport.connect(address)
    const { tapped, wire } = add("dialled", link, Number(annotations["connection"]))
    // A link is closed with its scope, too.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        wire.isEnded = true
      })
    )
    return tapped
  })
  return {
    connect,
    listen: (address, onLink) => transport.listen(address, (link) => onLink(add("accepted", link, undefined).tapped))
  }
}
