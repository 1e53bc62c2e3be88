/**
 * What may happen to network managers and their connections.
 */
import { Data } from "effect"
import type * as Message from "../../src/domain/Message.ts"
import * as Fault from "../../src/testing/Fault.ts"
import * as Scenario from "../../src/testing/Scenario.ts"

/** How messages are taken. */
export type Mode = "fast" | "slow" | "batch" | "stream"

/**
 * Who acts is a number: of the handles that are open and the accepted connections, the one at that place, from the
 * beginning again when there are fewer. A client is a host that dials.
 */
export type Action = Data.TaggedEnum<{
  /** A handle on the connection to the server. */
  Open: { readonly client: number; readonly mode: Mode }
  CloseHandle: { readonly handle: number }
  Send: {
    readonly by: number
    readonly how: "unsafe" | "try" | "wait" | "all"
    readonly priority: Message.Priority
    readonly count: number
    readonly bytes: number
    /** When the sender is interrupted, if it still waits. */
    readonly patience: number | undefined
  }
  Ask: {
    readonly by: number
    readonly priority: Message.Priority
    readonly bytes: number
    readonly timeout: number
    /** When the one who asks is interrupted. */
    readonly patience: number | undefined
    /** Nobody answers. */
    readonly isVain: boolean
  }
  Disconnect: { readonly by: number }
  /** The server closes, and comes back after some milliseconds. */
  Restart: { readonly millis: number; readonly mode: Mode }
  /** The server bans a client, or no longer. */
  Ban: { readonly client: number }
  Unban: { readonly client: number }
  /** A client bans the server, or no longer. */
  Shun: { readonly client: number }
  Forgive: { readonly client: number }
  CloseManager: { readonly client: number }
}>

export const Action = Data.taggedEnum<Action>()

export type Step = Action | Fault.Fault

export const clients: ReadonlyArray<string> = ["10.0.0.1", "10.0.0.2"]

const modes: ReadonlyArray<Mode> = ["fast", "fast", "slow", "batch", "stream"]
const anybody = (draw: Scenario.Draw) => draw.int(0, 5)
const client = (draw: Scenario.Draw) => draw.int(0, clients.length - 1)
const priority = (draw: Scenario.Draw): Message.Priority => draw.pick(["normal", "normal", "high"])
const patience = (draw: Scenario.Draw) => draw.chance(0.2) ? draw.pick([0, 1, 100, 10_000]) : undefined

/** Around the sizes where packets, chunks and writes end; a high message has at most 8000 bytes. */
const bytes = (draw: Scenario.Draw, of: Message.Priority): number =>
  of === "high" ? draw.pick([0, 1, 40, 600, 8000]) : draw.pick([0, 1, 40, 40, 600, 3000, 7999, 8001, 16_000, 30_000])

export const actions: ReadonlyArray<Scenario.Choice<Action>> = [
  Scenario.choice(4, (draw) => Action.Open({ client: client(draw), mode: draw.pick(modes) })),
  Scenario.choice(2, (draw) => Action.CloseHandle({ handle: anybody(draw) })),
  Scenario.choice(16, (draw) => {
    const lane = priority(draw)
    return Action.Send({
      by: anybody(draw),
      how: draw.pick(["unsafe", "try", "wait", "all", "all"]),
      priority: lane,
      count: draw.int(1, 12),
      bytes: bytes(draw, lane),
      patience: patience(draw)
    })
  }),
  Scenario.choice(10, (draw) => {
    const lane = priority(draw)
    return Action.Ask({
      by: anybody(draw),
      priority: lane,
      bytes: bytes(draw, lane),
      timeout: draw.pick([0, 1, 500, 5000, 30_000, 30_000]),
      patience: patience(draw),
      isVain: draw.chance(0.15)
    })
  }),
  Scenario.choice(1, (draw) => Action.Disconnect({ by: anybody(draw) })),
  Scenario.choice(1, (draw) => Action.Restart({ millis: draw.pick([0, 100, 20_000]), mode: draw.pick(modes) })),
  Scenario.choice(1, (draw) => Action.Ban({ client: client(draw) })),
  Scenario.choice(1, (draw) => Action.Unban({ client: client(draw) })),
  Scenario.choice(0.5, (draw) => Action.Shun({ client: client(draw) })),
  Scenario.choice(0.5, (draw) => Action.Forgive({ client: client(draw) })),
  Scenario.choice(0.5, (draw) => Action.CloseManager({ client: client(draw) }))
]

export const faults = (kinds?: ReadonlyArray<Fault.Fault["_tag"]>): ReadonlyArray<Scenario.Choice<Fault.Fault>> =>
  Fault.choices({ places: ["everywhere", ...clients], weight: 14, maxBytes: 40_000, kinds })
