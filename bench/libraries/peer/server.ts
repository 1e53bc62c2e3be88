/**
 * A peer of regtest that has a chain of headers, and serves it to whoever asks.
 */
import * as Net from "node:net"
import * as Result from "effect/Result"
import * as HashHex from "../../../src/domain/p2p/HashHex.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PeerAddress from "../../../src/domain/p2p/PeerAddress.ts"
import type { ServerModule } from "../../harness/library.ts"
import * as Legacy from "./legacy.ts"
import * as Served from "./served.ts"

const encode = (message: P2PMessage.P2PMessage): Uint8Array =>
  Legacy.packet(message._tag, Result.getOrThrow(P2PMessage.encode(message)))

const services = PeerAddress.Service.network | PeerAddress.Service.bloom

const version = (startHeight: number): Uint8Array =>
  encode(P2PMessage.make("version", {
    protocol: 70_015,
    services,
    time: BigInt(Math.floor(Date.now() / 1000)),
    receiver: PeerAddress.unknown,
    sender: { ...PeerAddress.unknown, services },
    nonce: 1n,
    userAgent: "/bench/",
    startHeight,
    relay: true
  }))

const verack = encode(P2PMessage.make("verack", {}))

const read = <C extends P2PMessage.Command>(command: C, body: Uint8Array): P2PMessage.Of<C> =>
  Result.getOrThrow(P2PMessage.decode(command, body))

const announce = (hashes: ReadonlyArray<Uint8Array>): Uint8Array =>
  encode(P2PMessage.make("inv", { inventory: hashes.map((hash) => ({ type: InventoryType.block, hash })) }))

/** One who asks. */
class Session {
  readonly #served: Served.Served
  readonly #version: Uint8Array
  /** When this block has been fetched the tip is announced, so that more blocks are asked for: as nodes do. */
  #last: Uint8Array | undefined

  constructor(served: Served.Served, version: Uint8Array) {
    this.#served = served
    this.#version = version
  }

  /** What is said to a packet; nothing to those that do not matter here. */
  answer(command: string, body: Uint8Array): Uint8Array | undefined {
    switch (command) {
      case "version":
        return Buffer.concat([this.#version, verack])
      case "ping":
        return Legacy.packet("pong", body)
      case "getheaders":
        return this.#served.headersAfter(read("getheaders", body).locator)
      case "getblocks":
        return this.#announceAfter(read("getblocks", body).locator)
      case "getdata":
        return this.#blocks(read("getdata", body).inventory.map(({ hash }) => hash))
      default:
        return undefined
    }
  }

  #announceAfter(locator: ReadonlyArray<Uint8Array>): Uint8Array | undefined {
    const hashes = this.#served.hashesAfter(locator)
    this.#last = hashes.at(-1)
    return hashes.length === 0 ? undefined : announce(hashes)
  }

  #blocks(hashes: ReadonlyArray<Uint8Array>): Uint8Array {
    const packets = hashes.map((hash) => this.#served.merkleBlock(hash))
    if (this.#last !== undefined && hashes.some((hash) => HashHex.equals(hash, this.#last!))) {
      this.#last = undefined
      packets.push(announce([this.#served.tip]))
    }
    return Buffer.concat(packets)
  }
}

export const serve: ServerModule["serve"] = async ({ extra, port }) => {
  const height = Number(extra["height"])
  const served = Served.make(height)
  const introduction = version(height)
  const server = Net.createServer((socket) => {
    const session = new Session(served, introduction)
    socket.setNoDelay(true)
    socket.on("error", () => socket.destroy())
    socket.on(
      "data",
      Legacy.reader((command, body) => {
        const bytes = session.answer(command, body)
        if (bytes !== undefined) socket.write(bytes)
      })
    )
  })
  await new Promise<void>((resolve) => server.listen({ port, host: "127.0.0.1" }, resolve))
  return { port: (server.address() as Net.AddressInfo).port, close: async () => server.close() }
}
