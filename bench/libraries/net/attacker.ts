/**
 * node:net: a peer that attacks until it is told to stop.
 */
import * as Os from "node:os"
import type { ClientModule } from "../../harness/library.ts"
import * as Measure from "../../harness/measure.ts"
import { Attacker } from "./attack.ts"
import { attacks } from "./attacks.ts"

const own = "127.0.0.2"

/** All of 127.0.0.0/8 is this machine on two systems, and elsewhere only what an interface was given. */
const hasOwn = Os.platform() === "linux" || Os.platform() === "win32" ||
  Object.values(Os.networkInterfaces()).flat().some((address) => address?.address === own)

/** An address of its own, so that a ban is nobody else's. */
const localAddress = hasOwn ? own : undefined

export const workloads: ClientModule["workloads"] = {
  attack: async ({ extra, port }, { checkpoint }) => {
    const start = attacks[String(extra["attack"])]
    if (start === undefined) throw new Error(`there is no attack "${extra["attack"]}"`)
    const attacker = new Attacker(port, localAddress)
    const seconds = Measure.stopwatch()
    start(attacker, Math.ceil(Number(extra["attackers"]) * Number(extra["scale"])))
    await attacker.hasConnected
    await checkpoint("under way")
    attacker.stop()
    return {
      attackMegabytes: attacker.bytes / seconds() / 1_000_000,
      attackConnections: attacker.connections,
      attackEnded: attacker.ended
    }
  }
}
