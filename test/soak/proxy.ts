/**
 * What lies between some of the clients and a server: it passes bytes on, until it is told to cut or to stall.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import * as Net from "node:net"

interface Link {
  readonly near: Net.Socket
  readonly far: Net.Socket
}

export interface Proxy {
  readonly port: number
  /** Cuts a link at whatever byte it is at. */
  readonly cut: (index: number) => void
  /** Passes nothing on for a while. */
  readonly stall: (index: number, millis: number) => Effect.Effect<void>
}

/** A socket that is ending cannot be reset any more, and would stay. */
const reset = (socket: Net.Socket): unknown => socket.writableEnded ? socket.destroy() : socket.resetAndDestroy()

const cut = ({ far, near }: Link): void => {
  reset(near)
  reset(far)
}

const stall = ({ far, near }: Link, millis: number): Effect.Effect<void> => {
  near.pause()
  far.pause()
  return Effect.andThen(
    Effect.sleep(millis),
    Effect.sync(() => {
      near.resume()
      far.resume()
    })
  )
}

const join = (near: Net.Socket, port: number, links: Set<Link>): void => {
  const far = Net.connect({ host: "127.0.0.1", port, noDelay: true })
  const link = { near, far }
  links.add(link)
  for (const socket of [near, far]) {
    socket.setNoDelay(true)
    socket.on("error", () => cut(link))
    socket.on("close", () => links.delete(link))
  }
  near.on("close", () => far.destroy())
  far.on("close", () => near.destroy())
  near.pipe(far)
  far.pipe(near)
}

/** Listens on loopback, for a server that may come and go. */
export const make = (port: number): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const links = new Set<Link>()
    const server = yield* Effect.acquireRelease(
      Effect.callback<Net.Server>((resume) => {
        const server = Net.createServer((near) => join(near, port, links))
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          for (const link of [...links]) cut(link)
        })
    )
    const at = (index: number): Link | undefined => [...links][index % Math.max(1, links.size)]
    return {
      port: (server.address() as Net.AddressInfo).port,
      cut: (index) => {
        const link = at(index)
        if (link !== undefined) cut(link)
      },
      stall: (index, millis) =>
        Effect.suspend(() => {
          const link = at(index)
          return link === undefined ? Effect.void : stall(link, millis)
        })
    }
  })
