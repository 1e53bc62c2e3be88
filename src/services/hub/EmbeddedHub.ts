/**
 * A Hub within the program: for examples, tests and development without a node.
 *
 * **Details**
 *
 * It answers what needs no blocks: the version, what chain it is (an empty regtest), and new addresses. Every other
 * command to a service below 16 is answered by "command failed"; services from 16 up are those registered on the
 * network manager. Who may connect is decided by `ConnectionAuthorizer`.
 *
 * @stability unstable
 * @since 0.1.0
 */
import { hash160, secp256k1, validateSecp256k1PrivateKey } from "@bitauth/libauth"
import * as Context from "effect/Context"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import type * as EndPoint from "../../domain/EndPoint.ts"
import * as HubCommand from "../../domain/hub/HubCommand.ts"
import * as HubTag from "../../domain/hub/HubTag.ts"
import * as Message from "../../domain/Message.ts"
import * as TaggedWriter from "../../domain/TaggedWriter.ts"
import type * as Connection from "../Connection.ts"
import * as NetworkManager from "../NetworkManager.ts"

/**
 * A Hub that runs in this program.
 *
 * @category services
 * @since 0.1.0
 */
export class EmbeddedHub extends Context.Service<EmbeddedHub, {
  /** Where clients connect to, with the port that was given out. */
  readonly endPoint: string
}>()("effect-flowee/EmbeddedHub") {}

/**
 * Options of an embedded Hub.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Where it listens. Default: `127.0.0.1:0`, a free port that only this machine reaches. */
  readonly endPoint?: EndPoint.Input | undefined
  /** What it says its version is. Default: `Flowee:1 (effect-flowee)`. */
  readonly version?: string | undefined
}

/** Why a command is not carried out; the client is told. */
class CommandFailed extends Data.TaggedError("CommandFailed")<{ readonly reason: string }> {}

/** Carries out a command and gives the body of the reply. */
type Command = (request: Message.Message) => Effect.Effect<Uint8Array, CommandFailed>

const key = ({ messageId, serviceId }: HubCommand.HubCommand): string => `${serviceId}/${messageId}`

const version = (text: string): Command => () =>
  Effect.sync(() => TaggedWriter.make().string(HubTag.genericData, text).finishUnsafe())

const blockChainInfo: Command = () =>
  Effect.sync(() =>
    TaggedWriter.make().string(HubTag.chain, "regtest").int(HubTag.blocks, 0).int(HubTag.headers, 0).finishUnsafe()
  )

const createAddress = (random: SecureRandom.SecureRandom["Service"]): Command => () =>
  random.randomBytes(32).pipe(
    // Nearly every number of 32 bytes is a key.
    Effect.repeat({ until: validateSecp256k1PrivateKey }),
    Effect.flatMap((privateKey) => {
      const publicKey = secp256k1.derivePublicKeyCompressed(privateKey)
      return typeof publicKey === "string"
        ? Effect.fail(new CommandFailed({ reason: publicKey }))
        : Effect.succeed(
          TaggedWriter.make()
            .bytes(HubTag.address, hash160(publicKey))
            .bytes(HubTag.privateKey, privateKey)
            .finishUnsafe()
        )
    })
  )

const unsupported: Command = () => Effect.fail(new CommandFailed({ reason: "Unsupported command" }))

const failure = (request: Message.Message, reason: string): Message.Message =>
  Message.make({
    ...HubCommand.failed,
    header: Message.reply(request).header,
    body: TaggedWriter.make()
      .string(HubTag.failedReason, reason)
      .int(HubTag.failedServiceId, request.serviceId)
      .int(HubTag.failedCommandId, request.messageId)
      .finishUnsafe()
  })

/** Answers the commands of one client, in order. */
const serve = (commands: ReadonlyMap<string, Command>) => (client: Connection.Connection): Effect.Effect<void> =>
  client.handle((request) => {
    if (request.serviceId >= HubCommand.firstRouted) return
    const command = commands.get(key(request)) ?? unsupported
    return command(request).pipe(
      Effect.match({
        onSuccess: (body) => Message.reply(request, { body }),
        onFailure: ({ reason }) => failure(request, reason)
      }),
      Effect.flatMap((reply) => client.send(reply))
    )
  })

/**
 * Starts a Hub that runs until the scope is closed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: (
  options?: Options
) => Effect.Effect<
  EmbeddedHub["Service"],
  NetworkManager.NetworkError,
  NetworkManager.NetworkManager | SecureRandom.SecureRandom | Scope.Scope
> = Effect.fnUntraced(function*(options: Options = {}) {
  const manager = yield* NetworkManager.NetworkManager
  const random = yield* SecureRandom.SecureRandom
  const commands = new Map([
    [key(HubCommand.version), version(options.version ?? "Flowee:1 (effect-flowee)")],
    [key(HubCommand.blockChainInfo), blockChainInfo],
    [key(HubCommand.createAddress), createAddress(random)]
  ])
  const listener = yield* manager.bind(options.endPoint ?? "127.0.0.1:0", {
    firstMessageTimeout: "4 seconds",
    onConnection: serve(commands)
  })
  return { endPoint: NetAddress.formatSocketAddress(listener.address) }
})

/**
 * Runs a Hub.
 *
 * **Example** (A Hub that only clients with its cookie can use)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { ConnectionAuthorizer, EmbeddedHub, NodeCookieFile, NodeNetwork } from "effect-flowee"
 *
 * const hub = EmbeddedHub.layer().pipe(
 *   Layer.provide(ConnectionAuthorizer.layerCookie),
 *   Layer.provideMerge([NodeNetwork.layer(), NodeCookieFile.layer({ path: "/run/hub/.cookie" })])
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options?: Options
): Layer.Layer<EmbeddedHub, NetworkManager.NetworkError, NetworkManager.NetworkManager> =>
  Layer.effect(EmbeddedHub, make(options)).pipe(Layer.provide(SecureRandom.layerWebCrypto))
