/**
 * A peer that plays one side of a recorded conversation, and matches what it hears with what was heard then.
 *
 * What it hears may come earlier than it came then, as far as the other lines between do not depend on it: each message
 * is taken for the first one of its command that has not come yet. It says its own lines when all that was heard before
 * them has come.
 */
import { Effect, Result, type Scope } from "effect"
import { NetAddress } from "effect/net"
import { isDeepStrictEqual } from "node:util"
import * as Network from "../../../src/domain/Network.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as MemoryTransport from "../../../src/layers/MemoryTransport.ts"
import * as Legacy from "../legacy.ts"
import { until } from "../network.ts"
import * as FakeLink from "./fakeLink.ts"

export type Side = "node" | "peer"

export interface Line {
  readonly from: Side
  readonly message: P2PMessage.P2PMessage
}

/** The lines of a recording. */
export const linesOf = (name: "p2p-regtest" | "p2p-regtest-wallet"): ReadonlyArray<Line> =>
  Legacy.trace(name).messages.map(({ command, dir, hex }) => {
    if (!P2PMessage.isCommand(command)) throw new Error(`"${command}" is no message`)
    const body = Legacy.fromHex(hex).subarray(24)
    return {
      from: dir === "node->peer" ? "node" : "peer",
      message: Result.getOrThrow(P2PMessage.decode(command, body))
    }
  })

export interface Options {
  readonly lines: ReadonlyArray<Line>
  /** Where it is, as `10.0.0.7:18444`. */
  readonly address: string
  /** Who it plays. Default: the node. */
  readonly plays?: Side | undefined
  /** Whom to dial. Default: nobody; it listens. */
  readonly dials?: string | undefined
  /** Commands that need not come. */
  readonly optional?: ReadonlyArray<P2PMessage.Command> | undefined
}

/**
 * Tells whether a message says what was said then, but for what differs each time: nonces, times, names, what is known
 * of the chain, and how a filter is made.
 */
export const agrees = (then: P2PMessage.P2PMessage, now: P2PMessage.P2PMessage): boolean => {
  if (then._tag === "version" && now._tag === "version") {
    return then.services === now.services && then.relay === now.relay
  }
  if (then._tag === "getheaders" && now._tag === "getheaders") return isDeepStrictEqual(then.stop, now.stop)
  if (then._tag === "filterload" && now._tag === "filterload") return then.flags === now.flags
  if (then._tag === "ping" && now._tag === "ping") return true
  return isDeepStrictEqual(P2PMessage.encode(then), P2PMessage.encode(now)) && then._tag === now._tag
}

export class Replay {
  /** What it heard that was not said then. Pings are answered and not counted. */
  readonly unexpected: Array<P2PMessage.P2PMessage> = []
  /** What it heard that says something else than then. */
  readonly different: Array<{ readonly expected: P2PMessage.P2PMessage; readonly heard: P2PMessage.P2PMessage }> = []
  end: { readonly reason: FakeLink.LinkEnd } | undefined = undefined
  readonly #options: Options
  readonly #came = new Set<Line>()
  #at = 0
  #nonce = 0n
  #link: FakeLink.FakeLink | undefined = undefined

  constructor(options: Options) {
    this.#options = options
  }

  /** The lines that have not been said or heard yet. */
  get left(): ReadonlyArray<Line> {
    return this.#options.lines.slice(this.#at)
  }

  /** Waits, in turns of the scheduler, until the conversation has come to its end. */
  readonly played: Effect.Effect<void> = Effect.suspend(() =>
    until("the conversation is played", () => this.left.length === 0)
  )

  open(link: FakeLink.FakeLink["link"]): void {
    this.#link = new FakeLink.FakeLink(link, {
      magic: Network.regtest.magic,
      onMessage: (message) => this.#hear(message),
      onEnd: (reason) => {
        this.end = { reason }
      }
    })
    this.#link.start()
    this.#goOn()
  }

  close(): void {
    this.#link?.close()
  }

  get #plays(): Side {
    return this.#options.plays ?? "node"
  }

  #hear(message: P2PMessage.P2PMessage): void {
    if (message._tag === "ping") this.#nonce = message.nonce
    const line = this.left.find((line) =>
      line.from !== this.#plays && line.message._tag === message._tag && !this.#came.has(line)
    )
    if (line !== undefined) {
      this.#came.add(line)
      if (!agrees(line.message, message)) this.different.push({ expected: line.message, heard: message })
      return this.#goOn()
    }
    if (message._tag === "ping") this.#say(P2PMessage.make("pong", { nonce: message.nonce }))
    else this.unexpected.push(message)
  }

  #goOn(): void {
    for (;;) {
      const line = this.#options.lines[this.#at]
      if (line === undefined) return
      if (line.from === this.#plays) this.#say(this.#today(line.message))
      else if (!this.#came.has(line) && !this.#options.optional?.includes(line.message._tag)) return
      this.#at += 1
    }
  }

  /** Answers carry the nonce of the question of today. */
  #today(message: P2PMessage.P2PMessage): P2PMessage.P2PMessage {
    return message._tag === "pong" ? { ...message, nonce: this.#nonce } : message
  }

  #say(message: P2PMessage.P2PMessage): void {
    this.#link?.send(FakeLink.packetOf(message, Network.regtest.magic))
  }
}

/** A side of a conversation, until the scope is closed. It talks with the first one who comes. */
export const make = (
  options: Options
): Effect.Effect<Replay, never, Scope.Scope | MemoryTransport.MemoryNetwork> =>
  Effect.gen(function*() {
    const network = yield* MemoryTransport.MemoryNetwork
    const address = NetAddress.inetAddressFromStringUnsafe(options.address)
    const transport = yield* network.transportFrom(address.address)
    const replay = new Replay(options)
    yield* Effect.addFinalizer(() => Effect.sync(() => replay.close()))
    if (options.dials === undefined) yield* transport.listen(address, (link) => replay.open(link))
    else replay.open(yield* transport.connect(NetAddress.inetAddressFromStringUnsafe(options.dials)))
    return replay
  }).pipe(Effect.orDie)
