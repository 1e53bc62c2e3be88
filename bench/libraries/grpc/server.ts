/**
 * grpc-js: unary calls, and streams in both directions.
 */
import * as Grpc from "@grpc/grpc-js"
import type { Duplex } from "node:stream"
import * as Channels from "../../harness/channels.ts"
import type { ServerModule } from "../../harness/library.ts"
import { definition } from "./service.ts"

export const serve: ServerModule["serve"] = async ({ port, workload }) => {
  const server = new Grpc.Server()
  server.addService(definition, {
    echo: ({ request }: { readonly request: Buffer }, callback: Grpc.Callback) => callback(null, request),
    flood: (stream: Duplex) => {
      stream.on("data", Channels.answer(workload, (body) => stream.write(Buffer.from(body))))
      stream.on("end", () => stream.end())
    }
  })
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(
      `127.0.0.1:${port}`,
      Grpc.ServerCredentials.createInsecure(),
      (error, bound) => error === null ? resolve(bound) : reject(error)
    )
  )
  return { port: bound, close: async () => server.forceShutdown() }
}
