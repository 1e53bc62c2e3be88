/**
 * A listener on a real socket of this machine.
 */
import { Context, Effect, Layer, Logger, References, type Scope } from "effect"
import * as Net from "node:net"
import * as Message from "../../../src/domain/Message.ts"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as BanList from "../../../src/services/BanList.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import { portOf } from "../../utils/links.ts"
import { Random } from "../../utils/native.ts"
import { equal } from "../harness/expect.ts"
import { digest } from "../harness/inputs.ts"
import type { Server } from "../harness/target.ts"
import { native } from "../targets/native.ts"
import { askEcho, echoService, readThrough } from "./envelopes.ts"

/** All come from one address here, so nobody is banned. */
const Manager = Layer.effect(NetworkManager.NetworkManager, NetworkManager.make).pipe(
  Layer.provide(BanList.layerMemory({ threshold: 1_000_000 })),
  Layer.provide(NodeNetwork.layer())
)

const makeManager = Effect.map(
  // Not the one that is there already.
  Layer.build(Layer.fresh(Manager)),
  (context) => Context.get(context, NetworkManager.NetworkManager)
)

/** Milliseconds after which a stranger hangs up that was not turned away. */
const patience = 30

/** Says an input in pieces over a socket of its own, and tells how that ended. */
const stranger = (port: number, input: Uint8Array): Effect.Effect<string> =>
  Effect.callback<string>((resume) => {
    const random = new Random(digest(input))
    const socket = Net.connect(port, "127.0.0.1")
    let timer: NodeJS.Timeout | undefined
    let ending = "stayed"
    let at = 0
    const hangUp = (how: number): void => {
      if (how === 0) socket.resetAndDestroy()
      if (how === 1) socket.end()
    }
    const sayOn = (): void => {
      if (socket.destroyed) return
      const length = random.chance(50) ? input.length - at : 1 + random.below(Math.min(300, input.length - at))
      socket.write(input.subarray(at, at + length))
      at += length
      if (at < input.length) setImmediate(sayOn)
      else hangUp(random.below(5))
    }
    socket.on("error", () => {
      ending = "reset"
    })
    socket.on("end", () => {
      ending = "turned away"
    })
    socket.on("close", () => {
      clearTimeout(timer)
      resume(Effect.succeed(ending))
    })
    socket.on("connect", () => {
      timer = setTimeout(() => socket.destroy(), patience)
      sayOn()
    })
    socket.resume()
  })

const isError = (level: string): boolean => level === "Error" || level === "Fatal"

const meet = Effect.fnUntraced(function*(
  inputs: ReadonlyArray<Uint8Array>
): Effect.fn.Return<ReadonlyArray<string>, unknown, Scope.Scope> {
  const manager = yield* makeManager
  yield* manager.register(
    echoService,
    (connection) =>
      Effect.succeed((request) => Effect.exit(connection.send(Message.reply(request, { body: request.body }))))
  )
  const listener = yield* manager.bind("127.0.0.1:0", {
    limitRate: false,
    onConnection: (connection) => connection.handle(readThrough)
  })
  const port = portOf(listener.address)
  const honest = yield* (yield* makeManager).connect(`127.0.0.1:${port}`)
  const ask = askEcho((message) => honest.request(message, { timeout: "10 seconds" }))
  yield* ask
  const told = yield* Effect.forEach(
    inputs,
    (input) => Effect.tap(stranger(port, input), () => ask),
    { concurrency: 16 }
  )
  const left = Effect.delay(Effect.map(listener.connections, ({ length }) => length), "5 millis")
  yield* Effect.timeout(Effect.repeat(left, { until: (count) => count === 1 }), "10 seconds")
  return told
})

const run = (inputs: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<string>> => {
  const errors: Array<unknown> = []
  const logger = Logger.make(({ logLevel, message }) => {
    if (isError(logLevel)) errors.push(message)
  })
  return Effect.runPromise(
    meet(inputs).pipe(
      Effect.scoped,
      Effect.timeout("60 seconds"),
      Effect.tap(() => Effect.sync(() => equal(errors, [], "what was logged as an error"))),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "All")
    )
  )
}

export const socketServer: Server = {
  ...native,
  kind: "server",
  name: "server-socket",
  weight: 4,
  peers: 100,
  run
}
