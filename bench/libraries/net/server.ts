/**
 * Sockets of Node and nothing above them: `data` events, and messages that are told apart by counting bytes.
 */
import * as Net from "node:net"
import type { ServerModule } from "../../harness/library.ts"

const oneByte = Uint8Array.of(1)

export const serve: ServerModule["serve"] = async ({ port, size, workload }) => {
  const onSocket = (socket: Net.Socket): void => {
    socket.setNoDelay(true)
    socket.on("error", () => socket.destroy())
    let missing = size
    const count = (chunk: Uint8Array) => {
      missing -= chunk.length
      for (; missing <= 0; missing += size) socket.write(oneByte)
    }
    socket.on("data", workload === "bulk" ? count : (chunk) => socket.write(chunk))
  }
  const server = Net.createServer(onSocket)
  await new Promise<void>((resolve) => server.listen({ port, host: "127.0.0.1", backlog: 511 }, resolve))
  return { port: (server.address() as Net.AddressInfo).port, close: async () => server.close() }
}
