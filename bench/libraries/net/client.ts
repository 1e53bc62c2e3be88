/**
 * Sockets of Node and nothing above them.
 */
import * as Net from "node:net"
import * as Channels from "../../harness/channels.ts"
import { idle } from "../../harness/idle.ts"
import type { ClientModule } from "../../harness/library.ts"

const dial = (port: number): Promise<Net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = Net.connect({ port, host: "127.0.0.1", noDelay: true })
    socket.once("error", reject)
    socket.once("connect", () => resolve(socket))
  })

const connect: Channels.Connect = async ({ port, size, workload }, onBody) => {
  const socket = await dial(port)
  // The server says one byte for each body, or the body itself.
  const answerSize = workload === "bulk" ? 1 : size
  let missing = answerSize
  socket.on("data", (chunk) => {
    missing -= chunk.length
    for (; missing <= 0; missing += answerSize) onBody(chunk)
  })
  return {
    send: (body) => {
      socket.write(body)
      return undefined
    },
    close: () => socket.destroy()
  }
}

const { bulk, echo } = Channels.client(connect).workloads

const connectIdle = async ({ port }: { readonly port: number }) => {
  const socket = await dial(port)
  socket.on("data", () => {})
  return () => void socket.write("p")
}

export const workloads: ClientModule["workloads"] = { echo: echo!, bulk: bulk!, idle: idle(connectIdle) }
