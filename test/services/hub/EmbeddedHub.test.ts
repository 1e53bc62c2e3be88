import { assertSuccess, binToHex, hash160, secp256k1 } from "@bitauth/libauth"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Fiber, Layer, Option, Result, Stream } from "effect"
import { SecureRandom } from "effect/crypto"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Header from "../../../src/domain/Header.ts"
import * as CommandFailure from "../../../src/domain/CommandFailure.ts"
import * as HubApi from "../../../src/domain/hub/HubApi.ts"
import * as HubBlockChain from "../../../src/domain/hub/HubBlockChain.ts"
import * as HubMeta from "../../../src/domain/hub/HubMeta.ts"
import * as HubUtil from "../../../src/domain/hub/HubUtil.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as Tagged from "../../../src/domain/Tagged.ts"
import * as NodeCookieFile from "../../../src/layers/NodeCookieFile.ts"
import * as NodeNetwork from "../../../src/layers/NodeNetwork.ts"
import * as ConnectionAuthorizer from "../../../src/services/ConnectionAuthorizer.ts"
import * as CookieFile from "../../../src/services/CookieFile.ts"
import * as EmbeddedHub from "../../../src/services/hub/EmbeddedHub.ts"
import * as RegtestChain from "../../../src/services/hub/RegtestChain.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import * as NetworkService from "../../../src/services/NetworkService.ts"
import { fromHex } from "../../utils/native.ts"

const version = "Flowee:1 (2021-04)"

const Live = EmbeddedHub.layer({ version }).pipe(Layer.provideMerge(NodeNetwork.layer()))

const connect = Effect.gen(function*() {
  const { endPoint } = yield* EmbeddedHub.EmbeddedHub
  const manager = yield* NetworkManager.NetworkManager
  return yield* manager.connect(endPoint)
})

const valuesOf = (message: Message.Message) => Result.getOrThrow(Tagged.decode(message.body))

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-flowee-hub-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
)

/** Sends bytes to the Hub and collects what it answers, until there are `length` bytes or it closes the socket. */
const exchange = (endPoint: string, bytes: Uint8Array, length: number) =>
  Effect.callback<string>((resume) => {
    const socket = Net.connect(Number(endPoint.split(":")[1]), "127.0.0.1")
    let received = ""
    const done = () => {
      socket.destroy()
      resume(Effect.succeed(received))
    }
    socket.setEncoding("hex").on("data", (text: string) => {
      received += text
      if (received.length >= length * 2) done()
    })
    socket.on("close", done).on("error", done)
    socket.write(bytes)
    return Effect.sync(() => socket.destroy())
  })

describe("EmbeddedHub", () => {
  it.live("answers a recorded request with the recorded bytes", () =>
    Effect.gen(function*() {
      const { endPoint } = yield* EmbeddedHub.EmbeddedHub
      const reply = "1d00080010015801040a12466c6f7765653a312028323032312d303429"
      assert.strictEqual(yield* exchange(endPoint, fromHex("090008001000580104"), reply.length / 2), reply)
    }).pipe(Effect.provide(Live)))

  it.live("makes addresses of real keys, another one each time", () =>
    Effect.gen(function*() {
      const hub = yield* connect
      const seen = new Set<string>()
      for (let i = 0; i < 20; i++) {
        const [address, privateKey] = valuesOf(yield* hub.request(Message.make(HubUtil.createAddress)))
        assert(address?._tag === "Bytes" && address.tag === 2)
        assert(privateKey?._tag === "Bytes" && privateKey.tag === 3)
        const publicKey = assertSuccess(secp256k1.derivePublicKeyCompressed(privateKey.value))
        assert.strictEqual(binToHex(address.value), binToHex(hash160(publicKey)))
        seen.add(binToHex(address.value))
      }
      assert.strictEqual(seen.size, 20)
    }).pipe(Effect.provide(Live)))

  it.live("refuses what it does not know below service 16, and echoes headers over 10", () =>
    Effect.gen(function*() {
      const hub = yield* connect
      for (let serviceId = 0; serviceId < HubApi.firstRouted; serviceId++) {
        const reply = yield* hub.request(
          Message.make({ serviceId, messageId: 98, header: { 10: 1, 12: 5, 14: 70_000 } })
        )
        assert.strictEqual(reply.serviceId, CommandFailure.address.serviceId)
        assert.strictEqual(reply.messageId, CommandFailure.address.messageId)
        const headers = Header.entries(reply.header).filter(([tag]) => tag !== Header.requestId)
        assert.deepStrictEqual(headers, [[12, 5], [14, 70_000]])
        assert.deepStrictEqual(valuesOf(reply), [
          Tagged.text(20, "Unsupported command"),
          Tagged.int(21, serviceId),
          Tagged.int(22, 98)
        ])
      }
    }).pipe(Effect.provide(Live)))

  it.live("leaves services from 16 up to those that are registered", () =>
    Effect.gen(function*() {
      const hub = yield* connect
      const toRegistered = yield* hub.request(Message.make({ serviceId: 16, messageId: 0 }))
      assert.deepStrictEqual(toRegistered.body, Uint8Array.of(7))
      const toNobody = hub.request(Message.make({ serviceId: 30, messageId: 0 }), { timeout: "200 millis" })
      assert.isTrue(Option.isNone(yield* Effect.option(toNobody)))
      assert.strictEqual((yield* hub.request(Message.make(HubMeta.version))).messageId, 1)
    }).pipe(Effect.provide(
      NetworkService.layerHandler(16, (request, client) =>
        client.side === "accepted"
          ? client.send(Message.reply(request, { body: Uint8Array.of(7) }))
          : Effect.void).pipe(Layer.provideMerge(Live))
    )))

  it.live("closes a connection that says nothing for 4 seconds", () =>
    Effect.gen(function*() {
      const { endPoint } = yield* EmbeddedHub.EmbeddedHub
      const [elapsed] = yield* Effect.timed(exchange(endPoint, new Uint8Array(0), 1))
      assert.closeTo(Duration.toSeconds(elapsed), 5, 1.1)
    }).pipe(Effect.provide(Live)))

  it.live("answers only those who log in, where a cookie is demanded", () =>
    Effect.gen(function*() {
      const { endPoint } = yield* EmbeddedHub.EmbeddedHub
      const login = yield* CookieFile.CookieFile
      const ask = Effect.fnUntraced(function*(login?: CookieFile.CookieFile["Service"]) {
        const manager = Context.get(yield* Layer.build(NodeNetwork.layer()), NetworkManager.NetworkManager)
        const hub = yield* manager.connect(endPoint, { login })
        return yield* hub.request(Message.make(HubBlockChain.getBlockChainInfo), { timeout: "1 second" })
      })
      assert.strictEqual((yield* ask(login)).messageId, HubBlockChain.getBlockChainInfo.messageId + 1)
      assert.isTrue(Option.isNone(yield* Effect.option(ask())))
    }).pipe(Effect.provide(Layer.unwrap(Effect.map(temporaryDirectory, (directory) =>
      EmbeddedHub.layer().pipe(
        Layer.provide(ConnectionAuthorizer.layerCookie),
        Layer.provideMerge([NodeNetwork.layer(), NodeCookieFile.layer({ path: `${directory}/.cookie` })])
      ))))))

  it.live("shares a chain with another Hub, and each tells its clients of what is done with the other", () =>
    Effect.gen(function*() {
      const one = yield* EmbeddedHub.make()
      const other = yield* EmbeddedHub.make()
      const manager = yield* NetworkManager.NetworkManager
      const [hub, elsewhere] = yield* Effect.forEach([one, other], ({ endPoint }) => manager.connect(endPoint))
      const told = yield* Effect.forkScoped(Stream.runHead(hub!.messages), { startImmediately: true })
      yield* hub!.send(Message.make({ serviceId: 18, messageId: 0 }))
      yield* hub!.request(Message.make(HubMeta.version))
      yield* elsewhere!.request(
        Message.make({ serviceId: 4, messageId: 0, body: fromHex(`1314${"11".repeat(20)}`) })
      )
      const block = Option.getOrThrow(yield* Fiber.join(told))
      assert.deepStrictEqual([block.serviceId, block.messageId], [18, 4])
    }).pipe(Effect.provide([NodeNetwork.layer(), RegtestChain.layer(), SecureRandom.layerWebCrypto])))
})
