import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Net from "node:net"
import { SocketLink } from "../../../src/internal/node/socketLink.ts"
import * as Links from "../../utils/links.ts"

const linkOver = (socket: Net.Socket): SocketLink =>
  new SocketLink({
    socket,
    remoteAddress: Links.loopback,
    boundTo: Links.loopback,
    directRead: undefined,
    lingerMillis: 10,
    owner: undefined
  })

describe("socketLink", () => {
  it.live("ends, and fails the write under way, when its socket just closes", () =>
    Effect.gen(function*() {
      const socket = new Net.Socket()
      // The operating system takes nothing.
      socket.write = () => true
      Object.defineProperty(socket, "writableLength", { value: 5 })
      const link = linkOver(socket)
      const here = new Links.Recorder()
      link.start(here)
      const problems: Array<string | undefined> = []
      link.write([Buffer.from("bytes")], (error) => problems.push(error?.problem))
      socket.destroy()
      yield* here.ended
      assert.deepStrictEqual([here.problem, ...problems], ["Reset", "Reset"])
    }))

  it.live("ends when the receiver offers no memory", () =>
    Effect.gen(function*() {
      const socket = new Net.Socket()
      const link = linkOver(socket)
      const here = new Links.Recorder({ bufferSize: () => 0 })
      link.start(here)
      socket.emit("data", Buffer.from("bytes"))
      yield* here.ended
      assert.strictEqual(here.problem, "Other")
      assert.include(here.ends[0]?.message, "no memory")
    }))
})
