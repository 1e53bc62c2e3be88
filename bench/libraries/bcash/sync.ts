/**
 * bcash: an SPV node in memory that follows the chain of its only peer.
 */
import * as Loopback from "../../../test/node/loopback.ts"
import type { ClientModule } from "../../harness/library.ts"
import * as Measure from "../../harness/measure.ts"
import * as Package from "./package.ts"

const nothing = async (): Promise<void> => {}

/** A checkpoint far above: up to it bcash asks for headers, and above the last one for blocks. */
const distant = { hash: Buffer.alloc(32), height: 10_000_000 }

const make = (port: number, checkpoints: boolean): Package.SpvNode => {
  Loopback.guard()
  const bcash = Package.load()
  if (checkpoints) {
    Object.assign(bcash.Network.get("regtest"), { checkpoints: [distant], lastCheckpoint: distant.height })
  }
  const node = new bcash.SPVNode({
    network: "regtest",
    memory: true,
    checkpoints,
    workers: false,
    only: [`127.0.0.1:${port}`],
    publicHost: "127.0.0.1",
    upnp: false,
    seeds: [],
    noAuth: true,
    logLevel: "none"
  })
  Object.assign(node.pool, { discoverExternal: nothing, discoverGateway: nothing, discoverSeeds: nothing })
  Object.assign(node.http, { open: nothing, close: nothing })
  return node
}

/** Waits until it has checked the header of that height. */
const headersUpTo = (node: Package.SpvNode, height: number): Promise<void> =>
  new Promise((resolve) => {
    const { pool } = node
    const handle = pool.handleHeaders.bind(pool)
    pool.handleHeaders = async (peer, packet) => {
      await handle(peer, packet)
      if (pool.headerChain.tail.height === height) resolve()
    }
  })

/** Waits until its chain has that height. */
const chainUpTo = ({ chain }: Package.SpvNode, height: number): Promise<void> =>
  new Promise((resolve) => chain.on("connect", (entry) => entry.height === height && resolve()))

export const workloads: ClientModule["workloads"] = {
  sync: async ({ count, extra, port }) => {
    const onlyHeaders = extra["until"] === "headers"
    const seconds = Measure.stopwatch()
    const node = make(port, onlyHeaders)
    const done = onlyHeaders ? headersUpTo(node, count) : chainUpTo(node, count)
    await node.open()
    await node.connect()
    node.startSync()
    await done
    const taken = seconds()
    return { perSecond: count / taken, seconds: taken }
  }
}
