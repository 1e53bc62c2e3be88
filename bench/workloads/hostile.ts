/**
 * An attacker at full speed beside an honest peer of the same server.
 */
import { Deferred, Effect, Scope } from "effect"
import * as Path from "node:path"
import { atMost } from "../harness/goals.ts"
import type { Measured } from "../harness/library.ts"
import * as Folder from "../harness/folder.ts"
import * as Pair from "../harness/pair.ts"
import * as Processes from "../harness/processes.ts"
import type { Amounts, Contestant, Goal, Sample, Workload } from "../harness/workload.ts"
import { flowee } from "./contestants.ts"

const attackerModule = "libraries/net/attacker.ts"

const contestant: Contestant = {
  ...flowee,
  server: "libraries/flowee/hostile/server.ts",
  client: "libraries/flowee/hostile/client.ts"
}

/** An attack of `libraries/net/attacks.ts`, over so many connections at the same time. */
const attack = (label: string, name: string, connections: number): Contestant => ({
  ...contestant,
  label,
  extra: { attack: name, attackers: connections }
})

const nobody: Contestant = { ...contestant, label: "nobody" }

/** The server asks for a cookie only there. */
const wrongLogins = "wrong logins"

/** What an address may have by default. */
const allowed = 64

const attacks: ReadonlyArray<Contestant> = [
  attack("tiny messages, 1 connection", "tiny", 1),
  attack("tiny messages", "tiny", allowed),
  attack("tiny messages, 512 connections", "tiny", 512),
  attack("one byte per segment", "bytes", allowed),
  attack("pings", "pings", allowed),
  attack("requests, no reply read", "unread", allowed),
  attack("requests of 1 MB, no reply read", "unread-large", allowed),
  attack("requests of 1 MB", "large", allowed),
  attack("a message that never ends", "endless", allowed),
  attack("32 MB but for the last byte", "unfinished", allowed),
  attack("32 MB announced, over and over", "announced", allowed),
  attack("announced beyond the limit", "beyond", allowed),
  attack("garbage", "garbage", allowed),
  attack("connecting and closing", "churn", allowed),
  attack(wrongLogins, "logins", allowed),
  attack("a byte per second", "slow", 500),
  {
    ...attack("tiny messages, 2 threads", "tiny", allowed),
    server: "libraries/flowee/hostile/threads.ts"
  }
]

const measure = (
  contestant: Contestant,
  amounts: Amounts
): Effect.Effect<Sample, Processes.BenchError, Scope.Scope> =>
  Pair.withinTime(Effect.gen(function*() {
    const scope = yield* Effect.scope
    const cookie = contestant.label === wrongLogins ? Path.join(yield* Folder.temporary, "cookie") : undefined
    const all = { ...amounts, extra: { ...amounts.extra, cookie } }
    const server = yield* Processes.startServer(contestant.server, Pair.serverOptions(contestant, all, "hostile"))
    const options = Pair.clientOptions(contestant, all, "hostile", server.port)
    const client = yield* Processes.startClient(contestant.client, options)
    const isDone = yield* Deferred.make<void>()
    let attacker: Processes.Client | undefined

    const startAttacker = Effect.gen(function*() {
      const isUnderWay = yield* Deferred.make<void>()
      attacker = yield* Processes.startClient(attackerModule, { ...options, workload: "attack" })
      yield* attacker.atCheckpoints(() =>
        Effect.andThen(Deferred.succeed(isUnderWay, undefined), Deferred.await(isDone))
      )
      yield* Deferred.await(isUnderWay)
    })

    yield* client.atCheckpoints(() =>
      Effect.gen(function*() {
        if (contestant !== nobody) yield* startAttacker
        // What is counted begins here.
        yield* server.usage
      }).pipe(Scope.provide(scope))
    )
    const honest = yield* client.report
    const { counts, usage } = yield* server.usage
    yield* Deferred.succeed(isDone, undefined)
    const attacked: Measured = attacker === undefined ? noAttack : (yield* attacker.report).measured
    return { measured: { ...honest.measured, ...counts, ...attacked }, client: honest.usage, server: usage }
  }))

const noAttack: Measured = { attackMegabytes: 0, attackConnections: 0, attackEnded: 0 }

/** The worst of all rows. */
const worst = (limit: number, text: string, key: string): Goal => ({
  text,
  judge: (medians) => {
    const goals = attacks.map(({ label }) => ({ label, goal: atMost(limit, text, label, key, "micros") }))
    const judged = goals.map(({ goal, label }) => ({ label, value: medians(label, key), verdict: goal.judge(medians) }))
    const known = judged.flatMap(({ label, value, verdict }) =>
      value === undefined || verdict === undefined ? [] : [{ label, value, verdict }]
    )
    const worst = known.toSorted((a, b) => b.value - a.value)[0]
    return worst === undefined
      ? undefined
      : { found: `${worst.verdict.found} (${worst.label})`, isMet: worst.verdict.isMet }
  }
})

const amounts = (rounds: number, count: number, warmUp: number, scale: number): Amounts => ({
  rounds,
  count,
  warmUp,
  size: 32,
  window: 1,
  connections: 1,
  extra: { scale }
})

export const hostile: Workload = {
  name: "hostile",
  what: "A round trip of 32 bytes every 5 ms, while another peer of the same event loop attacks at full speed.",
  columns: [
    { key: "p99", label: "p99", format: "micros" },
    { key: "p50", label: "p50", format: "micros" },
    { key: "loopMax", label: "event loop held up, longest", format: "micros" },
    { key: "workMax", label: "of it, by its own work", format: "micros" },
    { key: "attackMegabytes", label: "attacker sent", format: "megabytes" },
    { key: "attackConnections", label: "its connections", format: "count" },
    { key: "attackEnded", label: "ended for it", format: "count" },
    { key: "banned", label: "bans", format: "count" }
  ],
  contestants: [nobody, ...attacks],
  smoke: [
    nobody.label,
    "tiny messages",
    "one byte per segment",
    "requests, no reply read",
    "garbage",
    wrongLogins,
    "tiny messages, 2 threads"
  ],
  floor: [nobody.label],
  better: "less",
  amounts: {
    full: amounts(1, 400, 200, 1),
    quick: amounts(1, 200, 100, 1),
    smoke: amounts(1, 10, 1, 1 / 16)
  },
  measure,
  goals: [
    worst(100_000, "no attack takes p99 above 100 ms", "p99"),
    worst(50_000, "no attack holds the event loop up for more than 50 ms", "loopMax")
  ],
  notes: [
    "The server has its defaults, except that nobody on loopback is limited in the rate of new connections. The attacker " +
    "is written against `node:net`, connects from 127.0.0.2 with 64 connections, what a stranger may have, or as many as " +
    "the row says, and connects again whenever it is cut off.",
    "The event loop is watched by a timer of 2 ms. Three processes share the cores: what the operating system takes from " +
    "the server is in the figures, and the first row says how much that is without an attacker."
  ]
}
