/**
 * Listeners of a network manager, in the native and in the legacy envelope.
 */
import { Effect } from "effect"
import * as LegacyEnvelope from "../../../src/domain/LegacyEnvelope.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as Legacy from "../../utils/legacy.ts"
import { type Bed, until, withBed } from "../../utils/network.ts"
import { equal } from "../harness/expect.ts"
import type { Server } from "../harness/target.ts"
import { legacy } from "../targets/legacy.ts"
import { native } from "../targets/native.ts"
import * as Memory from "./memory.ts"

const address = "10.0.0.9:1235"
const honest = "10.0.0.7"
const body = Uint8Array.of(1, 2, 3)

/** Reads all values of a body. */
export const readThrough = (message: Message.Message): void => {
  const parser = Message.parser(message)
  while (parser.next());
}

/** A service that gives back what it is given. */
export const echoService = 5

export const askEcho = (
  request: (message: Message.Message) => Effect.Effect<Message.Message, unknown>
): Effect.Effect<void> =>
  request(Message.make({ serviceId: echoService, messageId: 0, body })).pipe(
    Effect.map((reply) => equal(Array.from(reply.body), Array.from(body), "the echo")),
    Effect.orDie
  )

const listenNative = Effect.fnUntraced(function*(bed: Bed) {
  const host = yield* bed.host("10.0.0.9")
  yield* host.manager.register(
    echoService,
    (connection) =>
      Effect.succeed((request) => Effect.exit(connection.send(Message.reply(request, { body: request.body }))))
  )
  yield* host.manager.bind(address, { onConnection: (connection) => connection.handle(readThrough) })
  const { manager } = yield* bed.host(honest)
  const connection = yield* manager.connect(address)
  return { address, ask: askEcho(connection.request) }
})

const listenLegacy = Effect.fnUntraced(function*(bed: Bed) {
  const envelope = LegacyEnvelope.make({
    magic: Legacy.regtest,
    hash256: Legacy.hash256,
    maxBodySizeOf: P2PMessage.maxBodySize
  })
  const host = yield* bed.host("10.0.0.9")
  yield* host.manager.bind(address, {
    envelope,
    onConnection: (connection) =>
      connection.handle((message) => {
        readThrough(message)
        if (LegacyEnvelope.commandOf(message) !== "ping") return
        connection.sendUnsafe(LegacyEnvelope.message("pong", message.body.slice()))
      })
  })
  const { manager } = yield* bed.host(honest)
  const connection = yield* manager.connect(address, { envelope })
  let heard = 0
  yield* Effect.forkScoped(
    connection.handle((message) => {
      if (LegacyEnvelope.commandOf(message) === "pong") heard += 1
    }),
    { startImmediately: true }
  )
  const ask = Effect.gen(function*() {
    const before = heard
    yield* connection.send(LegacyEnvelope.message("ping", new Uint8Array(8)))
    yield* until("a pong", () => heard > before)
  })
  return { address, ask: Effect.orDie(ask) }
})

const runWith =
  (listen: (bed: Bed) => ReturnType<typeof listenNative> | ReturnType<typeof listenLegacy>) =>
  (inputs: ReadonlyArray<Uint8Array>) =>
    Memory.run(
      withBed((bed) => Effect.flatMap(Effect.orDie(listen(bed)), (listening) => Memory.meet(bed, listening, inputs)))
    )

export const nativeServer: Server = {
  ...native,
  kind: "server",
  name: "server-native",
  weight: 4,
  peers: 50,
  run: runWith(listenNative)
}

export const legacyServer: Server = {
  ...legacy,
  kind: "server",
  name: "server-legacy",
  weight: 4,
  peers: 50,
  run: runWith(listenLegacy)
}
