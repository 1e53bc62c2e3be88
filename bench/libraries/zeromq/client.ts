/**
 * zeromq: a Pair that connects.
 */
import { Pair } from "zeromq"
import * as Channels from "../../harness/channels.ts"
import type { ClientModule } from "../../harness/library.ts"

const highWaterMark = 20_000

const connect: Channels.Connect = async ({ port }, onBody) => {
  const socket = new Pair({ sendHighWaterMark: highWaterMark, receiveHighWaterMark: highWaterMark })
  socket.connect(`tcp://127.0.0.1:${port}`)
  const receive = async () => {
    for await (const [body] of socket) onBody(body!)
  }
  void receive()
  return { send: (body) => socket.send(body), close: () => socket.close() }
}

const { bulk, echo, flood } = Channels.client(connect).workloads

export const workloads: ClientModule["workloads"] = { bulk: bulk!, echo: echo!, flood: flood! }
