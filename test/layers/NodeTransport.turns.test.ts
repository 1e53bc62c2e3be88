import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import * as Links from "../utils/links.ts"
import { tlsOptions } from "../utils/tls.ts"

const spin = (millis: number): void => {
  const end = performance.now() + millis
  while (performance.now() < end);
}

/** Counts what is done in each turn of the event loop, until it is stopped. */
class TurnCounter {
  most = 0
  #count = 0
  #isStopped = false

  constructor() {
    this.#look()
  }

  add(): void {
    this.#count += 1
    this.most = Math.max(this.most, this.#count)
  }

  stop(): void {
    this.#isStopped = true
  }

  #look(): void {
    this.#count = 0
    if (!this.#isStopped) setImmediate(() => this.#look())
  }
}

const readSize = 8192
const size = 1_000_000

/** What takes 5 ms may be done twice in the 10 ms of a turn, and once more where a turn of the loop ends within. */
const millis = 5
const most = 4

const transports = {
  direct: NodeTransport.make(),
  events: NodeTransport.make({ reading: "events" }),
  tls: NodeTransport.makeTls(tlsOptions)
}

describe("NodeTransport, turns of the event loop", () => {
  for (const [name, transport] of Object.entries(transports)) {
    it.live(`reads no more from a connection than its share of a turn: ${name}`, () =>
      Effect.gen(function*() {
        const counter = new TurnCounter()
        const receiver = new Links.Recorder({
          bufferSize: () => readSize,
          goOn: () => {
            counter.add()
            spin(millis)
            return true
          }
        })
        const { accepted, dialled } = yield* Links.pair(yield* transport, Links.loopback)
        accepted.start(receiver)
        dialled.start(new Links.Recorder())
        const content = Links.randomBytes(size, 1)
        yield* Effect.forkScoped(Links.send(dialled, content))
        yield* receiver.received(size)
        assert.strictEqual(Links.sha256(receiver.bytes), Links.sha256(content))
        counter.stop()
        assert.isAbove(receiver.reads, 10)
        assert.isAtMost(counter.most, most)
      }).pipe(Effect.scoped))
  }
})
