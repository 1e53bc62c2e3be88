/**
 * A soak: clients that send, servers that write down what arrives, and faults until the time is over.
 */
import { Clock, Deferred, Effect, Exit, Random, Schedule } from "effect"
import type { Scope } from "effect"
import type { SoakError } from "./children.ts"
import { LaneAccount } from "./contract.ts"
import * as Director from "./director.ts"
import * as Ledger from "./ledger.ts"
import * as Place from "./place.ts"
import type { ClientsReport, Lane } from "./protocol.ts"
import * as Result from "./result.ts"
import type { Sample } from "./samples.ts"

export interface Options {
  readonly minutes: number
  /** Of the faults, and of what clients send. */
  readonly seed: number
  readonly clients: number
}

export interface Soaked {
  readonly result: Result.Result
  readonly samples: ReadonlyArray<Sample>
}

const samplesWanted = 120
const shortestSampling = 500
const readLedgerEvery = "100 millis"

/** How long faults may take that have begun when the time is over: a server that comes back is needed. */
const settleTime = "30 seconds"

/** What is known of each lane of each client. */
const makeAccounts = (): (client: number, lane: Lane) => LaneAccount => {
  const lanes = new Map<string, LaneAccount>()
  return (client, lane) => {
    const key = `${client}/${lane}`
    const account = lanes.get(key) ?? new LaneAccount()
    lanes.set(key, account)
    return account
  }
}

const sample = (place: Place.Place, start: number): Effect.Effect<Sample, SoakError> =>
  Effect.gen(function*() {
    const [clients, server] = yield* Effect.all([place.clients.gauge, place.server.gauge], { concurrency: 2 })
    return { seconds: ((yield* Clock.currentTimeMillis) - start) / 1000, gauges: { clients, server } }
  })

/** Lets things go wrong for as long as was asked for, and until all is well again. Returns what is not. */
const endure = (place: Place.Place, director: Director.Director, samples: Array<Sample>, minutes: number) =>
  Effect.gen(function*() {
    const millis = minutes * 60_000
    const start = yield* Clock.currentTimeMillis
    const sampling = Effect.map(sample(place, start), (one) => void samples.push(one)).pipe(
      Effect.repeat(Schedule.spaced(Math.max(shortestSampling, millis / samplesWanted)))
    )
    yield* Effect.raceAllFirst([director.direct, sampling, Effect.sleep(millis)])
    return yield* director.settled.pipe(
      Effect.as<ReadonlyArray<string>>([]),
      Effect.timeoutOrElse({
        duration: settleTime,
        orElse: () => Effect.succeed([`not over after ${settleTime}: ${director.running().join(", ")}`])
      })
    )
  })

const run = ({ clients, minutes, seed }: Options): Effect.Effect<Soaked, SoakError, Scope.Scope> =>
  Effect.gen(function*() {
    const account = makeAccounts()
    const finished = yield* Deferred.make<ClientsReport>()
    const place = yield* Place.build(
      clients,
      seed,
      (loss) => account(loss.client, loss.lane).addLoss(loss),
      (report) => Deferred.doneUnsafe(finished, Exit.succeed(report))
    )
    const ledger = yield* Effect.acquireRelease(
      Effect.sync(() => new Ledger.Reader(place.ledger)),
      (reader) => Effect.sync(() => reader.close())
    )
    const readLedger = Effect.sync(() => ledger.read((entry) => account(entry.client, entry.lane).addEntry(entry)))
    yield* Effect.forkScoped(Effect.repeat(readLedger, Schedule.spaced(readLedgerEvery)))
    const director = yield* Director.make(place)
    const samples: Array<Sample> = []
    const unsettled = yield* endure(place, director, samples, minutes)

    place.clients.order({ _tag: "Finish" })
    const report = yield* place.clients.whileAlive(Deferred.await(finished))
    yield* readLedger
    const { counts } = director
    const problems = [...director.problems, ...unsettled]
    const { corrupt } = ledger
    return {
      result: Result.make({ minutes, seed, report, account, faults: counts, samples, corrupt, problems }),
      samples
    }
  })

/** Fails when the soak could not be run. What it finds is in its result. */
export const soak = (options: Options): Effect.Effect<Soaked, SoakError> =>
  run(options).pipe(Effect.scoped, Random.withSeed(options.seed))
