/**
 * What the faults befall: the servers, the way to them, and the clients.
 */
import { Effect, Semaphore } from "effect"
import type { Scope } from "effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import * as Children from "./children.ts"
import type { ClientsReport, ClientsTask, Loss, ServerTask, Told } from "./protocol.ts"
import * as Proxy from "./proxy.ts"

/** The server on threads: a new process each time that it has ended. */
export interface Mortal {
  child: Children.Child
  /** Only one fault at a time may take the process away, or a thread of it. */
  readonly turn: Semaphore.Semaphore
}

export interface Place {
  readonly ledger: string
  readonly clients: Children.Child
  readonly clientCount: number
  readonly server: Children.Child
  readonly serverPort: number
  readonly threads: Mortal
  readonly threadsPort: number
  /** Between half of the clients and the servers, one for each server. */
  readonly proxies: ReadonlyArray<Proxy.Proxy>
  readonly startThreads: Effect.Effect<Children.Child, Children.SoakError, Scope.Scope>
}

const temporaryFolder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-flowee-soak-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
)

const isFree = (port: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const server = Net.createServer()
    server.on("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

/**
 * A port below those that the system gives to sockets that dial: while a server is away, nobody else can have its port,
 * and no client can be connected to itself.
 */
const freePort = (from: number): Effect.Effect<number> =>
  Effect.flatMap(isFree(from), (free) => free ? Effect.succeed(from) : freePort(from + 1))

const lowestPort = 20_000

export const build = (
  clientCount: number,
  seed: number,
  onLoss: (loss: Loss) => void,
  onFinished: (report: ClientsReport) => void
): Effect.Effect<Place, Children.SoakError, Scope.Scope> =>
  Effect.gen(function*() {
    const ledger = Path.join(yield* temporaryFolder, "ledger")
    Fs.writeFileSync(ledger, "")
    const serverPort = yield* freePort(lowestPort + process.pid % 10_000)
    const threadsPort = yield* freePort(serverPort + 1)
    const startServer = (name: "server" | "threads", port: number) => {
      const task: ServerTask = { port, ledger }
      return Effect.tap(
        Children.start(name, task, { SOAK_PORT: String(port), SOAK_LEDGER: ledger }),
        ({ ready }) => ready
      )
    }
    const [server, threads] = yield* Effect.all([
      startServer("server", serverPort),
      startServer("threads", threadsPort)
    ], { concurrency: 2 })
    const proxies = yield* Effect.forEach([serverPort, threadsPort], Proxy.make)
    const ports = [serverPort, threadsPort, ...proxies.map(({ port }) => port)]
    const task: ClientsTask = { clients: clientCount, seed, ports }
    const clients = yield* Children.start("clients", task, {}, (told: Told) => {
      if (told._tag === "Loss") onLoss(told.loss)
      if (told._tag === "Finished") onFinished(told.report)
    })
    yield* clients.ready
    return {
      ledger,
      clients,
      clientCount,
      server,
      serverPort,
      threads: { child: threads, turn: yield* Semaphore.make(1) },
      threadsPort,
      proxies,
      startThreads: startServer("threads", threadsPort)
    }
  })
