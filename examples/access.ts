/**
 * Who may do what: one service is open to all, another is for those who have logged in, and its handler knows them.
 * Run: `npm run example examples/access.ts`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Context, Effect, Layer, Schema } from "effect"
import { Access, ConnectionAuthorizer, CookieFile, Identity, MessageClient, MessageGroup } from "effect-flowee"
import { MessageServer, NetworkManager, NodeNetwork, Wire } from "effect-flowee"

const reply = Schema.Struct({ text: Schema.String.pipe(Wire.tag(1)) })
const request = Schema.Struct({})
const Weather = MessageGroup.make(MessageGroup.call("weather", { serviceId: 42, messageId: 0, request, reply }))
const Wallet = MessageGroup.make(MessageGroup.call("balance", { serviceId: 43, messageId: 0, request, reply }))

/** What handlers of the wallet are to know. */
class CurrentUser extends Context.Service<CurrentUser, { readonly name: string }>()("examples/CurrentUser") {}

const Services = Layer.merge(
  MessageServer.layer(Weather, {
    weather: () => Effect.map(Access.identity, ({ _tag }) => ({ text: `sunny, for ${_tag}` }))
  }),
  // Each peer that gets here brings its CurrentUser along, so nobody else has to provide one.
  MessageServer.layer(Wallet, {
    balance: () => Effect.map(CurrentUser, ({ name }) => ({ text: `${name} has 7 coins` }))
  }, { access: Access.having(CurrentUser) })
)

/** Whoever has the cookie is the operator, and may address everything. The others may ask for the weather. */
const Login = ConnectionAuthorizer.layerCookieWith({
  open: [42],
  access: Access.make({
    identity: Identity.Identity.CookieHolder(),
    context: Context.make(CurrentUser, { name: "the operator" })
  })
})

const program = Effect.gen(function*() {
  const manager = yield* NetworkManager.NetworkManager
  const { address } = yield* manager.bind("127.0.0.1:0")
  const ask = Effect.fnUntraced(function*(options: NetworkManager.ConnectOptions) {
    const connection = yield* manager.connect(address, { ...options, share: false })
    const { text } = yield* MessageClient.make(Weather, connection).weather({})
    yield* Console.log(text)
    yield* MessageClient.make(Wallet, connection).balance({}).pipe(
      Effect.matchEffect({
        onSuccess: ({ text }) => Console.log(text),
        onFailure: (error) => Console.log(error.message)
      })
    )
  }, Effect.scoped)
  yield* ask({})
  yield* ask({ login: yield* CookieFile.CookieFile })
}).pipe(
  Effect.scoped,
  Effect.provide(
    Services.pipe(
      Layer.provideMerge(NodeNetwork.layer()),
      Layer.merge(Login),
      Layer.provideMerge(CookieFile.layerMemory())
    )
  )
)

NodeRuntime.runMain(program)
