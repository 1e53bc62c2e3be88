/**
 * ws: a WebSocket server without compression.
 */
import { type WebSocket, WebSocketServer } from "ws"
import * as Channels from "../../harness/channels.ts"
import type { ServerModule } from "../../harness/library.ts"

export const serve: ServerModule["serve"] = async ({ port, workload }) => {
  const server = new WebSocketServer({ host: "127.0.0.1", port, perMessageDeflate: false })
  server.on("connection", (socket: WebSocket) => {
    socket.on("message", Channels.answer(workload, (body) => socket.send(body)))
    socket.on("error", () => socket.close())
  })
  await new Promise((resolve) => server.once("listening", resolve))
  return { port: server.address().port, close: async () => server.close() }
}
