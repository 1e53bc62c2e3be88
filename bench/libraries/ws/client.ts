/**
 * ws: a WebSocket client without compression.
 */
import { WebSocket } from "ws"
import * as Channels from "../../harness/channels.ts"
import { idle } from "../../harness/idle.ts"
import type { ClientModule } from "../../harness/library.ts"

const dial = (port: number): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false })
    socket.once("error", reject)
    socket.once("open", () => resolve(socket))
  })

const connect: Channels.Connect = async ({ port }, onBody) => {
  const socket = await dial(port)
  socket.on("message", onBody)
  return {
    send: (body) => {
      socket.send(body)
      return undefined
    },
    close: () => socket.close()
  }
}

const connectIdle = async ({ port }: { readonly port: number }) => {
  const socket = await dial(port)
  return () => socket.ping()
}

export const workloads: ClientModule["workloads"] = {
  ...Channels.client(connect).workloads,
  idle: idle(connectIdle)
}
