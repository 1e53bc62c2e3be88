/**
 * A full node of regtest in memory, which listens on a free port of loopback and dials only where it is told to.
 */
import process from "node:process"
import type { Bcash, FullNode } from "./bcash.ts"

export interface Options {
  /** How often transactions are announced, in milliseconds. The package itself takes 5000. */
  readonly relayInterval: number
}

const nothing = async (): Promise<void> => {}

/** Goes to standard error when `BCASH_LOG` names a level, such as `debug`. */
const sendLogToStderr = ({ logger }: FullNode): void => {
  Object.assign(logger.logger, {
    writeConsole: (_level: number, module: string | null, args: ReadonlyArray<unknown>) =>
      process.stderr.write(`(${module ?? "node"}) ${logger.logger.fmt(args, false)}\n`)
  })
}

/** What looks for its public address, for a gateway and for peers is cut out, and so is its HTTP server. */
const keepToItself = (node: FullNode): void => {
  Object.assign(node.pool, {
    discoverExternal: nothing,
    discoverGateway: nothing,
    discoverSeeds: nothing,
    fillOutbound: () => {}
  })
  Object.assign(node.http, { open: nothing, close: nothing })
}

export const make = (bcash: Bcash, { relayInterval }: Options): FullNode => {
  bcash.Peer.INV_INTERVAL = relayInterval
  const node = new bcash.FullNode({
    network: "regtest",
    memory: true,
    workers: false,
    host: "127.0.0.1",
    publicHost: "127.0.0.1",
    listen: true,
    maxInbound: 200,
    bip37: true,
    upnp: false,
    seeds: [],
    noAuth: true,
    logConsole: true,
    logLevel: process.env["BCASH_LOG"] ?? "none"
  })
  // As an option 0 is refused.
  node.pool.options.port = 0
  sendLogToStderr(node)
  keepToItself(node)
  return node
}

/** Opens it to peers, and gives its port. */
export const listen = async (node: FullNode): Promise<number> => {
  const listening = new Promise<number>((resolve) => node.pool.on("listening", ({ port }) => resolve(port)))
  await node.connect()
  node.startSync()
  return await listening
}
