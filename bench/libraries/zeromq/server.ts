/**
 * zeromq: a Pair that is bound. Its socket sends one message at a time, so answers wait for each other.
 */
import { Pair } from "zeromq"
import * as Channels from "../../harness/channels.ts"
import type { ServerModule } from "../../harness/library.ts"

/** Messages that a socket may hold, so that its limits are not what is measured. */
export const highWaterMark = 20_000

export const serve: ServerModule["serve"] = async ({ port, workload }) => {
  const socket = new Pair({ sendHighWaterMark: highWaterMark, receiveHighWaterMark: highWaterMark })
  await socket.bind(`tcp://127.0.0.1:${port === 0 ? "*" : port}`)
  const receive = async () => {
    let sending: Promise<void> | undefined
    const answer = Channels.answer(workload, (body) => {
      sending = socket.send(body)
    })
    for await (const [body] of socket) {
      answer(body!)
      if (sending !== undefined) await sending
      sending = undefined
    }
  }
  void receive()
  return { port: Number(socket.lastEndpoint.split(":").at(-1)), close: async () => socket.close() }
}
