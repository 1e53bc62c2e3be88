import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as Message from "../../src/domain/Message.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as NodeServing from "../../src/layers/NodeServing.ts"
import * as BanList from "../../src/services/BanList.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import { cookie } from "./fixtures/servingAccess.ts"

const module = new URL("./fixtures/servingAccess.ts", import.meta.url)
const login = { read: Effect.succeedSome(cookie), obtain: Effect.succeed(cookie) }

/** What a new connection hears from both services: the thread, and what each says. */
const visit = (endPoint: string, options: NetworkManager.ConnectOptions) =>
  Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    const connection = yield* manager.connect(endPoint, { ...options, share: false })
    const said = yield* Effect.forEach([42, 43], (serviceId) =>
      Effect.map(connection.request(Message.make({ serviceId, messageId: 0 })), (reply) =>
        CommandFailure.isFailure(reply) ? CommandFailure.read(reply).text : new TextDecoder().decode(reply.body)))
    return {
      thread: said[0]!.split(" ")[0]!,
      said: said.map((text) =>
        text.replace(/^\d+ /, "")
      )
    }
  }).pipe(Effect.scoped)

describe("access on serving threads", () => {
  it.live("is the same in all of them", () =>
    Effect.gen(function*() {
      const { addresses } = yield* NodeServing.make({ module, threads: 2 })
      const threads = new Set<string>()
      for (let i = 0; i < 200 && threads.size < 4; i++) {
        const stranger = yield* visit(addresses[0]!, {})
        assert.deepStrictEqual(stranger.said, ["Anonymous", "Not permitted"])
        const friend = yield* visit(addresses[0]!, { login })
        assert.deepStrictEqual(friend.said, ["CookieHolder", "CookieHolder"])
        threads.add(`stranger ${stranger.thread}`).add(`friend ${friend.thread}`)
      }
      assert.strictEqual(threads.size, 4)
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(Layer.fresh(NodeNetwork.layer()), Layer.fresh(BanList.layerMemory())))
    ), 30_000)
})
