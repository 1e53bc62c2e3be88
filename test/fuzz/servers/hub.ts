/**
 * An embedded Hub that demands its cookie.
 */
import { Context, Effect, Layer, Redacted } from "effect"
import * as HubApi from "../../../src/domain/hub/HubApi.ts"
import * as LoginCookie from "../../../src/domain/LoginCookie.ts"
import * as Message from "../../../src/domain/Message.ts"
import type * as MessageGroup from "../../../src/domain/MessageGroup.ts"
import * as ConnectionAuthorizer from "../../../src/services/ConnectionAuthorizer.ts"
import * as EmbeddedHub from "../../../src/services/hub/EmbeddedHub.ts"
import * as RegtestChain from "../../../src/services/hub/RegtestChain.ts"
import * as MessageClient from "../../../src/services/MessageClient.ts"
import { recorded } from "../../utils/hubBodies.ts"
import { concat, encode, fromHex, type Random, traces } from "../../utils/native.ts"
import { type Bed, withBed } from "../../utils/network.ts"
import * as Wallet from "../../utils/wallet.ts"
import * as Borders from "../harness/borders.ts"
import { isTrue, valueOf } from "../harness/expect.ts"
import { mutate } from "../harness/mutation.ts"
import type { Server } from "../harness/target.ts"
import * as Memory from "./memory.ts"

const address = "10.0.0.9:1235"
const cookie = LoginCookie.fromRandomBytes(Uint8Array.from({ length: 32 }, (_, i) => i))
const file = { read: Effect.succeedSome(cookie), obtain: Effect.succeed(cookie) }
const login = encode(valueOf(LoginCookie.encode(cookie), "a cookie that can be sent"))

const listen = Effect.fnUntraced(function*(bed: Bed) {
  const host = yield* bed.host("10.0.0.9")
  const authorizer = yield* ConnectionAuthorizer.cookie(file)
  const hub = yield* Layer.build(EmbeddedHub.layer({ endPoint: address })).pipe(
    Effect.provideContext(host.context),
    Effect.provideService(ConnectionAuthorizer.ConnectionAuthorizer, authorizer)
  )
  yield* Context.get(hub, RegtestChain.RegtestChain).generate({ address: Wallet.traceKey.address, blocks: 3 })
  const { manager } = yield* bed.host("10.0.0.7")
  const connection = yield* manager.connect(address, { login: file })
  const client = MessageClient.make(HubApi.group, connection)
  const ask = Effect.map(client.getBlockCount(), ({ height }) => isTrue(height >= 3, "the Hub has its blocks"))
  return { address, ask: Effect.orDie(ask) }
})

const run = (inputs: ReadonlyArray<Uint8Array>): Promise<ReadonlyArray<string>> =>
  Memory.run(withBed((bed) =>
    Effect.gen(function*() {
      const told = yield* Memory.meet(bed, yield* Effect.orDie(listen(bed)), inputs)
      isTrue(!bed.logs.join().includes(Redacted.value(cookie)), "the cookie is in no log")
      return told
    })
  ))

const asked = traces.flatMap(({ frames }) =>
  frames.flatMap(({ dir, hex }) => dir === "client->hub" ? [fromHex(hex)] : [])
)

const calls: ReadonlyArray<MessageGroup.Member> = HubApi.group.members

/** A request with a body that was recorded, or one much like it. */
const request = (random: Random): Uint8Array => {
  const { messageId, serviceId } = random.pick(calls)
  const bodies = recorded.filter(({ key }) => key.startsWith(`${serviceId}/`))
  const body = bodies.length > 0 && random.chance(80) ? random.pick(bodies).body : random.bytes(random.below(40))
  const broken = random.chance(70) ? mutate(body, Borders.ofTagged(body), body, random) : body
  return encode(Message.make({
    serviceId: random.chance(97) ? serviceId : random.below(40),
    messageId: random.chance(97) ? messageId : random.below(40),
    header: random.chance(70) ? { 11: random.below(1000) } : {},
    body: broken.slice(0, 7000)
  }))
}

const conversation = (random: Random): Uint8Array =>
  concat([
    ...(random.chance(85) ? [login] : []),
    ...Array.from({ length: random.between(1, 8) }, () => request(random))
  ])

export const hub: Server = {
  kind: "server",
  name: "server-hub",
  weight: 3,
  peers: 40,
  seeds: [login, ...asked.filter(({ length }) => length < 1000).map((frame) => concat([login, frame]))],
  make: (random) => ({
    bytes: concat([login, ...Array.from({ length: random.between(1, 6) }, () => random.pick(asked))])
  }),
  odd: conversation,
  borders: Borders.ofNative,
  longest: 40_000,
  run
}
