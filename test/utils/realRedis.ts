import { Effect, type Scope } from "effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as process from "node:process"
import type * as FakeRedis from "./fakeRedis.ts"

/** The `redis-server` of this machine, if it has one. */
export const binary: string | undefined = (process.env["PATH"] ?? "")
  .split(Path.delimiter)
  .map((folder) => Path.join(folder, "redis-server"))
  .find((file) => Fs.existsSync(file))

export const freePort: Effect.Effect<number> = Effect.callback((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as Net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** Runs it on a port of loopback, with nothing on disk, and waits until it takes connections. */
export const serve = (port: number): Effect.Effect<FakeRedis.Server, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<FakeRedis.Server>((resume) => {
      const child = ChildProcess.spawn(
        binary!,
        ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        { cwd: Os.tmpdir(), stdio: ["ignore", "pipe", "ignore"] }
      )
      const stop = Effect.callback<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.once("close", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
      child.once("error", (error) => resume(Effect.die(error)))
      let output = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        output += text
        if (output.includes("Ready to accept connections")) resume(Effect.succeed({ port, stop }))
      })
    }),
    (server) => server.stop
  )
