/**
 * `flowee p2p`: a node of the Bitcoin Cash network, for as long as the command runs.
 */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type * as Peer from "../../services/p2p/Peer.ts"
import * as PeerManager from "../../services/p2p/PeerManager.ts"
import * as Json from "../notation/json.ts"
import * as TextValue from "../notation/textValue.ts"
import * as Broadcast from "../p2p/broadcast.ts"
import * as Node from "../p2p/node.ts"
import * as Syncing from "../p2p/syncing.ts"
import * as Watch from "../p2p/watch.ts"
import * as JsonFlag from "../terminal/json.ts"
import * as Output from "../terminal/output.ts"

const sync = Command.make(
  "sync",
  {
    ...Node.flags,
    once: Flag.Boolean("once").pipe(
      Flag.withoutNegation,
      Flag.withDescription("End at the tip"),
      Flag.withDefault(false)
    )
  },
  ({ once, ...node }) =>
    Effect.gen(function*() {
      const bar = yield* Syncing.progressBar
      yield* Effect.ensuring(Syncing.untilSynced({ ...node, awaited: Node.awaited(node), tell: bar.tell }), bar.end)
      yield* Syncing.printStanding(yield* Syncing.standing)
      if (!once) yield* Syncing.follow
    }).pipe(Effect.scoped, Effect.provide(Node.layer(node)))
).pipe(
  Command.withDescription(
    "Fetches and checks all headers, prints where the chain is, and tells of each block that comes, until Ctrl-C."
  ),
  Command.withShortDescription("Follow the chain of headers"),
  Command.withExamples([
    { command: "flowee p2p sync --directory ~/.flowee", description: "Mainnet, kept for the next time" },
    {
      command: "flowee p2p sync --network regtest --peer localhost:18444 --once",
      description: "To the tip of one node"
    }
  ])
)

interface Row {
  readonly address: string
  readonly side: string
  readonly userAgent: string
  readonly protocol: number
  readonly height: number
  readonly services: string
  readonly latency: number | null
}

const toRow = (peer: Peer.Peer): Effect.Effect<Row> =>
  Effect.map(peer.latency, (latency) => ({
    address: peer.endPoint,
    side: peer.side,
    userAgent: peer.version.userAgent,
    protocol: peer.version.protocol,
    height: peer.version.startHeight,
    services: String(peer.version.services),
    latency: Option.getOrNull(Option.map(latency, Duration.toMillis))
  }))

const line = ({ address, height, protocol, services, userAgent }: Row): string =>
  TextValue.printable(`${address}  ${userAgent}  version ${protocol}  height ${height}  services ${services}`)

const peers = Command.make(
  "peers",
  {
    ...Node.flags,
    count: Flag.Int("count").pipe(
      Flag.withDescription("How many peers to wait for. Default: 1, or as many as are named"),
      Flag.filter((count) => count > 0 && count <= 8, () => "a number from 1 to 8"),
      Flag.optional
    )
  },
  ({ count, ...node }) =>
    Effect.gen(function*() {
      const wanted = Option.getOrElse(count, () => Math.max(1, node.peers.length))
      const manager = yield* PeerManager.PeerManager
      const enough = Stream.runDrain(
        Stream.takeUntilEffect(
          Stream.concat(Stream.make(undefined), manager.events),
          () => Effect.map(manager.peers, (peers) => peers.length >= wanted)
        )
      )
      const failure = yield* Syncing.attempts
      yield* Effect.timeoutOption(enough, node.timeout)
      const rows = yield* Effect.forEach(yield* manager.peers, toRow)
      if (rows.length === 0) {
        return yield* new Syncing.NoProgress({ after: node.timeout, lastFailure: failure.lastFailure })
      }
      const isJson = yield* JsonFlag.Json
      yield* Output.printLines(Stream.fromIterable(rows.map((row) => isJson ? Json.format(row) : line(row))))
    }).pipe(Effect.scoped, Effect.provide(Node.layer(node)))
).pipe(
  Command.withDescription(
    "Connects to the network and shows who is there: what they say they are, and what they offer."
  ),
  Command.withShortDescription("Who is there"),
  Command.withExamples([{ command: "flowee p2p peers --count 4", description: "Four nodes of mainnet" }])
)

/** @internal */
export const p2p = Command.make("p2p").pipe(
  Command.withDescription(
    "Is a node of the Bitcoin Cash network for as long as the command runs. It checks the headers of all blocks, and trusts nobody."
  ),
  Command.withShortDescription("Talk to the Bitcoin Cash network"),
  Command.withSubcommands([sync, peers, Watch.watch, Broadcast.broadcast]),
  Command.withExamples([{ command: "flowee p2p sync", description: "Follow the chain" }])
)
