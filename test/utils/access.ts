/**
 * Services that say who asks them, and peers that ask.
 */
import { Context, Effect, Layer, Redacted, Result, Schema } from "effect"
import { NetAddress } from "effect/net"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as Header from "../../src/domain/Header.ts"
import * as Identity from "../../src/domain/Identity.ts"
import * as LoginCookie from "../../src/domain/LoginCookie.ts"
import * as Message from "../../src/domain/Message.ts"
import * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as Access from "../../src/services/Access.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import type * as CookieFile from "../../src/services/CookieFile.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as NetworkService from "../../src/services/NetworkService.ts"
import * as Native from "./native.ts"
import type { Bed, Host } from "./network.ts"

export const server = "10.0.0.9:1235"
export const cookie = Redacted.make("c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=")
export const login = Native.encode(Result.getOrThrow(LoginCookie.encode(cookie)))
export const otherLogin = Native.encode(Result.getOrThrow(LoginCookie.encode(Redacted.make("guess"))))

export const loginFile: CookieFile.CookieFile["Service"] = {
  read: Effect.succeedSome(cookie),
  obtain: Effect.succeed(cookie)
}

export class CurrentUser extends Context.Service<CurrentUser, { readonly name: string }>()("test/CurrentUser") {}

export const named = (name: string): Access.Access =>
  Access.make({ identity: Identity.Identity.Named({ name }), context: Context.make(CurrentUser, { name }) })

export const say = (serviceId: number, messageId = 0) => Native.encode(Message.make({ serviceId, messageId }))

export const request = (serviceId: number) => Message.make({ serviceId, messageId: 0 })

/** A request of a raw peer. */
export const askAs = (id: number, serviceId: number) =>
  Message.make({ serviceId, messageId: 0, header: Header.set(Header.empty, Header.requestId, id) })

export const textOf = (message: Message.Message): string => new TextDecoder().decode(message.body)

export const nameOf = Identity.Identity.$match({
  Anonymous: () => "nobody",
  CookieHolder: () => "cookie",
  CertificateHolder: ({ certificate }) => certificate.commonName ?? "?",
  Named: ({ name }) => name
})

export const Who = MessageGroup.make(
  MessageGroup.call("whoAmI", {
    serviceId: 50,
    messageId: 0,
    request: Schema.Struct({}),
    reply: Schema.Struct({ name: Schema.String.pipe(Wire.tag(1)) })
  })
)

/** Says who asks. */
export const whoIs = (serviceId: number, access?: Access.Requirement) =>
  NetworkService.layerHandler(serviceId, (message, connection) =>
    Effect.gen(function*() {
      const body = new TextEncoder().encode(nameOf(yield* Access.identity))
      yield* connection.send(Message.reply(message, { body }))
    }), { access })

/** Says the name of the user that each peer brings along. */
export const greeter = (serviceId: number) =>
  NetworkService.layerHandler(
    serviceId,
    (message, connection) =>
      Effect.flatMap(CurrentUser, ({ name }) =>
        connection.send(Message.reply(message, { body: new TextEncoder().encode(`Hello, ${name}!`) }))),
    {
      access: Access.having(CurrentUser)
    }
  )

export const serve = (
  host: Host,
  services: Layer.Layer<never, NetworkManager.NetworkError, NetworkManager.NetworkManager>
) => Effect.orDie(Effect.provideContext(Layer.build(services), host.context))

/** What a peer hears when it asks a service: the text of the reply or of the refusal. */
export const ask = (bed: Bed, from: string, serviceId: number, withLogin = false) =>
  Effect.gen(function*() {
    const host = yield* bed.host(from)
    const connection = yield* host.manager.connect(server, withLogin ? { login: loginFile } : {})
    const reply = yield* connection.request(request(serviceId))
    return CommandFailure.isFailure(reply) ? `failed: ${CommandFailure.read(reply).text}` : textOf(reply)
  }).pipe(Effect.scoped, Effect.orDie)

export const byAddress = (accesses: Record<string, Access.Access>) =>
  ConnectionAuthorizer.make(({ remoteAddress }) => {
    const access = accesses[NetAddress.formatSocketAddress(remoteAddress).split(":")[0]!]
    return Effect.succeed(
      access === undefined ? ConnectionAuthorizer.reject("unknown") : ConnectionAuthorizer.accept(access)
    )
  })

export const refusedOf = (host: Host) =>
  Effect.map(host.manager.connections, Effect.forEach((connection) => connection.stats)).pipe(
    Effect.flatten,
    Effect.map((all) => all.reduce((sum, { messagesRefused }) => sum + messagesRefused, 0))
  )
