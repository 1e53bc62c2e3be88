/**
 * The other way round: a client of Hubs that say anything, whatever they are asked.
 */
import { Effect, Fiber, Stream } from "effect"
import * as HubHash from "../../../src/domain/hub/HubHash.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as HubClient from "../../../src/services/hub/HubClient.ts"
import * as NetworkManager from "../../../src/services/NetworkManager.ts"
import * as Dialling from "../../utils/dialling.ts"
import { same } from "../../utils/hubValues.ts"
import { recorded } from "../../utils/hubBodies.ts"
import { concat, encode, fromHex, Random, traces } from "../../utils/native.ts"
import { type Bed, pass, type RawPeer, settle, withBed } from "../../utils/network.ts"
import * as Borders from "../harness/borders.ts"
import { equal } from "../harness/expect.ts"
import { digest } from "../harness/inputs.ts"
import { mutate } from "../harness/mutation.ts"
import type { Server } from "../harness/target.ts"
import { askEcho, echoService } from "./envelopes.ts"
import * as Memory from "./memory.ts"

const honestHub = "10.0.0.9:1235"

const listenHonestly = Effect.fnUntraced(function*(bed: Bed) {
  const host = yield* bed.host("10.0.0.9")
  yield* host.manager.register(
    echoService,
    (connection) =>
      Effect.succeed((request) => Effect.exit(connection.send(Message.reply(request, { body: request.body }))))
  )
  yield* host.manager.bind(honestHub)
})

/** Says its part once somebody is there, in pieces. */
export const say = Effect.fnUntraced(function*(peer: RawPeer, input: Uint8Array) {
  const random = new Random(digest(input))
  for (let at = 0; at < input.length;) {
    const length = 1 + random.below(input.length - at)
    yield* peer.send(input.subarray(at, at + length))
    at += length
    yield* settle
  }
})

/** Asks a Hub for much, and listens to it. What comes of that does not matter. */
const use = Effect.fnUntraced(function*(hub: HubClient.HubClient["Service"]) {
  const asked = Effect.all([
    Effect.exit(hub.blockChainInfo),
    Effect.exit(hub.blockVerbose({ hash: HubHash.BlockHash.make(same("11")) })),
    Effect.exit(hub.block({ hash: HubHash.BlockHash.make(same("11")) })),
    Effect.exit(hub.mempoolInfo),
    Effect.exit(hub.version)
  ], { concurrency: "unbounded" })
  const heard = Effect.all([
    Effect.exit(Stream.runDrain(hub.blocks())),
    Effect.exit(Stream.runDrain(hub.doubleSpends())),
    Effect.exit(Stream.runDrain(hub.addresses([HubHash.ScriptHash.make(same("22"))]))),
    Effect.exit(Stream.runDrain(hub.transactions([HubHash.TxId.make(same("33"))])))
  ], { concurrency: "unbounded" })
  return yield* Effect.forkChild(Effect.all([asked, heard], { concurrency: "unbounded" }), { startImmediately: true })
})

const meet = Effect.fnUntraced(function*(bed: Bed, inputs: ReadonlyArray<Uint8Array>) {
  yield* listenHonestly(bed)
  const { manager } = yield* bed.host("10.0.0.7")
  const honest = yield* manager.connect(honestHub)
  const listening = { address: honestHub, ask: askEcho(honest.request) }
  const users: Array<Fiber.Fiber<unknown>> = []
  const clients: Array<HubClient.HubClient["Service"]> = []
  for (let index = 0; index < inputs.length; index++) {
    const endPoint = `10.1.${index}.1:1235`
    yield* Dialling.serveEach(bed, (peer) => Effect.exit(say(peer, inputs[index]!)), endPoint)
    const hub = yield* HubClient.make({ endPoint, timeout: "10 seconds" }).pipe(
      Effect.provideService(NetworkManager.NetworkManager, manager)
    )
    clients.push(hub)
    users.push(yield* use(hub))
    yield* settle
    yield* Memory.isServed(listening, `after Hub ${index}`)
  }
  yield* pass("15 seconds")
  yield* Memory.isServed(listening, "fifteen seconds later")
  equal(bed.logs.filter(Memory.isError), [], "what was logged as an error")
  const states = yield* Effect.forEach(clients, ({ connection }) => connection.state)
  yield* Fiber.interruptAll(users)
  return states.map(({ _tag }) => _tag)
})

const run = (inputs: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<string>> =>
  Memory.run(withBed((bed) => Effect.orDie(meet(bed, inputs))))

const answered = traces.flatMap(({ frames }) =>
  frames.flatMap(({ dir, hex }) => dir === "hub->client" ? [fromHex(hex)] : [])
)

/** Answers to requests with small numbers, and notifications: some recorded ones, some broken. */
const answers = (random: Random): Uint8Array =>
  concat(Array.from({ length: random.between(1, 10) }, () => {
    const { body, key } = random.pick(recorded)
    const [serviceId = 0, messageId = 0] = key.split(/[/ ]/).map(Number)
    const said = random.chance(60) ? mutate(body, Borders.ofTagged(body), body, random).slice(0, 7000) : body
    const header = random.chance(70) ? { 11: random.below(12) } : {}
    return encode(Message.make({ serviceId, messageId, header, body: said }))
  }))

export const hubClient: Server = {
  kind: "server",
  name: "client-of-hubs",
  weight: 2,
  peers: 20,
  seeds: answered.filter(({ length }) => length < 2000),
  odd: answers,
  borders: Borders.ofNative,
  longest: 40_000,
  run
}
