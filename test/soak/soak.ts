/**
 * A soak: clients that send, servers that write down what arrives, and faults until the time is over.
 */
import { Clock, Deferred, Effect, Exit, Random, Schedule } from "effect"
import type { Scope } from "effect"
import { SoakError } from "./children.ts"
import { LaneAccount } from "./contract.ts"
import * as Faults from "./faults.ts"
import * as Ledger from "./ledger.ts"
import * as Place from "./place.ts"
import type { ClientsReport, Lane } from "./protocol.ts"
import * as Result from "./result.ts"
import type { Sample } from "./samples.ts"

export interface Options {
  readonly minutes: number
  readonly seed: number
  readonly clients: number
}

/** From one fault to the next, in milliseconds. */
const shortestPause = 100
const longestPause = 700

const samplesWanted = 120
const readLedgerEvery = "100 millis"

/** How long faults may take that have begun when the time is over: a server that comes back is needed. */
const settleTime = "30 seconds"

class Accounts {
  readonly #lanes = new Map<string, LaneAccount>()

  readonly get = (client: number, lane: Lane): LaneAccount => {
    const key = `${client}/${lane}`
    let account = this.#lanes.get(key)
    if (account === undefined) this.#lanes.set(key, account = new LaneAccount())
    return account
  }
}

/** What goes wrong, each kind once before any comes again. */
const makeDirector = (place: Place.Place, counts: Record<string, number>, problems: Array<string>) =>
  Effect.gen(function*() {
    const pending = new Set<Deferred.Deferred<void>>()
    const first = yield* Random.shuffle(Faults.faults)
    const start = (fault: Faults.Fault) => {
      const done = Deferred.makeUnsafe<void>()
      pending.add(done)
      counts[fault.name] = (counts[fault.name] ?? 0) + 1
      return Effect.forkScoped(
        fault.run(place).pipe(
          Effect.matchCause({
            onSuccess: (found) => void problems.push(...found),
            onFailure: (cause) => void problems.push(`${fault.name}: ${String(cause)}`)
          }),
          Effect.ensuring(Effect.sync(() => {
            pending.delete(done)
            Deferred.doneUnsafe(done, Exit.void)
          }))
        )
      )
    }
    const next = Effect.suspend(() => {
      const fault = first.pop()
      return fault === undefined ? Faults.choose : Effect.succeed(fault)
    })
    const direct = Effect.gen(function*() {
      yield* Effect.sleep(yield* Random.nextIntBetween(shortestPause, longestPause))
      yield* Effect.flatMap(next, start)
    })
    return {
      direct: Effect.forever(direct),
      settled: Effect.suspend(() => Effect.forEach([...pending], (done) => Deferred.await(done), { discard: true }))
    }
  })

const sample = (place: Place.Place, start: number): Effect.Effect<Sample, SoakError> =>
  Effect.gen(function*() {
    const [clients, server] = yield* Effect.all([place.clients.gauge, place.server.gauge], { concurrency: 2 })
    return { seconds: (yield* Clock.currentTimeMillis) / 1000 - start, gauges: { clients, server } }
  })

const run = (options: Options): Effect.Effect<SoakOutcome, SoakError, Scope.Scope> =>
  Effect.gen(function*() {
    const { clients, minutes, seed } = options
    const accounts = new Accounts()
    const finished = yield* Deferred.make<ClientsReport>()
    const place = yield* Place.build(
      clients,
      seed,
      (loss) => accounts.get(loss.client, loss.lane).addLoss(loss),
      (report) => Deferred.doneUnsafe(finished, Exit.succeed(report))
    )
    const ledger = yield* Effect.acquireRelease(
      Effect.sync(() => new Ledger.Reader(place.ledger)),
      (reader) => Effect.sync(() => reader.close())
    )
    const readLedger = Effect.sync(() => ledger.read((entry) => accounts.get(entry.client, entry.lane).addEntry(entry)))
    yield* Effect.forkScoped(Effect.repeat(readLedger, Schedule.spaced(readLedgerEvery)))

    const counts: Record<string, number> = {}
    const problems: Array<string> = []
    const samples: Array<Sample> = []
    const start = (yield* Clock.currentTimeMillis) / 1000
    const director = yield* makeDirector(place, counts, problems)
    const sampling = Effect.map(sample(place, start), (one) => void samples.push(one)).pipe(
      Effect.repeat(Schedule.spaced(Math.max(500, minutes * 60_000 / samplesWanted)))
    )
    yield* Effect.raceAllFirst([director.direct, sampling, Effect.sleep(minutes * 60_000)])
    yield* director.settled.pipe(Effect.timeoutOrElse({
      duration: settleTime,
      orElse: () => Effect.fail(new SoakError({ problem: `a fault was not over after ${settleTime}` }))
    }))
    place.clients.order({ _tag: "Finish" })
    const report = yield* place.clients.whileAlive(Deferred.await(finished))
    yield* readLedger
    const findings = {
      minutes,
      seed,
      report,
      account: accounts.get,
      faults: counts,
      samples,
      corrupt: ledger.corrupt,
      problems
    }
    return { result: Result.make(findings), samples }
  })

export interface SoakOutcome {
  readonly result: Result.Result
  readonly samples: ReadonlyArray<Sample>
}

export const soak = (options: Options): Effect.Effect<SoakOutcome, SoakError> =>
  run(options).pipe(Effect.scoped, Random.withSeed(options.seed))
