/**
 * A service of an application that asks another program: rates of exchange, kept for a minute. `rates.test.ts` tests it.
 */
import { Cache, Context, Duration, Effect, Exit, Layer, Schema } from "effect"
import { type EndPoint, MessageClient, MessageGroup, NetworkManager, Wire } from "effect-flowee"

/** What the other program understands. */
export const RateServer = MessageGroup.make(
  MessageGroup.call("getRate", {
    serviceId: 41,
    messageId: 0,
    request: Schema.Struct({ currency: Schema.String.pipe(Wire.tag(1)) }),
    reply: Schema.Struct({ rate: Schema.Finite.pipe(Wire.tag(2)) }),
    idempotent: true
  })
)

export class Rates extends Context.Service<Rates, {
  /** What a coin costs in a currency. It may be a minute old. */
  readonly get: (currency: string) => Effect.Effect<number, MessageClient.CallError>
}>()("examples/Rates") {}

export const layer = (endPoint: EndPoint.Input) =>
  Layer.effect(
    Rates,
    Effect.gen(function*() {
      const manager = yield* NetworkManager.NetworkManager
      const server = MessageClient.make(RateServer, yield* manager.connect(endPoint))
      const cache = yield* Cache.makeWith(
        (currency: string) => Effect.map(server.getRate({ currency }), ({ rate }) => rate),
        { capacity: 200, timeToLive: (exit) => Exit.isSuccess(exit) ? Duration.minutes(1) : Duration.zero }
      )
      return { get: (currency) => Cache.get(cache, currency) }
    })
  )
