/**
 * NATS: the one who publishes.
 */
import { connect as connectNats } from "@nats-io/transport-node"
import * as Channels from "../../harness/channels.ts"
import type { ClientModule, Run } from "../../harness/library.ts"

const dial = (port: number) => connectNats({ servers: `127.0.0.1:${port}` })

const connect: Channels.Connect = async ({ port }, onBody) => {
  const connection = await dial(port)
  connection.subscribe("acknowledged", { callback: (_error, message) => onBody(message.data) })
  await connection.flush()
  return {
    send: (body) => {
      connection.publish("flood", body)
      return undefined
    },
    close: () => connection.close()
  }
}

const pipelined: Run = async (options) => {
  const connection = await dial(options.port)
  const body = new Uint8Array(options.size).fill(7)
  return Channels.pipelined(options, () => connection.request("echo", body, { timeout: 30_000 }))
}

export const workloads: ClientModule["workloads"] = { flood: Channels.client(connect).workloads["flood"]!, pipelined }
