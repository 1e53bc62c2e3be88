/**
 * Starts threads that serve, replaces those that die, and ends them all in good order.
 */
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Threads from "node:worker_threads"
import type * as BanList from "../../services/BanList.ts"
import * as Runner from "../runner.ts"
import * as Host from "../serving/host.ts"
import * as Protocol from "../serving/protocol.ts"

/** @internal */
export interface ServingThreadsOptions {
  readonly count: number
  readonly banList: BanList.BanList["Service"]
  readonly clock: Clock.Clock
  readonly data: Omit<Protocol.ThreadData, "generation">
  readonly shutdownTimeout: Duration.Duration
  /** Completed when all threads serve, or when one of the first has failed. */
  readonly ready: Deferred.Deferred<ReadonlyArray<string>, string>
}

/** @internal */
export interface Totals extends Protocol.ThreadStats {
  readonly threads: number
  readonly replaced: number
}

type State =
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Serving" }
  | { readonly _tag: "Ended" }

interface Thread {
  readonly generation: number
  readonly worker: Threads.Worker
  readonly ended: Deferred.Deferred<void>
  state: State
}

/** A thread that dies is replaced after this many milliseconds, doubled for each death without a success between. */
const firstDelay = 100
const longestDelay = 10_000

const entry = (): URL => {
  const extension = new URL(import.meta.url).pathname.endsWith(".ts") ? "ts" : "js"
  return new URL(`./serving.worker.${extension}`, import.meta.url)
}

class ServingThreads {
  readonly #options: ServingThreadsOptions
  readonly #runner: Runner.Runner
  readonly #host: Host.Host
  readonly #threads = new Set<Thread>()
  readonly #statsWaiting = new Map<number, (stats: Protocol.ThreadStats) => void>()
  #generations = 0
  #replaced = 0
  #deathsInARow = 0
  #isClosing = false
  #lastQuestion = 0

  constructor(options: ServingThreadsOptions, runner: Runner.Runner) {
    this.#options = options
    this.#runner = runner
    this.#host = new Host.Host(options.banList, options.clock, (generation, message) => this.#tell(generation, message))
  }

  start(): void {
    const generation = this.#generations++
    const worker = new Threads.Worker(entry(), {
      workerData: { ...this.#options.data, generation } satisfies Protocol.ThreadData
    })
    const thread: Thread = { generation, worker, ended: Deferred.makeUnsafe(), state: { _tag: "Starting" } }
    this.#threads.add(thread)
    worker.on("message", (message: Protocol.FromThread) => this.#onMessage(thread, message))
    worker.on("error", (cause) => this.#onFailure(thread, String(cause)))
    worker.on("exit", () => this.#onExit(thread))
  }

  onBan(ban: BanList.Ban): void {
    const message: Protocol.ToThread = { _tag: "NewBan", ban: Protocol.toPlain(ban) }
    for (const { worker } of this.#threads) worker.postMessage(message)
  }

  readonly stats: Effect.Effect<Totals> = Effect.suspend(() =>
    Effect.map(
      Effect.forEach(this.#serving, (thread) => this.#ask(thread), { concurrency: "unbounded" }),
      (all): Totals => ({
        threads: this.#serving.length,
        replaced: this.#replaced,
        connections: all.reduce((sum, { connections }) => sum + connections, 0),
        messagesSent: all.reduce((sum, { messagesSent }) => sum + messagesSent, 0),
        messagesReceived: all.reduce((sum, { messagesReceived }) => sum + messagesReceived, 0)
      })
    )
  )

  /** Lets every thread drain and end; those that do not are ended by force. */
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#isClosing = true
    return Effect.forEach(this.#threads, (thread) => {
      thread.worker.postMessage({ _tag: "Shutdown" } satisfies Protocol.ToThread)
      return Effect.interruptible(Deferred.await(thread.ended)).pipe(
        Effect.timeoutOrElse({
          duration: this.#options.shutdownTimeout,
          orElse: () => Effect.promise(() => thread.worker.terminate())
        })
      )
    }, { concurrency: "unbounded", discard: true })
  })

  get #serving(): Array<Thread> {
    return [...this.#threads].filter(({ state }) => state._tag === "Serving")
  }

  #onMessage(thread: Thread, message: Protocol.FromThread): void {
    switch (message._tag) {
      case "Ask":
        return this.#answer(thread, message)
      case "Ready":
        return this.#onReady(thread, message.addresses)
      case "Failed":
        return this.#onFailure(thread, message.cause)
      case "Stats":
        this.#statsWaiting.get(message.id)?.(message.stats)
        this.#statsWaiting.delete(message.id)
    }
  }

  #tell(generation: number, message: Protocol.ToThread): void {
    for (const thread of this.#threads) if (thread.generation === generation) thread.worker.postMessage(message)
  }

  #answer(thread: Thread, message: Extract<Protocol.FromThread, { readonly _tag: "Ask" }>): void {
    const { id } = message
    const post = (reply: Protocol.ToThread) => thread.worker.postMessage(reply)
    this.#runner.fork(Effect.match(this.#host.answer(message, thread.generation), {
      onSuccess: (answer) => post({ _tag: "Answer", id, answer }),
      onFailure: (error) => post({ _tag: "AnswerFailed", id, message: String(error) })
    }))
  }

  #onReady(thread: Thread, addresses: ReadonlyArray<string>): void {
    thread.state = { _tag: "Serving" }
    this.#deathsInARow = 0
    if (this.#serving.length === this.#options.count) {
      Deferred.doneUnsafe(this.#options.ready, Exit.succeed(addresses))
    }
  }

  #onFailure(thread: Thread, cause: string): void {
    // Before all of them serve this fails the start; later it is a death like another.
    Deferred.doneUnsafe(this.#options.ready, Exit.fail(cause))
    this.#runner.fork(Effect.logError(`Serving thread ${thread.generation} failed: ${cause}`))
    void thread.worker.terminate()
  }

  #onExit(thread: Thread): void {
    if (thread.state._tag === "Ended") return
    thread.state = { _tag: "Ended" }
    this.#threads.delete(thread)
    this.#host.forget(thread.generation)
    Deferred.doneUnsafe(thread.ended, Exit.void)
    if (this.#isClosing) return
    Deferred.doneUnsafe(this.#options.ready, Exit.fail(`thread ${thread.generation} ended before it served`))
    this.#replaced += 1
    this.#deathsInARow += 1
    const delay = Math.min(longestDelay, firstDelay * 2 ** (this.#deathsInARow - 1))
    this.#runner.fork(Effect.andThen(
      Effect.andThen(
        Effect.logWarning(`Serving thread ${thread.generation} has ended; another takes its place`),
        Effect.sleep(delay)
      ),
      Effect.sync(() => {
        if (!this.#isClosing) this.start()
      })
    ))
  }

  #ask(thread: Thread): Effect.Effect<Protocol.ThreadStats> {
    const none: Protocol.ThreadStats = { connections: 0, messagesSent: 0, messagesReceived: 0 }
    return Effect.callback<Protocol.ThreadStats>((resume) => {
      const id = ++this.#lastQuestion
      this.#statsWaiting.set(id, (stats) => resume(Effect.succeed(stats)))
      thread.worker.postMessage({ _tag: "GetStats", id } satisfies Protocol.ToThread)
      return Effect.sync(() => this.#statsWaiting.delete(id))
    }).pipe(Effect.raceFirst(Effect.as(Deferred.await(thread.ended), none)))
  }
}

/** @internal */
export const make = Effect.fnUntraced(function*(
  options: ServingThreadsOptions
): Effect.fn.Return<{ readonly stats: Effect.Effect<Totals> }, never, Scope.Scope> {
  const runner = yield* Runner.make
  const threads = new ServingThreads(options, runner)
  yield* options.banList.subscribe((ban) => threads.onBan(ban))
  yield* Effect.addFinalizer(() => threads.close)
  for (let i = 0; i < options.count; i++) threads.start()
  return { stats: threads.stats }
})
