/**
 * The service that gRPC is measured with. Bodies are bytes: no time is spent on Protocol Buffers.
 */
import type { MethodDefinition } from "@grpc/grpc-js"

const asIs = (body: Buffer): Buffer => body

const method = (name: string, isStream: boolean): MethodDefinition => ({
  path: `/bench.Bench/${name}`,
  requestStream: isStream,
  responseStream: isStream,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs
})

export const definition = { echo: method("Echo", false), flood: method("Flood", true) }
