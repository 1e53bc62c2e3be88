/**
 * grpc-js: unary calls, and a stream in both directions.
 */
import * as Grpc from "@grpc/grpc-js"
import * as Channels from "../../harness/channels.ts"
import type { ClientModule, ClientOptions, Run } from "../../harness/library.ts"
import { definition } from "./service.ts"

const dial = (port: number): Grpc.Client => new Grpc.Client(`127.0.0.1:${port}`, Grpc.credentials.createInsecure())

const connect: Channels.Connect = async ({ port }, onBody) => {
  const { path, requestSerialize, responseDeserialize } = definition.flood
  const stream = dial(port).makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  stream.on("data", onBody)
  return {
    send: (body) =>
      stream.write(Buffer.from(body.buffer)) ? undefined : new Promise((resolve) => stream.once("drain", resolve)),
    close: () => stream.end()
  }
}

const caller = ({ port, size }: ClientOptions): () => Promise<unknown> => {
  const client = dial(port)
  const { path, requestSerialize, responseDeserialize } = definition.echo
  const body = Buffer.alloc(size, 7)
  return () =>
    new Promise((resolve, reject) =>
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        body,
        (error, reply) => error === null ? resolve(reply) : reject(error)
      )
    )
}

const echo: Run = (options) => Channels.echoTimes(options, caller(options))

const pipelined: Run = (options) => Channels.pipelined(options, caller(options))

export const workloads: ClientModule["workloads"] = {
  flood: Channels.client(connect).workloads["flood"]!,
  echo,
  pipelined
}
