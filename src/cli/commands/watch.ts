/**
 * `flowee watch`: what happens, as it happens.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import * as HubAddress from "../../domain/hub/HubAddress.ts"
import type * as HubClient from "../../services/hub/HubClient.ts"
import * as Asking from "../hub/asking.ts"
import * as Connecting from "../hub/connecting.ts"
import * as Happening from "../hub/happening.ts"
import * as Known from "../hub/known.ts"
import * as Target from "../hub/target.ts"
import * as Json from "../notation/json.ts"
import * as JsonFlag from "../terminal/json.ts"
import * as Output from "../terminal/output.ts"

/** Prints what happens until the command is ended, or an error ends it. */
const print = <E, R>(happenings: Stream.Stream<Happening.Happening, E, R>) =>
  Effect.gen(function*() {
    const isJson = yield* JsonFlag.Json
    const palette = yield* Output.palette
    yield* Output.printLines(Stream.mapEffect(happenings, (happening) =>
      Effect.map(
        Clock.currentTimeMillis,
        (now) => isJson ? Json.format(happening.json) : Happening.format(happening, now, palette)
      )))
  })

type Watching = Pick<HubClient.StreamOptions, "onSubscribed">

/** Watches something of a Hub. Once it was there it may be gone for as long as it likes. */
const follow = <E extends { readonly message: string }, R>(
  target: Target.Target,
  what: string,
  start: (hub: Asking.Hub, options: Watching) => Effect.Effect<Stream.Stream<Happening.Happening, E>, E, R>
) =>
  Effect.gen(function*() {
    const hub = yield* Asking.connect(target)
    const isWatched = yield* Latch.make()
    const within = Connecting.within(hub.connection, target.timeout)
    const started = yield* within(Effect.andThen(
      hub.connection.connected,
      start(hub, { onSubscribed: isWatched.open })
    ))
    const printing = yield* Effect.forkScoped(print(started))
    yield* within(Effect.raceFirst(isWatched.await, Fiber.join(printing)))
    yield* Output.note(`watching ${what} at ${hub.connection.endPoint}, until Ctrl-C`)
    yield* Effect.forkScoped(Connecting.explainLosses(hub.connection))
    yield* Fiber.join(printing)
  }).pipe(Effect.mapError(Asking.explain(target)), Effect.scoped, Effect.provide(Connecting.network))

const countOf = (things: ReadonlyArray<string>, name: string): string =>
  things.length === 1 ? things[0]! : `${things.length} ${name}`

const blocks = Command.make(
  "blocks",
  Target.flags,
  (target) =>
    follow(
      target,
      "blocks",
      (hub, options) =>
        Effect.map(hub.blockCount, (from) => Stream.map(hub.blocks({ from, ...options }), Happening.ofBlocks))
    )
).pipe(
  Command.withDescription("Tells of the best block, of each one that comes, and of those that leave the chain."),
  Command.withShortDescription("Blocks that come and go"),
  Command.withExamples([{ command: "flowee watch blocks", description: "Until Ctrl-C" }])
)

const address = Command.make(
  "address",
  {
    addresses: Argument.String("address").pipe(
      Argument.withDescription("An address (CashAddr)"),
      Argument.atLeast(1)
    ),
    ...Target.flags
  },
  ({ addresses, ...target }) =>
    follow(target, countOf(addresses, "addresses"), (hub, options) =>
      Effect.gen(function*() {
        const network = yield* hub.network
        const hashes = yield* Effect.forEach(addresses, (text) => Known.parseAddress(text, network))
        const names = new Map(
          hashes.map((hash) => [HubAddress.toScriptHash(hash), HubAddress.toCashAddress(hash, network)] as const)
        )
        return Stream.map(hub.addresses([...names.keys()], options), Happening.ofAddresses(names))
      }))
).pipe(
  Command.withDescription(
    "Tells of each transaction that pays an address or spends from it: when it is sent, and when it is in a block."
  ),
  Command.withShortDescription("Payments to and from addresses"),
  Command.withExamples([{
    command: "flowee watch address bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd",
    description: "Until Ctrl-C"
  }])
)

const tx = Command.make(
  "tx",
  {
    txIds: Known.argument("transaction", Known.txId).pipe(
      Argument.withDescription("The id of a transaction"),
      Argument.atLeast(1)
    ),
    ...Target.flags
  },
  ({ txIds, ...target }) =>
    follow(
      target,
      countOf(txIds, "transactions"),
      (hub, options) => Effect.succeed(Stream.map(hub.transactions(txIds, options), Happening.ofTransactions))
    )
).pipe(
  Command.withDescription(
    "Tells what becomes of transactions: when they are sent, when they are in a block, and when another one spends the same."
  ),
  Command.withShortDescription("What becomes of transactions"),
  Command.withExamples([{
    command: "flowee watch tx 4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b",
    description: "Until Ctrl-C"
  }])
)

/** @internal */
export const watch = Command.make("watch").pipe(
  Command.withDescription("Prints a line for each thing that happens, until Ctrl-C."),
  Command.withShortDescription("See what happens, as it happens"),
  Command.withSubcommands([blocks, address, tx]),
  Command.withExamples([{ command: "flowee watch blocks", description: "Blocks that come and go" }])
)
