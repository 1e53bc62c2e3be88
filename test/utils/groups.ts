/**
 * A service that is declared as a message group, a host that serves it, and a client of it.
 */
import { Effect, Layer, Result, Schema, type Scope } from "effect"
import type * as Message from "../../src/domain/Message.ts"
import * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as Wire from "../../src/domain/Wire.ts"
import type * as Connection from "../../src/services/Connection.ts"
import * as MessageClient from "../../src/services/MessageClient.ts"
import * as MessageServer from "../../src/services/MessageServer.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as ReconnectPolicy from "../../src/services/ReconnectPolicy.ts"
import { serve } from "./dialling.ts"
import * as Native from "./native.ts"
import { type Bed, type Host, type RawPeer, settle } from "./network.ts"

export const serverHost = "10.0.0.9"
export const clientHost = "10.0.0.7"
export const server = `${serverHost}:1235`

/** A call can fail with this. */
export class Broke extends Schema.TaggedError<Broke>("test/Broke")("Broke", {
  missing: Schema.Int.pipe(Wire.tag(23)),
  hint: Schema.optionalKey(Schema.String).pipe(Wire.tag(24))
}) {
  override get message(): string {
    return `${this.missing} is missing`
  }
}

const serviceId = 40

export const add = MessageGroup.call("add", {
  serviceId,
  messageId: 0,
  request: Schema.Struct({
    amount: Schema.Int.pipe(Wire.tag(1)),
    note: Schema.optionalKey(Schema.String).pipe(Wire.tag(2))
  }),
  reply: Schema.Struct({ total: Schema.Int.pipe(Wire.tag(1)) })
})

export const spend = MessageGroup.call("spend", {
  serviceId,
  messageId: 2,
  request: Schema.Struct({ amount: Schema.Int.pipe(Wire.tag(1)) }),
  reply: Schema.Struct({ total: Schema.Int.pipe(Wire.tag(1)) }),
  error: Broke
})

export const total = MessageGroup.call("total", {
  serviceId,
  messageId: 4,
  reply: Schema.Struct({ total: Schema.Int.pipe(Wire.tag(1)) }),
  header: { 12: 7 },
  idempotent: true
})

/** Its reply has another id than most. */
export const list = MessageGroup.call("list", {
  serviceId,
  messageId: 6,
  replyId: 1,
  request: Schema.Struct({ upTo: Schema.optionalKey(Schema.Int).pipe(Wire.tag(1)) }),
  reply: Schema.Array(Schema.Int).pipe(Wire.tag(1))
})

export const reset = MessageGroup.command("reset", {
  serviceId,
  messageId: 8,
  request: Schema.Struct({ to: Schema.Int.pipe(Wire.tag(1)) })
})

export const changed = MessageGroup.notification("changed", {
  serviceId,
  messageId: 10,
  payload: Schema.Struct({ total: Schema.Int.pipe(Wire.tag(1)) })
})

export const Counter = MessageGroup.make(add, spend, total, list, reset, changed)

export const Clock = MessageGroup.make(
  MessageGroup.call("now", { serviceId: 41, messageId: 0, reply: Schema.Struct({ now: Schema.Int.pipe(Wire.tag(1)) }) })
)

type Member<G> = G extends MessageGroup.MessageGroup<infer M> ? M : never

export type CounterHandlers = MessageServer.Handlers<Member<typeof Counter>, never>

/** A counter that holds what was added. */
export const makeCounter = (): CounterHandlers => {
  let sum = 0
  return {
    add: ({ amount }) => Effect.sync(() => ({ total: sum += amount })),
    spend: ({ amount }) =>
      amount > sum ? Effect.fail(new Broke({ missing: amount - sum })) : Effect.sync(() => ({ total: sum -= amount })),
    total: () => Effect.sync(() => ({ total: sum })),
    list: ({ upTo = 3 }) => Effect.succeed(Array.from({ length: upTo }, (_, i) => i)),
    reset: ({ to }) => Effect.sync(() => void (sum = to))
  }
}

/** Builds a layer for the rest of the test. */
export const build = <A, E>(
  host: Host,
  layer: Layer.Layer<A, E, NetworkManager.NetworkManager>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(Effect.orDie(Effect.provideContext(Layer.build(layer), host.context)))

/** A host that listens and serves. */
export const serving = Effect.fnUntraced(function*<A, E>(
  bed: Bed,
  layer: Layer.Layer<A, E, NetworkManager.NetworkManager>,
  options: NetworkManager.BindOptions<never, never> = {}
) {
  const host = yield* bed.host(serverHost)
  yield* build(host, layer)
  const listener = yield* Effect.orDie(host.manager.bind(server, { limitRate: false, ...options }))
  return { host, listener }
})

/** A handle on a connection to the host that serves. */
export const dialling = Effect.fnUntraced(function*(bed: Bed, options: NetworkManager.ConnectOptions = {}) {
  const host = yield* bed.host(clientHost)
  return yield* Effect.orDie(host.manager.connect(server, { reconnect: ReconnectPolicy.reference, ...options }))
})

/** The client of a served counter, and what it stands on. */
export const counting = Effect.fnUntraced(function*(
  bed: Bed,
  handlers: CounterHandlers = makeCounter(),
  options: MessageServer.Options & { readonly client?: MessageClient.Options } = {}
) {
  const { host, listener } = yield* serving(bed, MessageServer.layer(Counter, handlers, options))
  const connection = yield* dialling(bed)
  return { host, listener, connection, client: MessageClient.make(Counter, connection, options.client) }
})

/** Why a call failed, in short. */
export const reasonOf = <A>(
  effect: Effect.Effect<A, MessageClient.CallError>
): Effect.Effect<MessageClient.CallError["reason"], A> => Effect.map(Effect.flip(effect), (error) => error.reason)

/** The one connection that a listener has. */
export const accepted = (listener: NetworkManager.Listener): Effect.Effect<Connection.Connection> =>
  Effect.map(listener.connections, ([connection]) => connection!)

// ---------------------------------------------------------------------------------------------------------------------
// a server that speaks in raw bytes
// ---------------------------------------------------------------------------------------------------------------------

/** Runs an effect beside the test. */
export const start = <A, E>(effect: Effect.Effect<A, E>) => Effect.forkChild(effect, { startImmediately: true })

/** The body of an answer with a total. */
export const totalOf = (sum: number): Uint8Array => Result.getOrThrow(total.reply.encode({ total: sum }))

/** A client whose server speaks in raw bytes. */
export const rawServer = Effect.fnUntraced(function*(bed: Bed, options?: MessageClient.Options) {
  const { accept } = yield* serve(bed, server)
  const connection = yield* dialling(bed)
  const peer = yield* accept
  yield* settle
  return { accept, connection, peer, client: MessageClient.make(Counter, connection, options) }
})

/** The messages that a peer received. */
export const heard = (peer: RawPeer): Effect.Effect<ReadonlyArray<Message.Message>> =>
  Effect.map(peer.rest, (hex) => Native.receive(Native.fromHex(hex), Native.whole, { keep: true }).messages)

/** Lets a peer send messages. */
export const say = (peer: RawPeer, ...messages: ReadonlyArray<Message.Message>): Effect.Effect<void> =>
  peer.send(Native.encode(...messages))
