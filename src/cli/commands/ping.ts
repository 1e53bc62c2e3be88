/**
 * `flowee ping`: how long a peer takes to answer.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as HubMeta from "../../domain/hub/HubMeta.ts"
import type * as Connection from "../../services/Connection.ts"
import * as MessageClient from "../../services/MessageClient.ts"
import * as NetworkManager from "../../services/NetworkManager.ts"
import * as Connecting from "../hub/connecting.ts"
import * as Pinging from "../hub/pinging.ts"
import * as Target from "../hub/target.ts"
import * as Json from "../notation/json.ts"
import * as JsonFlag from "../terminal/json.ts"
import * as Output from "../terminal/output.ts"

/** No ping was answered. */
class Unanswered extends Data.TaggedError("Unanswered")<{ readonly endPoint: string }> {
  override get message(): string {
    return `${this.endPoint} answers no pings`
  }
}

const config = {
  peer: Argument.String("host:port").pipe(
    Argument.withDescription("A Hub or any other Flowee peer. Default: that of --hub"),
    Argument.mapTryCatch(Target.parseEndPoint, Target.explainEndPoint),
    Argument.optional
  ),
  count: Flag.Int("count").pipe(
    Flag.withAlias("c"),
    Flag.withDescription("How many pings. Default: 4"),
    Flag.filter((count) => count > 0, () => "a number above 0"),
    Flag.withDefault(4)
  ),
  ...Target.flags
}

/** How long one ping took; `undefined` when it was not answered in time. */
type Round = Duration.Duration | undefined

const millis = (duration: Duration.Duration): number => Math.round(Duration.toMillis(duration) * 1000) / 1000

const one = Effect.fnUntraced(function*(
  connection: Connection.Connection,
  pongs: Queue.Queue<void>,
  timeout: Duration.Duration
) {
  // A late answer must not be taken for that to the next ping.
  yield* Queue.clear(pongs)
  const start = yield* Clock.currentTimeNanos
  yield* connection.send(Pinging.ping, { priority: "high" })
  const answered = yield* Effect.timeoutOption(Queue.take(pongs), timeout)
  const end = yield* Clock.currentTimeNanos
  return answered._tag === "None" ? undefined : Duration.nanos(end - start)
})

const show = Effect.fnUntraced(function*(endPoint: string, round: Round, number: number) {
  const time = round === undefined ? undefined : millis(round)
  if (yield* JsonFlag.Json) {
    return yield* Output.printLine(Json.format({ hub: endPoint, number, millis: time ?? null }))
  }
  const { bad, strong } = yield* Output.palette
  yield* Output.printLine(
    time === undefined
      ? `${endPoint}  ${number}  ${bad("no answer")}`
      : `${endPoint}  ${number}  ${strong(`${time.toFixed(3)} ms`)}`
  )
})

const summary = (rounds: ReadonlyArray<Round>): string => {
  const times = rounds.filter((round) => round !== undefined).map(millis)
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length
  const figures = [Math.min(...times), mean, Math.max(...times)].map((time) => time.toFixed(3))
  return `${times.length} of ${rounds.length} answered; least, mean and most: ${figures.join(", ")} ms`
}

/** @internal */
export const ping = Command.make(
  "ping",
  config,
  Effect.fnUntraced(
    function*({ count, peer, ...target }) {
      const manager = yield* NetworkManager.NetworkManager
      const pongs = yield* Queue.sliding<void>(16)
      const connection = yield* manager.connect(Option.getOrElse(peer, () => target.hub), {
        ...(yield* Connecting.options(target)),
        envelope: Pinging.envelope(() => Queue.offerUnsafe(pongs, undefined))
      })
      yield* Connecting.within(connection, target.timeout)(connection.connected)
      // A Hub closes the connection of who asks nothing. Another peer may leave that unanswered.
      yield* Effect.forkScoped(Effect.ignore(MessageClient.make(HubMeta.group, connection).version()))

      const rounds: Array<Round> = []
      while (rounds.length < count) {
        if (rounds.length > 0) yield* Effect.sleep("1 second")
        const round = yield* one(connection, pongs, Duration.min(target.timeout, Duration.seconds(2)))
        rounds.push(round)
        yield* show(connection.endPoint, round, rounds.length)
      }
      if (rounds.every((round) => round === undefined)) {
        return yield* new Unanswered({ endPoint: connection.endPoint })
      }
      if (!(yield* JsonFlag.Json)) yield* Output.printLine(summary(rounds))
    },
    Effect.scoped,
    Effect.provide(Connecting.network)
  )
).pipe(
  Command.withDescription(
    "Measures how long a Hub, or any other Flowee peer, takes to answer a ping of the network layer."
  ),
  Command.withShortDescription("Measure how long a peer takes to answer"),
  Command.withExamples([
    { command: "flowee ping", description: "The Hub of this machine" },
    { command: "flowee ping hub.example:1235 --count 10", description: "Another one, ten times" }
  ])
)
