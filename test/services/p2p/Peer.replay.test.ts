import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import { settle, until } from "../../utils/network.ts"
import { us, withPeers } from "../../utils/p2p/peerBed.ts"
import * as Replay from "../../utils/p2p/replay.ts"

const address = "10.0.0.9:18444"

/** What belongs to the handshake and to pings, which a peer does by itself. */
const own = new Set<P2PMessage.Command>(["version", "verack", "sendheaders", "ping", "pong"])

const recordings = ["p2p-regtest", "p2p-regtest-wallet"] as const

for (const name of recordings) {
  const lines = Replay.linesOf(name)
  const asked = lines.filter(({ from, message }) => from === "peer" && !own.has(message._tag)).map(({ message }) =>
    message
  )
  const firstAsked = lines.findIndex(({ message }) => message === asked[0])
  const handshake = lines.slice(0, firstAsked)
  // The second recording ends its handshake without it.
  const mayDiffer = name === "p2p-regtest-wallet" ? ["sendheaders"] : []

  describe(`The conversation ${name}`, () => {
    it.effect("begins with a handshake that we go through when we dial", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const replay = yield* Replay.make({ address, lines: handshake })
          const peer = yield* bed.connect(address)
          assert.strictEqual(peer.version.userAgent, "/Flowee:1 (2021-04)/")
          assert.strictEqual(peer.version.protocol, 70_012)
          assert.strictEqual(peer.version.services, 37n)
          yield* replay.played
          assert.deepStrictEqual(replay.different, [])
          assert.deepStrictEqual(replay.unexpected.map(({ _tag }) => _tag), mayDiffer)
        })
      ))

    it.effect("begins with a handshake that we go through when we are dialled", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const accepted = yield* bed.accept()
          const replay = yield* Replay.make({ address, lines: handshake, dials: us })
          yield* replay.played
          yield* settle
          const peer = yield* accepted[0]!
          assert.strictEqual((yield* peer.state)._tag, "Ready")
          assert.deepStrictEqual(replay.different, [])
          assert.deepStrictEqual(replay.unexpected.map(({ _tag }) => _tag), mayDiffer)
        })
      ))

    it.effect("begins with a handshake that the peer of the recording goes through with us", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const accepted = yield* bed.accept()
          const replay = yield* Replay.make({
            address,
            plays: "peer",
            // It heard a ping before it said all; ours come later.
            lines: handshake.filter(({ message }) => message._tag !== "ping" && message._tag !== "pong"),
            dials: us
          })
          yield* until("the handshake is done", () => accepted.length === 1)
          const peer = yield* accepted[0]!
          assert.strictEqual(peer.version.protocol, 70_013)
          assert.deepStrictEqual(replay.unexpected, [])
        })
      ))

    it.effect("is heard as it was then", () =>
      withPeers((bed) =>
        Effect.gen(function*() {
          const replay = yield* Replay.make({ address, lines })
          const heard: Array<P2PMessage.P2PMessage> = []
          const peer = yield* bed.connect(address, {
            onReady: (peer) => peer.handle((message) => void heard.push(message))
          })
          for (const message of asked) {
            yield* settle
            yield* peer.send(message)
          }
          // The ping of the recording is no message of ours to send.
          if (name === "p2p-regtest") yield* peer.send({ _tag: "ping", nonce: 5n })
          yield* replay.played
          yield* settle
          const said = lines.filter(({ from, message }) => from === "node" && !own.has(message._tag))
          assert.deepStrictEqual(heard.filter(({ _tag }) => !own.has(_tag)), said.map(({ message }) => message))
          assert.deepStrictEqual(replay.different, [])
          assert.strictEqual((yield* peer.state)._tag, "Ready")
          assert.strictEqual(yield* bed.score("10.0.0.9"), 0)
        })
      ))
  })
}
