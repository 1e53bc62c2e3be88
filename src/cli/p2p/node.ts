/**
 * The node of a command: which network it is on, whom it talks to, and where it keeps what it learns.
 */
import * as Flag from "effect/cli/Flag"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as EndPoint from "../../domain/EndPoint.ts"
import type * as Network from "../../domain/Network.ts"
import * as ChainParams from "../../domain/p2p/ChainParams.ts"
import * as NodeNetwork from "../../layers/NodeNetwork.ts"
import * as P2P from "../../services/p2p/P2P.ts"
import * as Target from "../hub/target.ts"

/** @internal */
export interface Node {
  readonly network: Network.Name
  readonly peers: ReadonlyArray<EndPoint.EndPoint>
  readonly directory: Option.Option<string>
  readonly rebuild: boolean
  readonly timeout: Duration.Duration
}

const names = ["mainnet", "testnet3", "testnet4", "scalenet", "regtest"] as const satisfies ReadonlyArray<Network.Name>

/**
 * The flags of a command that is a node.
 *
 * @internal
 */
export const flags = {
  network: Flag.Literals("network", names).pipe(
    Flag.withDescription("Which network. Default: mainnet"),
    Flag.withDefault<Network.Name>("mainnet")
  ),
  peers: Flag.String("peer").pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription(
      "A node to talk to, and no others. May be given several times. Default: nodes that seeds name"
    ),
    Flag.mapTryCatch(Target.parseEndPoint, Target.explainEndPoint),
    Flag.atLeast(0)
  ),
  directory: Flag.Path("directory").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription("Where headers and addresses are kept for the next time. Default: they are not"),
    Flag.optional
  ),
  rebuild: Flag.Boolean("rebuild").pipe(
    Flag.withoutNegation,
    Flag.withDescription("Set headers and addresses aside that are corrupt, and learn them anew"),
    Flag.withDefault(false)
  ),
  timeout: Flag.Finite("timeout").pipe(
    Flag.withMetavar("SECONDS"),
    Flag.withDescription("How long to wait for a peer, or for one that says something new. Default: 30"),
    Flag.filter((seconds) => seconds > 0 && seconds <= 86_400, () => "seconds, more than 0 and at most 86400"),
    Flag.map(Duration.seconds),
    Flag.withDefault(Duration.seconds(30))
  )
}

/**
 * Nobody is there to talk to.
 *
 * @internal
 */
export class NoPeers extends Data.TaggedError("NoPeers")<{ readonly network: Network.Name }> {
  override get message(): string {
    return `${this.network} has no seeds that name nodes: name one with --peer HOST:PORT`
  }
}

/**
 * There is nothing to rebuild.
 *
 * @internal
 */
export class NothingKept extends Data.TaggedError("NothingKept") {
  override get message(): string {
    return "nothing is kept that could be rebuilt: say where with --directory DIR"
  }
}

/** Peers that are named are the only ones. Otherwise there are as many as a wallet wants. */
const toOptions = ({ network, peers }: Node): P2P.MemoryOptions => {
  const isNamed = peers.length > 0
  return { network, peers, seeds: !isNamed, outbound: isNamed ? 0 : 8 }
}

/** As many peers as a wallet has. */
const enoughPeers = 3

/**
 * How many peers are heard before what they agree on is believed: all that are named.
 *
 * @internal
 */
export const awaited = ({ peers }: Node): number =>
  peers.length > 0 ? new Set(peers.map(EndPoint.format)).size : enoughPeers

/**
 * What the command is made of.
 *
 * @internal
 */
export const layer = (
  node: Node
): Layer.Layer<
  P2P.P2P,
  P2P.P2PError | PlatformError.PlatformError | NoPeers | NothingKept,
  FileSystem.FileSystem | Path.Path
> => {
  const options = toOptions(node)
  const parts: Layer.Layer<
    P2P.P2P,
    P2P.P2PError | PlatformError.PlatformError,
    NodeNetwork.NodeNetwork | FileSystem.FileSystem | Path.Path
  > = Option.isNone(node.directory)
    ? P2P.layerMemory(options)
    : P2P.layer({ ...options, directory: node.directory.value, rebuild: node.rebuild })
  if (node.rebuild && Option.isNone(node.directory)) return Layer.effectContext(Effect.fail(new NothingKept()))
  const hasNobody = node.peers.length === 0 && ChainParams.all[node.network].seeds.length === 0
  return hasNobody
    ? Layer.effectContext(Effect.fail(new NoPeers({ network: node.network })))
    : Layer.provide(parts, NodeNetwork.layer())
}
