/**
 * Listeners on a network in memory, under a clock that stands: strangers say what they are told to while one honest
 * peer must be served all the time.
 */
import { Effect, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Random } from "../../utils/native.ts"
import { type Bed, pass, type RawPeer, settle, until } from "../../utils/network.ts"
import { equal } from "../harness/expect.ts"
import { digest } from "../harness/inputs.ts"

export interface Listening {
  readonly address: string
  /** Asks something and checks the answer. Never ends when there is none. */
  readonly ask: Effect.Effect<void>
}

/** A stranger's address: each has its own, since some of them will be banned. */
const strangerAt = (index: number): string => `10.${1 + (index >> 8)}.${index & 255}.1`

/** The honest peer gets its answer. */
export const isServed = ({ ask }: Listening, when: string): Effect.Effect<void> =>
  Effect.gen(function*() {
    const asking = yield* Effect.forkChild(ask, { startImmediately: true })
    yield* until(`the honest peer is served ${when}`, () => asking.pollUnsafe() !== undefined)
    const exit = asking.pollUnsafe()
    if (exit !== undefined) yield* exit
  })

/** Says an input in pieces, and then hangs up or stays. */
const say = Effect.fnUntraced(function*(peer: RawPeer, input: Uint8Array) {
  const random = new Random(digest(input))
  for (let at = 0; at < input.length;) {
    const length = random.chance(30) ? input.length - at : 1 + random.below(Math.min(200, input.length - at))
    yield* peer.send(input.subarray(at, at + length))
    at += length
    if (random.chance(30)) yield* Effect.yieldNow
  }
  if (random.chance(30)) yield* peer.close
})

/** Log lines of what must not happen. */
export const isError = (line: string): boolean => /^(?:Error|Fatal) /.test(line)

/** Lets each stranger say its part, one after another; those who are not turned away stay to the end. */
export const meet = Effect.fnUntraced(function*(
  bed: Bed,
  listening: Listening,
  inputs: ReadonlyArray<Uint8Array>
): Effect.fn.Return<ReadonlyArray<string>, never, Scope.Scope> {
  yield* isServed(listening, "before anybody else comes")
  const strangers: Array<RawPeer> = []
  for (let index = 0; index < inputs.length; index++) {
    const stranger = yield* bed.dial(strangerAt(index), listening.address)
    strangers.push(stranger)
    yield* Effect.forkChild(say(stranger, inputs[index]!))
    yield* settle
    yield* isServed(listening, `after stranger ${index}`)
  }
  yield* pass("3 seconds")
  yield* isServed(listening, "three seconds later")
  equal(bed.logs.filter(isError), [], "what was logged as an error")
  return yield* Effect.forEach(strangers, ({ status }) => status)
})

/** Runs a program under a clock of its own. */
export const run = <A, E>(program: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(TestClock.layer())))
