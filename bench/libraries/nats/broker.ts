/**
 * The broker of NATS, which is no npm package: Debian has it as `nats-server`.
 */
import * as ChildProcess from "node:child_process"
import * as Net from "node:net"
import process from "node:process"
import * as Timers from "node:timers/promises"

/** Debian puts it where the path of a user does not look. */
const searchPath = `${process.env["PATH"] ?? ""}:/usr/sbin:/usr/local/sbin`

/** The version of the broker, or `undefined` when there is none. */
export const version = (): string | undefined => {
  const { status, stdout } = ChildProcess.spawnSync("nats-server", ["--version"], {
    env: { ...process.env, PATH: searchPath },
    encoding: "utf8"
  })
  return status === 0 ? stdout.trim() : undefined
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = Net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as Net.AddressInfo
      probe.close(() => resolve(port))
    })
  })

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = Net.connect(port, "127.0.0.1")
    socket.once("error", () => resolve(false))
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
  })

/** Starts a broker that ends with this process. */
export const start = async (wanted: number): Promise<{ readonly port: number; readonly pid: number }> => {
  const port = wanted === 0 ? await freePort() : wanted
  const broker = ChildProcess.spawn("nats-server", ["--addr", "127.0.0.1", "--port", String(port)], {
    env: { ...process.env, PATH: searchPath },
    stdio: "ignore"
  })
  process.on("exit", () => broker.kill())
  for (let tries = 0; !(await isListening(port)); tries++) {
    if (tries > 100) throw new Error("nats-server does not listen")
    await Timers.setTimeout(50)
  }
  return { port, pid: broker.pid! }
}
