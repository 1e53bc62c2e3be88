/**
 * A whole node of the peer-to-peer network that listens.
 */
import { Effect, Result } from "effect"
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as LegacyEnvelope from "../../../src/domain/LegacyEnvelope.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PacketReader from "../../../src/domain/PacketReader.ts"
import * as Dialling from "../../utils/dialling.ts"
import * as Legacy from "../../utils/legacy.ts"
import { MinedChain } from "../../utils/minedChain.ts"
import { fromHex, type Random } from "../../utils/native.ts"
import { ours, withNode } from "../../utils/p2p/nodeBed.ts"
import { version } from "../../utils/rawPeer.ts"
import { type Bed, pass, type RawPeer, until } from "../../utils/network.ts"
import { equal, isTrue, valueOf } from "../harness/expect.ts"
import { mutate } from "../harness/mutation.ts"
import type { Server } from "../harness/target.ts"
import { legacy } from "../targets/legacy.ts"
import { makeMessage } from "../targets/p2pMessages.ts"
import * as Dialled from "./dialled.ts"
import * as Memory from "./memory.ts"

const { concat, encode, packet } = Legacy

const address = `${ours}:18444`

const toBytes = (message: P2PMessage.P2PMessage): Uint8Array =>
  encode(valueOf(P2PMessage.toMessage(message), "a message that can be sent"))

const greeting = (nonce: bigint): Uint8Array =>
  concat(toBytes(P2PMessage.make("version", { ...version, nonce })), toBytes(P2PMessage.make("verack", {})))

/** An honest peer, in raw bytes: it pings, and wants its pong. */
const befriend = Effect.fnUntraced(function*(bed: Bed) {
  const peer = yield* bed.dial("10.0.0.7", address)
  const reader = PacketReader.make(Legacy.envelope)
  const pongs = new Set<bigint>()
  const hear = Effect.map(peer.rest, (hex) => {
    for (const message of Result.getOrThrow(reader.push(fromHex(hex)))) {
      if (LegacyEnvelope.commandOf(message) !== "pong") continue
      pongs.add(valueOf(P2PMessage.decode("pong", message.body), "a pong").nonce)
    }
  })
  yield* peer.send(greeting(1n))
  let nonce = 0n
  const ask = Effect.gen(function*() {
    const sent = ++nonce
    yield* peer.send(toBytes(P2PMessage.make("ping", { nonce: sent })))
    for (let turns = 0; !pongs.has(sent) && turns < 1000; turns++) {
      yield* Effect.yieldNow
      yield* hear
    }
    yield* until(`pong ${sent}`, () => pongs.has(sent))
  })
  return { address, ask }
})

const run = (inputs: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<string>> =>
  Memory.run(withNode(
    (bed) => Effect.flatMap(befriend(bed), (listening) => Memory.meet(bed, listening, inputs)),
    { listen: address, outbound: 0, maxInbound: 1000 }
  ))

/** The node dials the strangers, which it knows from its book. */
const runDialled = (inputs: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<string>> =>
  Memory.run(withNode((bed) =>
    Effect.gen(function*() {
      const listening = yield* befriend(bed)
      const strangers = inputs.map((_, index) => `10.${index}.0.1:18444`)
      const dialled: Array<RawPeer> = []
      for (const [index, input] of inputs.entries()) {
        const meet = (peer: RawPeer) => {
          dialled.push(peer)
          return Effect.exit(Dialled.say(peer, input))
        }
        yield* Dialling.serveEach(bed, meet, strangers[index])
      }
      yield* bed.know(...strangers)
      for (let second = 0; second < 20; second++) {
        yield* pass("1 second")
        yield* Memory.isServed(listening, `in second ${second}`)
      }
      isTrue(dialled.length > 0, "a stranger was dialled")
      equal(bed.logs.filter(Memory.isError), [], "what was logged as an error")
      return yield* Effect.forEach(dialled, ({ status }) => status)
    }), { listen: address, outbound: 100, maxOutbound: 100 }))

const chain = new MinedChain(ChainParams.regtest).mine(20)
const fork = chain.fork(12).mine(10, { salt: 1 })

/** Messages that a node acts on. */
const talk = (random: Random): P2PMessage.P2PMessage => {
  const from = random.below(20)
  const branch = random.pick([chain, fork])
  const hashes = branch.hashes.slice(from, from + 5)
  switch (random.below(5)) {
    case 0: {
      const headers = branch.packed(from + 1, Math.min(branch.height, from + random.below(12)))
      return valueOf(P2PMessage.decode("headers", headersBody(headers)), "headers")
    }
    case 1:
      return P2PMessage.make("inv", { inventory: hashes.map((hash) => ({ type: random.pick([1, 2, 3]), hash })) })
    case 2:
      return P2PMessage.make("getheaders", { version: 70_015, locator: hashes, stop: new Uint8Array(32) })
    case 3:
      return P2PMessage.make(random.pick(["getaddr", "mempool", "sendheaders", "verack"] as const), {})
    default:
      return makeMessage(random)
  }
}

const headersBody = (packed: Uint8Array): Uint8Array => {
  const count = packed.length / 80
  return concat(
    Uint8Array.of(count),
    ...Array.from({ length: count }, (_, i) => concat(packed.subarray(80 * i, 80 * i + 80), Uint8Array.of(0)))
  )
}

const conversation = (random: Random, toPacket: (message: P2PMessage.P2PMessage) => Uint8Array): Uint8Array => {
  const messages = Array.from({ length: random.between(1, 6) }, () => talk(random))
  const start = random.chance(85) ? greeting(BigInt(random.next())) : new Uint8Array(0)
  return concat(start, ...messages.map(toPacket))
}

/** A message whose packet is right and whose body is broken. */
const broken = (random: Random) => (message: P2PMessage.P2PMessage): Uint8Array => {
  const body = valueOf(P2PMessage.encode(message), "a message that can be written")
  return packet({ command: message._tag, body: random.chance(40) ? mutate(body, [], body, random) : body })
}

/** A node that listens. */
export const p2pNode: Server = {
  kind: "server",
  name: "server-p2p-node",
  weight: 3,
  peers: 40,
  seeds: [
    concat(
      ...Legacy.trace("p2p-regtest").messages.filter(({ dir }) => dir === "peer->node").map(({ hex }) => fromHex(hex))
    )
  ],
  make: (random) => ({ bytes: conversation(random, toBytes) }),
  odd: (random) => conversation(random, broken(random)),
  ...(legacy.borders === undefined ? {} : { borders: legacy.borders }),
  longest: 100_000,
  run
}

/** A node that dials. */
export const p2pDialler: Server = { ...p2pNode, name: "client-of-nodes", weight: 2, run: runDialled }
