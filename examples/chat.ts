/**
 * A service of one's own: a chat, declared once, then served and used. Run: `npm run example examples/chat.ts`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Context, Effect, Fiber, Layer, Schema, Stream } from "effect"
import { type Connection, type EndPoint, MessageClient, MessageGroup, MessageServer } from "effect-flowee"
import { NetworkManager, NodeNetwork, Wire } from "effect-flowee"

const { Array, String, Struct } = Schema
const serviceId = 40
const name = String.pipe(Wire.tag(1))
const text = String.pipe(Wire.tag(2))
const names = Array(String).pipe(Wire.tag(1))

const join = MessageGroup.call("join", { serviceId, messageId: 0, request: Struct({ name }), reply: Struct({ names }) })
const say = MessageGroup.command("say", { serviceId, messageId: 2, request: Struct({ text }) })
const said = MessageGroup.notification("said", { serviceId, messageId: 3, payload: Struct({ name, text }) })
const Chat = MessageGroup.make(join, say, said)

/** Who is there. A guest leaves when its connection ends. */
const guests = new Map<Connection.Connection, string>()

const ChatServer = MessageServer.layerPerPeer(
  Chat,
  (peer) =>
    Effect.as(Effect.addFinalizer(() => Effect.sync(() => guests.delete(peer))), {
      join: ({ name }) => Effect.sync(() => ({ names: [...guests.set(peer, name).values()] })),
      say: ({ text }) => {
        const others = [...guests.keys()].filter((guest) => guest !== peer)
        const news = { name: guests.get(peer) ?? "Somebody", text }
        return Effect.forEach(others, (guest) => Effect.ignore(MessageServer.notify(guest, said, news)))
      }
    })
)

/** A guest with a network of its own, as on another machine. It leaves after it has heard one thing. */
const enter = Effect.fnUntraced(function*(endPoint: EndPoint.Input, name: string) {
  const manager = Context.get(yield* Layer.build(NodeNetwork.layer()), NetworkManager.NetworkManager)
  const chat = MessageClient.make(Chat, yield* manager.connect(endPoint))
  const heard = Stream.runForEach(Stream.take(chat.said, 1), (said) => Console.log(`${said.name}: ${said.text}`))
  const hearing = yield* Effect.forkScoped(heard, { startImmediately: true })
  const { names } = yield* chat.join({ name })
  yield* Console.log(`${name} enters; present: ${names.join(", ")}`)
  return { say: chat.say, hears: Fiber.join(hearing) }
})

const party = Effect.gen(function*() {
  const manager = yield* NetworkManager.NetworkManager
  const { address } = yield* manager.bind("127.0.0.1:0")
  const anna = yield* enter(address, "Anna")
  const ben = yield* enter(address, "Ben")
  yield* anna.say({ text: "Hello, Ben!" })
  yield* ben.hears
  yield* ben.say({ text: "Hello, Anna!" })
  yield* anna.hears
}).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(ChatServer, NodeNetwork.layer())))

NodeRuntime.runMain(party)
