/**
 * Measures how long a turn of the event loop takes at most while large things are handled that peers may send, or that
 * are stored. Nothing should take 50 ms. What counts is the time that the thread had a core, so that it matters little
 * what else the machine does; collections of garbage are a part of it. The least of some rounds is told, and all of them.
 *
 *     npm run bench:loop                  all of them, each three times
 *     npm run bench:loop -- block         those that have a word in their name
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect } from "effect"
import process from "node:process"
import * as Bans from "./bans.ts"
import * as Blocks from "./blocks.ts"
import * as Headers from "./headers.ts"
import * as Hub from "./hub.ts"
import * as Peers from "./peers.ts"
import { longestTurn } from "./probe.ts"

const rounds = 3

const word = process.argv[2] ?? ""

const cases = [...Bans.cases, ...Blocks.cases, ...Headers.cases, ...Peers.cases, ...Hub.cases].filter(({ what }) =>
  what.includes(word)
)

const measure = ({ prepare, what }: (typeof cases)[number]) =>
  Effect.gen(function*() {
    const turns: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      const { run } = yield* prepare
      globalThis.gc?.()
      turns.push(yield* longestTurn(run))
    }
    const [least] = turns.toSorted((a, b) => a - b)
    yield* Console.log(`| ${what} | ${least!.toFixed(0)} ms (${turns.map((turn) => turn.toFixed(0)).join(", ")}) |`)
  })

NodeRuntime.runMain(Effect.forEach(cases, measure, { discard: true }))
