/**
 * Those who take part in more than one workload.
 */
import type { Contestant, LibraryName } from "../harness/workload.ts"

const contestant = (library: LibraryName, label: string): Contestant => ({
  label,
  library,
  server: `libraries/${library}/server.ts`,
  client: `libraries/${library}/client.ts`
})

export const flowee = contestant("flowee", "effect-flowee")
export const net = contestant("net", "node:net")
export const ws = contestant("ws", "ws")
export const zeromq = contestant("zeromq", "zeromq Pair")
export const nats = contestant("nats", "nats")
export const grpc = contestant("grpc", "grpc-js")
export const effectRpc = contestant("effect-rpc", "Effect RPC")
