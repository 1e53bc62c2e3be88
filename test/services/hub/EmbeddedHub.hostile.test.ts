import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as MessageGroup from "../../../src/domain/MessageGroup.ts"
import * as CommandFailure from "../../../src/domain/CommandFailure.ts"
import * as HubApi from "../../../src/domain/hub/HubApi.ts"
import * as Message from "../../../src/domain/Message.ts"
import * as Fixture from "../../utils/embeddedHub.ts"
import * as Native from "../../utils/native.ts"
import * as RawHub from "../../utils/rawHub.ts"

const calls = HubApi.group.members.filter(({ kind }: MessageGroup.Member) => kind === "call")

/** The recorded bodies of requests, to be broken. */
const bodies = Native.traces.flatMap(({ frames }) =>
  frames.flatMap(({ dir, hex }) => {
    const { body, headerValues } = RawHub.parse(Native.fromHex(hex))
    const serviceId = Number(headerValues[0]!.value)
    return dir === "client->hub" && body.length > 0 ? [{ serviceId, body }] : []
  })
)

describe("EmbeddedHub, asked nonsense", () => {
  it.live("answers each request, whatever its body is", () =>
    Effect.gen(function*() {
      const random = new Native.Random(Native.seed)
      yield* Fixture.mine(5)
      const { connection, hub } = yield* Fixture.connect
      const mutated = (serviceId: number): Uint8Array => {
        if (random.chance(20)) return random.bytes(random.below(60))
        const body = random.pick(bodies.filter((body) => body.serviceId === serviceId || random.chance(10)))?.body
        if (body === undefined) return random.bytes(8)
        const broken = body.slice(0, random.chance(30) ? random.below(body.length + 1) : body.length)
        for (let n = random.below(4); n > 0 && broken.length > 0; n--) {
          broken[random.below(broken.length)] = random.below(256)
        }
        return broken
      }
      for (let round = 0; round < 60; round++) {
        yield* Effect.forEach(calls, ({ messageId, name, serviceId }) =>
          Effect.gen(function*() {
            const body = mutated(serviceId)
            const about = `${name} ${Native.toHex(body)}, seed ${Native.seed}`
            const request = Message.make({ serviceId, messageId, body })
            const reply = yield* Effect.orDie(connection.request(request, { timeout: "10 seconds" }))
            assert.include([0, serviceId], reply.serviceId, about)
            if (CommandFailure.isFailure(reply)) {
              assert.notInclude(CommandFailure.read(reply).text, "Internal error", about)
            }
          }), { concurrency: 8, discard: true })
      }
      assert.isAtLeast((yield* hub.getBlockCount()).height, 5)
    }).pipe(Effect.provide(Fixture.layer)))
})
