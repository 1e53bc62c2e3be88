/**
 * The processes of a benchmark, seen from the harness. None of them outlives the scope that it was started in.
 */
import { Data, Deferred, Effect, Exit } from "effect"
import type { Scope } from "effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import process from "node:process"
import * as Cores from "./cores.ts"
import type { ClientOptions, Measured, ServerOptions } from "./library.ts"
import type { Answer, ClientReport, Question, Task } from "./task.ts"
import type { Memory, Usage } from "./usage.ts"

/** A measurement failed. */
export class BenchError extends Data.TaggedError("BenchError")<{ readonly problem: string }> {
  override get message(): string {
    return this.problem
  }
}

const entry = Path.join(import.meta.dirname, "child.ts")

/** Time for a process to end by itself before it is killed, in milliseconds. */
const patience = 2000

/** What a process has complained about is kept up to this many characters. */
const complaintLength = 2000

class Child {
  readonly #process: ChildProcess.ChildProcess
  readonly #role: Task["role"]
  readonly #answers = new Map<Answer["_tag"], (answer: Answer) => void>()
  readonly #line = Deferred.makeUnsafe<string, BenchError>()
  readonly #exited = Deferred.makeUnsafe<void>()
  #complaint = ""
  #onCheckpoint: (name: string) => void = () => {}

  constructor(task: Task, core: number | undefined) {
    this.#role = task.role
    const [command, args] = Cores.onCore(core, process.execPath, ["--expose-gc", entry, JSON.stringify(task)])
    const child = ChildProcess.spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...process.env, NODE_OPTIONS: "" }
    })
    this.#process = child
    child.on("message", (answer: Answer) => this.#onAnswer(answer))
    child.on("error", (error) => this.#fail(error.message))
    child.on("exit", (code, signal) => {
      this.#fail(`ended (${signal ?? `exit code ${code}`})${this.#complaint === "" ? "" : `: ${this.#complaint}`}`)
      Deferred.doneUnsafe(this.#exited, Exit.void)
    })
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-complaintLength)
    })
    let output = ""
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      output += text
      const end = output.indexOf("\n")
      if (end !== -1) Deferred.doneUnsafe(this.#line, Exit.succeed(output.slice(0, end)))
    })
  }

  /** The first line that the process prints: all that it has to say. */
  get line(): Effect.Effect<string, BenchError> {
    return Deferred.await(this.#line)
  }

  ask<Tag extends "Memory" | "Usage">(
    question: Question,
    tag: Tag
  ): Effect.Effect<Extract<Answer, { readonly _tag: Tag }>, BenchError> {
    const answer = Effect.callback<Extract<Answer, { readonly _tag: Tag }>>((resume) => {
      this.#answers.set(tag, (answer) => resume(Effect.succeed(answer as Extract<Answer, { readonly _tag: Tag }>)))
      this.#process.send(question)
    })
    return Effect.raceFirst(answer, Effect.andThen(Deferred.await(this.#exited), this.#gone))
  }

  /** From now on `f` is run at each checkpoint, while the process waits. */
  atCheckpoints(f: (name: string) => Effect.Effect<void, BenchError>): Effect.Effect<void> {
    return Effect.contextWith((context) =>
      Effect.sync(() => {
        const runFork = Effect.runForkWith(context)
        this.#onCheckpoint = (name) =>
          runFork(Effect.matchCause(f(name), {
            onSuccess: () => this.#process.send("go on" satisfies Question),
            onFailure: (cause) => this.#fail(`checkpoint "${name}": ${String(cause)}`)
          }))
      })
    )
  }

  /** Ends the process as a power cut would. */
  readonly kill: Effect.Effect<void> = Effect.suspend(() => {
    this.#process.kill("SIGKILL")
    return Deferred.await(this.#exited)
  })

  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#process.kill("SIGTERM")
    return Deferred.await(this.#exited).pipe(
      Effect.timeoutOrElse({ duration: patience, orElse: () => this.kill })
    )
  })

  get #gone(): Effect.Effect<never, BenchError> {
    return Effect.fail(new BenchError({ problem: `the ${this.#role} ended: ${this.#complaint}` }))
  }

  #onAnswer(answer: Answer): void {
    if (answer._tag === "Checkpoint") return this.#onCheckpoint(answer.name)
    if (answer._tag === "Failed") return this.#fail(answer.message)
    const listener = this.#answers.get(answer._tag)
    this.#answers.delete(answer._tag)
    listener?.(answer)
  }

  #fail(problem: string): void {
    Deferred.doneUnsafe(this.#line, Exit.fail(new BenchError({ problem: `the ${this.#role}: ${problem}` })))
  }
}

const spawn = (task: Task, placement: Cores.Placement | undefined): Effect.Effect<Child, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Child(task, Cores.coreOf(placement, task.role))),
    (child) => child.end
  )

/** A server that listens. */
export interface Server {
  readonly port: number
  readonly memory: Effect.Effect<Memory, BenchError>
  readonly usage: Effect.Effect<{ readonly usage: Usage; readonly counts: Measured }, BenchError>
  readonly kill: Effect.Effect<void>
}

/** A client at work. */
export interface Client {
  readonly memory: Effect.Effect<Memory, BenchError>
  readonly atCheckpoints: (f: (name: string) => Effect.Effect<void, BenchError>) => Effect.Effect<void>
  readonly report: Effect.Effect<ClientReport, BenchError>
}

/** Starts a server and waits until it listens. */
export const startServer = (
  module: string,
  options: ServerOptions,
  placement?: Cores.Placement
): Effect.Effect<Server, BenchError, Scope.Scope> =>
  Effect.gen(function*() {
    const child = yield* spawn({ role: "server", module, options }, placement)
    const line = yield* child.line
    const port = /^listening (\d+)$/.exec(line)
    if (port === null) return yield* new BenchError({ problem: `the server said "${line}" in place of its port` })
    return {
      port: Number(port[1]),
      memory: Effect.map(child.ask("memory", "Memory"), ({ memory }) => memory),
      usage: child.ask("usage", "Usage"),
      kill: child.kill
    }
  })

/** Starts a client, which begins to work at once. */
export const startClient = (
  module: string,
  options: ClientOptions,
  placement?: Cores.Placement
): Effect.Effect<Client, BenchError, Scope.Scope> =>
  Effect.map(spawn({ role: "client", module, options }, placement), (child) => ({
    memory: Effect.map(child.ask("memory", "Memory"), ({ memory }) => memory),
    atCheckpoints: (f) => child.atCheckpoints(f),
    report: Effect.map(child.line, (line) => JSON.parse(line) as ClientReport)
  }))
