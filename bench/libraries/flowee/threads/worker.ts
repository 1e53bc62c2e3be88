/**
 * effect-flowee: the program of each serving thread. It hashes for each message.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Crypto from "node:crypto"
import process from "node:process"
import * as Message from "../../../../src/domain/Message.ts"
import * as NetworkManager from "../../../../src/services/NetworkManager.ts"

const work = new Uint8Array(Number(process.env["BENCH_WORK_BYTES"]))

export const layer = Layer.effectDiscard(
  Effect.flatMap(NetworkManager.NetworkManager, (manager) =>
    manager.bind(`127.0.0.1:${process.env["BENCH_PORT"]}`, {
      onConnection: (connection) =>
        connection.handle((message) => {
          const hash = Crypto.hash("sha256", work, "buffer")
          return connection.send(Message.reply(message, { body: hash }))
        })
    }))
)
