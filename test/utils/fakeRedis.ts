import { Context, Effect, Layer, type Scope } from "effect"
import { Redis } from "effect/persistence"
import * as Crypto from "node:crypto"
import * as Net from "node:net"
import * as RedisEntries from "../../src/internal/bans/redisEntries.ts"

type Reply = string | number | null | Error | ReadonlyArray<Reply>

/** The commands of Redis that a ban list uses, over data in memory. */
class Data {
  readonly hashes = new Map<string, Map<string, string>>()
  readonly sorted = new Map<string, Map<string, number>>()
  readonly scripts = new Set<string>()

  hash(key: string) {
    return getOrMake(this.hashes, key, () => new Map<string, string>())
  }
  set(key: string) {
    return getOrMake(this.sorted, key, () => new Map<string, number>())
  }
  range(key: string, min: string): Array<[string, number]> {
    const after = Number(min.slice(1))
    return [...this.set(key)].filter(([, score]) => score > after).sort((a, b) => a[1] - b[1])
  }
  run(command: string, args: ReadonlyArray<string>): Reply {
    const [key = "", ...rest] = args
    switch (command.toUpperCase()) {
      case "PING":
        return "PONG"
      case "SCRIPT": {
        const sha = shaOf(args[1]!)
        this.scripts.add(sha)
        return sha
      }
      case "EVALSHA":
        if (!this.scripts.has(key)) return new Error("NOSCRIPT No matching script")
        return key === putSha ? this.#put(rest.slice(1)) : new Error("ERR the fake does not know the script")
      case "HMGET":
        return rest.map((field) => this.hashes.get(key)?.get(field) ?? null)
      case "HSETNX": {
        const hash = this.hash(key)
        if (hash.has(rest[0]!)) return 0
        hash.set(rest[0]!, rest[1]!)
        return 1
      }
      case "ZRANGEBYSCORE":
        return this.range(key, rest[0]!).slice(0, Number(rest[5])).flatMap(([member, score]) => [member, `${score}`])
      case "HKEYS":
        return [...this.hash(key).keys()]
      case "HSET":
        this.hash(key).set(rest[0]!, rest[1]!)
        return 1
      case "FLUSHALL":
        this.hashes.clear()
        this.sorted.clear()
        this.scripts.clear()
        return "OK"
      default:
        return new Error(`ERR unknown command '${command}'`)
    }
  }
  /** What the script does, by hand. */
  #put(args: ReadonlyArray<string>): Reply {
    const [entriesKey, changedKey, removedKey, aboutKey, group, expected, next, remember] = args as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string
    ]
    const entries = this.hash(entriesKey)
    const about = this.hash(aboutKey)
    const removed = this.set(removedKey)
    const current = entries.get(group) ?? ""
    if (current !== expected) return [0, current]
    if (current === next) return [1, entries.size]
    const revision = Number(about.get("revision") ?? "0") + 1
    about.set("revision", `${revision}`)
    if (next !== "") {
      entries.set(group, next)
      this.set(changedKey).set(group, revision)
      removed.delete(group)
      return [1, entries.size]
    }
    entries.delete(group)
    this.set(changedKey).delete(group)
    removed.set(group, revision)
    if (removed.size > Number(remember)) {
      const [oldest, score] = this.range(removedKey, "(0")[0]!
      removed.delete(oldest)
      about.set("floor", `${score}`)
    }
    return [1, entries.size]
  }
}

const getOrMake = <V>(map: Map<string, V>, key: string, make: () => V): V => {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

const shaOf = (lua: string): string => Crypto.createHash("sha1").update(lua).digest("hex")
const putSha = shaOf(RedisEntries.putScript.lua)

/** What a fake Redis does with commands. */
export type Mood = "well" | "refusing" | "silent"

export interface FakeRedis {
  mood: Mood
  /** Commands so far. */
  readonly commands: ReadonlyArray<string>
  readonly run: (command: string, ...args: ReadonlyArray<string>) => Reply
  /** Without sockets. */
  readonly layer: Layer.Layer<Redis.Redis>
  /** Called for each command before it is run. */
  onCommand: (command: string, args: ReadonlyArray<string>) => void
}

const refusal = new Redis.RedisError({ cause: new Error("connection refused") })

export const make = (): FakeRedis => {
  const data = new Data()
  const commands: Array<string> = []
  const send = <A>(command: string, ...args: ReadonlyArray<string>): Effect.Effect<A, Redis.RedisError> =>
    Effect.suspend((): Effect.Effect<A, Redis.RedisError> => {
      fake.onCommand(command, args)
      commands.push(command)
      if (fake.mood === "silent") return Effect.never
      if (fake.mood === "refusing") return Effect.fail(refusal)
      const reply = data.run(command, args)
      return reply instanceof Error ? Effect.fail(new Redis.RedisError({ cause: reply })) : Effect.succeed(reply as A)
    })
  const fake: FakeRedis = {
    mood: "well",
    commands,
    onCommand: () => {},
    run: (command, ...args) => data.run(command, args),
    layer: Layer.effect(
      Redis.Redis,
      Redis.make({ send, subscribe: () => Effect.fail(refusal), connect: Effect.fail(refusal) })
    )
  }
  return fake
}

const encode = (reply: Reply, isThree: boolean): string => {
  if (reply === null) return isThree ? "_\r\n" : "$-1\r\n"
  if (reply instanceof Error) return `-${reply.message}\r\n`
  if (typeof reply === "number") return `:${reply}\r\n`
  if (typeof reply === "string") return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`
  return `*${reply.length}\r\n${reply.map((item) => encode(item, isThree)).join("")}`
}

/** Takes whole commands off the front of what was received. */
const takeCommands = (text: string): { readonly commands: ReadonlyArray<ReadonlyArray<string>>; rest: string } => {
  const commands: Array<ReadonlyArray<string>> = []
  let rest = text
  while (true) {
    const header = /^\*(\d+)\r\n/.exec(rest)
    if (header === null) return { commands, rest }
    let at = header[0].length
    const args: Array<string> = []
    while (args.length < Number(header[1])) {
      const length = /^\$(\d+)\r\n/.exec(rest.slice(at))
      if (length === null) return { commands, rest }
      const start = at + length[0].length
      const end = start + Number(length[1])
      if (rest.length < end + 2) return { commands, rest }
      args.push(rest.slice(start, end))
      at = end + 2
    }
    commands.push(args)
    rest = rest.slice(at)
  }
}

export interface Server {
  readonly port: number
  /** Closes the port and all connections. */
  readonly stop: Effect.Effect<void>
}

/** Listens on a port of loopback, a free one unless told otherwise, and talks as Redis does. */
export const serve = (fake: FakeRedis, port = 0): Effect.Effect<Server, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const sockets = new Set<Net.Socket>()
      const server = Net.createServer((socket) => {
        let rest = ""
        let isThree = false
        sockets.add(socket)
        socket.on("close", () => sockets.delete(socket))
        socket.on("error", () => {})
        socket.setEncoding("latin1").on("data", (text: string) => {
          const taken = takeCommands(rest + text)
          rest = taken.rest
          for (const [command = "", ...args] of taken.commands) {
            if (fake.mood === "silent") continue
            if (command === "HELLO") isThree = args[0] === "3"
            fake.onCommand(command, args)
            const reply = command === "HELLO" || command === "CLIENT" ? "OK" : fake.run(command, ...args)
            socket.write(encode(reply, isThree), "latin1")
          }
        })
      })
      const stop = Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
      server.listen(port, "127.0.0.1", () => {
        resume(Effect.succeed({ port: (server.address() as Net.AddressInfo).port, stop }))
      })
    }),
    (server) => server.stop
  )

export const redisOf = (layer: Layer.Layer<Redis.Redis>) => Effect.map(Layer.build(layer), Context.get(Redis.Redis))
