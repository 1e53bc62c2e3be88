/**
 * The processes of the soak, seen from the one that judges. None of them outlives its scope.
 */
import { Data, Deferred, Effect, Exit } from "effect"
import type { Scope } from "effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import process from "node:process"
import type { Gauge, Order, Told } from "./protocol.ts"

/** The soak could not be run. */
export class SoakError extends Data.TaggedError("SoakError")<{ readonly problem: string }> {
  override get message(): string {
    return this.problem
  }
}

/** How a process ended. */
export interface End {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly complaint: string
}

const complaintLength = 2000
/** Longer than the clients wait for their last messages, so that they can tell what has not left. */
const patience = "90 seconds"

export class Child {
  readonly #process: ChildProcess.ChildProcess
  readonly #name: string
  readonly #onTold: (told: Told) => void
  readonly #ended = Deferred.makeUnsafe<End>()
  #ready = Deferred.makeUnsafe<void>()
  #onGauge: (gauge: Gauge) => void = () => {}

  constructor(name: string, task: unknown, env: Record<string, string>, onTold: (told: Told) => void) {
    this.#name = name
    this.#onTold = onTold
    const entry = Path.join(import.meta.dirname, "processes", `${name}.ts`)
    const options = ["--expose-gc", "--conditions=effect-flowee-source", entry, JSON.stringify(task)]
    const child = ChildProcess.spawn(process.execPath, options, {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, NODE_OPTIONS: "", ...env }
    })
    this.#process = child
    let complaint = ""
    for (const output of [child.stdout!, child.stderr!]) {
      output.setEncoding("utf8").on("data", (text: string) => {
        complaint = (complaint + text).slice(-complaintLength)
      })
    }
    child.on("message", (told: Told) => this.#hear(told))
    child.on("error", (error) => this.#end({ code: null, signal: null, complaint: error.message }))
    child.on("exit", (code, signal) => this.#end({ code, signal, complaint }))
  }

  /** Completes when the process does its work, and when it does so again after a restart within. */
  get ready(): Effect.Effect<void, SoakError> {
    return this.whileAlive(Effect.suspend(() => Deferred.await(this.#ready)))
  }

  get ended(): Effect.Effect<End> {
    return Deferred.await(this.#ended)
  }

  get gauge(): Effect.Effect<Gauge, SoakError> {
    return this.whileAlive(Effect.callback<Gauge>((resume) => {
      this.#onGauge = (gauge) => resume(Effect.succeed(gauge))
      this.order({ _tag: "Gauge" })
    }))
  }

  order(order: Order): void {
    // Who waits for an earlier restart waits for the end of both.
    if (order._tag === "Restart" && Deferred.isDoneUnsafe(this.#ready)) this.#ready = Deferred.makeUnsafe()
    if (this.#process.connected) this.#process.send(order)
  }

  /** Sends a signal, and waits for the end. */
  kill(signal: NodeJS.Signals): Effect.Effect<End> {
    return Effect.suspend(() => {
      this.#process.kill(signal)
      return this.ended
    })
  }

  /** An effect that fails when the process ends first, or when it takes far too long. */
  whileAlive<A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | SoakError> {
    const name = this.#name
    const gone = Effect.flatMap(
      this.ended,
      ({ code, complaint, signal }) =>
        Effect.fail(new SoakError({ problem: `the process ${name} ended (${signal ?? code}): ${complaint}` }))
    )
    return Effect.raceFirst(effect, gone).pipe(Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(new SoakError({ problem: `the process ${name} says nothing for ${patience}` }))
    }))
  }

  #hear(told: Told): void {
    if (told._tag === "Ready") Deferred.doneUnsafe(this.#ready, Exit.void)
    if (told._tag === "Gauge") this.#onGauge(told.gauge)
    this.#onTold(told)
  }

  #end(end: End): void {
    Deferred.doneUnsafe(this.#ended, Exit.succeed(end))
  }
}

export const start = (
  name: "clients" | "server" | "threads",
  task: unknown,
  env: Record<string, string>,
  onTold: (told: Told) => void = () => {}
): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(() => new Child(name, task, env, onTold)), (child) => child.kill("SIGKILL"))
