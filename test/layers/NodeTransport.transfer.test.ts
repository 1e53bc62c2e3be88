import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import type { Link, LinkReceiver } from "../../src/services/Transport.ts"
import * as Links from "../utils/links.ts"
import { tlsOptions } from "../utils/tls.ts"

const { loopback, pair, randomFrom, send } = Links

const total = 50_000_000

/** 50 MB that do not repeat in any period of the buffers. */
const content = Links.randomBytes(total, 2026)
const expected = Links.sha256(content)

const transports = {
  direct: NodeTransport.make(),
  events: NodeTransport.make({ reading: "events" }),
  tls: NodeTransport.makeTls(tlsOptions)
}

/** Reads with buffers of random sizes and pauses in every way there is. Returns the hash of what came. */
const receiveErratically = (link: Link, seed: number): Effect.Effect<string> =>
  Effect.callback((resume) => {
    const random = randomFrom(seed)
    const hash = createHash("sha256")
    let memory = new Uint8Array(0)
    let isPaused = false
    const goOn = () => {
      isPaused = false
      link.resume()
    }
    const goOnLater = [
      () => queueMicrotask(goOn),
      () => process.nextTick(goOn),
      () => setImmediate(goOn),
      () => setTimeout(goOn, random(3))
    ]
    const size = () => [1 + random(8), 1 + random(5000), 1 + random(65_536), 1 + random(300_000)][random(4)]!
    const receiver: LinkReceiver = {
      buffer: () => {
        memory = new Uint8Array(random(10) === 0 ? size() : 100_000 + random(100_000))
        return memory
      },
      onRead: (count) => {
        assert.isFalse(isPaused, "read while paused")
        hash.update(memory.subarray(0, count))
        if (random(4) > 0) return true
        isPaused = true
        goOnLater[random(4)]!()
        if (random(2) === 0) return false
        link.pause()
        return true
      },
      onEnd: (error) => resume(Effect.succeed(`${error?.problem} ${hash.digest("hex")}`))
    }
    link.start(receiver)
  })

/** Writes everything in writes of random sizes, of one part or several, and closes. */
const sendErratically = Effect.fnUntraced(function*(link: Link, seed: number) {
  const random = randomFrom(seed)
  let at = 0
  while (at < total) {
    const parts: Array<Uint8Array> = []
    for (let i = random(5); i >= 0; i--) {
      const end = Math.min(total, at + 1 + random(random(3) === 0 ? 1000 : 400_000))
      parts.push(content.subarray(at, end))
      at = end
    }
    yield* send(link, ...parts)
  }
  link.close()
})

describe("NodeTransport, 50 MB", () => {
  for (const [kind, make] of Object.entries(transports)) {
    for (const side of ["dialled", "accepted"] as const) {
      const seed = kind.length * 1000 + side.length
      it.live(`arrive whole at a receiver that pauses at random: ${kind}, ${side} side, seed ${seed}`, () =>
        Effect.gen(function*() {
          const links = yield* pair(yield* make, loopback)
          const sender = side === "dialled" ? links.accepted : links.dialled
          sender.start(new Links.Recorder())
          const [received] = yield* Effect.all(
            [receiveErratically(links[side], seed), sendErratically(sender, seed)],
            { concurrency: 2 }
          )
          assert.strictEqual(received, `Closed ${expected}`)
        }))
    }
  }
})
