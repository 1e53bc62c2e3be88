/**
 * What an attacker does, by name. Bytes are those of the native envelope and of the benchmark protocol.
 */
import * as Crypto from "node:crypto"
import type * as Net from "node:net"
import { type Attacker, pump } from "./attack.ts"

/** Starts an attack over so many connections at the same time. */
export type Attack = (attacker: Attacker, connections: number) => void

const packet = (header: string, body: Uint8Array = new Uint8Array(0)): Buffer => {
  const bytes = Buffer.from(header, "hex")
  const length = Buffer.alloc(2)
  length.writeUInt16LE(2 + bytes.length + body.length)
  return Buffer.concat([length, bytes, body])
}

/** Repeated up to about what one write takes. */
const many = (bytes: Buffer, size = 65_536): Buffer =>
  Buffer.concat(Array.from({ length: Math.ceil(size / bytes.length) }, () => bytes))

/** A compact integer, as hex. */
const compact = (value: number): string => {
  const bytes = [value & 0x7f]
  for (let rest = value; rest > 0x7f;) {
    rest = Math.floor(rest / 128) - 1
    bytes.unshift((rest % 128) | 0x80)
  }
  return Buffer.from(bytes).toString("hex")
}

/** Message 1 of service 20: counted, and answered once in a thousand. */
const counted = packet("0814100104")
/** Message 3 of service 20: answered by the same body. */
const echo = packet("0814100304", new Uint8Array(32))
const ping = Buffer.from("0600087e2c04", "hex")

const maxChunk = 8000
const megabyte = 1_000_000
/** The largest message that is received by default. */
const largest = 32_000_000

const first = (length: number, bodyLength: number) =>
  packet(`0814100318${compact(length)}2504`, new Uint8Array(bodyLength))
const next = (bodyLength: number, isLast = false) =>
  packet(`08141003${isLast ? "24" : "25"}04`, new Uint8Array(bodyLength))

/** A question of so many bytes, in chunks. */
const chunked = (length: number): Buffer => {
  const packets = [first(length, maxChunk)]
  for (let left = length - maxChunk; left > 0; left -= maxChunk) {
    packets.push(next(Math.min(left, maxChunk), left <= maxChunk))
  }
  return Buffer.concat(packets)
}

const flood = (bytes: Buffer): Attack => (attacker, connections) =>
  attacker.keep(connections, (socket) => {
    // The answers are read and thrown away.
    socket.resume()
    pump(socket, bytes)
  })

/** Sends questions and never looks at the answers. */
const unread = (bytes: Buffer): Attack => (attacker, connections) =>
  attacker.keep(connections, (socket) => {
    socket.pause()
    pump(socket, bytes)
  })

/** Says something wrong on each connection, and sees what comes of it. */
const once = (makeBytes: () => Uint8Array): Attack => (attacker, connections) =>
  attacker.keep(connections, (socket) => {
    socket.resume()
    socket.write(makeBytes())
  })

/** Each byte is a write, and a packet of the network, of its own. */
const byteByByte: Attack = (attacker, connections) => {
  const sockets = new Map<Net.Socket, number>()
  attacker.keep(connections, (socket) => {
    socket.resume()
    socket.on("close", () => sockets.delete(socket))
    sockets.set(socket, 0)
  })
  const round = () => {
    if (attacker.isStopped) return
    for (const [socket, at] of sockets) {
      if (!socket.writableNeedDrain) socket.write(echo.subarray(at, at + 1))
      sockets.set(socket, (at + 1) % echo.length)
    }
    setImmediate(round)
  }
  round()
}

/** A byte per second, from as many connections as there are. */
const slow: Attack = (attacker, connections) =>
  attacker.keep(connections, (socket) => {
    socket.resume()
    let at = 0
    const send = () => {
      socket.write(echo.subarray(at, at + 1))
      at = (at + 1) % echo.length
    }
    send()
    const timer = setInterval(send, 1000)
    socket.on("close", () => clearInterval(timer))
  })

/** Begins a message, and goes on with chunks that bring it no nearer to its end. */
const endless: Attack = (attacker, connections) => {
  const empty = many(next(0))
  attacker.keep(connections, (socket) => {
    socket.resume()
    socket.write(first(largest, 0))
    pump(socket, empty)
  })
}

/** Keeps as much in the memory of the server as may be. */
const unfinished: Attack = (attacker, connections) => {
  const bytes = chunked(largest).subarray(0, -1)
  attacker.keep(connections, (socket) => {
    socket.resume()
    socket.write(bytes)
  })
}

/** Makes the server take memory for a message that does not come, and hangs up. */
const announced: Attack = (attacker, connections) =>
  attacker.keep(connections, (socket) => {
    socket.end(first(largest, 1))
  })

const churn: Attack = (attacker, connections) => attacker.keep(connections, (socket) => socket.destroy())

/** A login with a cookie of 44 characters, as they all have. */
const wrongLogin = (): Buffer => {
  const guess = Buffer.from(Crypto.randomBytes(32).toString("base64"))
  return packet("0801100004", Buffer.concat([Buffer.from([(2 << 3) | 2, guess.length]), guess]))
}

export const attacks: { readonly [name: string]: Attack } = {
  tiny: flood(many(counted)),
  bytes: byteByByte,
  pings: flood(many(ping)),
  unread: unread(many(echo)),
  "unread-large": unread(chunked(megabyte)),
  large: flood(chunked(megabyte)),
  endless,
  unfinished,
  announced,
  beyond: once(() => first(largest + 1, 1)),
  garbage: once(() => Crypto.randomBytes(1000)),
  churn,
  logins: once(wrongLogin),
  slow
}
