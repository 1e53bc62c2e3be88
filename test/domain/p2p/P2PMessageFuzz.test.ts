import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as P2P from "../../utils/p2pMessage.ts"

const { commands } = P2PMessage

interface Sample {
  readonly command: P2PMessage.Command
  readonly body: Uint8Array
}

const samples = (random: Legacy.Random): ReadonlyArray<Sample> => {
  const make = P2P.makeGenerator(random)
  const recorded = ["p2p-regtest", "p2p-regtest-wallet"].flatMap((name) =>
    Legacy.trace(name).messages.map(({ command, hex }) => ({
      command: P2PMessage.isCommand(command) ? command : assert.fail(command),
      body: Legacy.fromHex(hex.slice(48))
    }))
  )
  const made = commands.flatMap((command) =>
    Array.from({ length: 4 }, () => ({ command, body: Result.getOrThrow(P2PMessage.encode(make(command))) }))
  )
  return [...recorded, ...made].filter(({ body }) => body.length < 8000)
}

/** Lengths and counts that ask for more than there is, and numbers around their limits. */
const nasty = [
  "fd",
  "fdffff",
  "fe",
  "feffffffff",
  "ff",
  "ffffffffffffffffff",
  "ffffffffffffff1f00",
  "00",
  "fdd007",
  "fc"
]
  .map(Legacy.fromHex)

const mutate = (body: Uint8Array, random: Legacy.Random): Uint8Array => {
  const at = random.below(body.length + 1)
  switch (random.below(6)) {
    case 0:
      return body.subarray(0, at)
    case 1:
      return Legacy.concat(body, random.bytes(1 + random.below(40)))
    case 2:
      return Legacy.concat(body.subarray(0, at), nasty[random.below(nasty.length)]!, body.subarray(at))
    case 3: {
      const patch = nasty[random.below(nasty.length)]!
      return Legacy.concat(body.subarray(0, at), patch, body.subarray(Math.min(body.length, at + patch.length)))
    }
    case 4:
      return Legacy.concat(body.subarray(at), body.subarray(0, at))
    default: {
      const changed = Uint8Array.from(body)
      for (let i = 0; i <= random.below(4); i++) {
        if (changed.length > 0) changed[random.below(changed.length)] = random.below(256)
      }
      return changed
    }
  }
}

describe("P2PMessage, mutated bodies", () => {
  it("gives a message or an error that says where, for 100,000 of them", () => {
    const seed = 31_337
    const random = Legacy.makeRandom(seed)
    const all = samples(random)
    const reasons = new Map<string, number>()
    let good = 0
    for (let i = 0; i < 100_000; i++) {
      const { body, command } = all[random.below(all.length)]!
      // Sometimes a body of another command.
      const as = random.below(10) === 0 ? commands[random.below(commands.length)]! : command
      const input = mutate(body, random)
      const result = P2PMessage.decode(as, input)
      if (Result.isFailure(result)) {
        const { offset, reason } = result.failure.reason
        assert.strictEqual(result.failure._tag, "MalformedMessage")
        assert.isTrue(offset >= 0 && offset <= input.length, `seed ${seed}, input ${i}`)
        reasons.set(reason._tag, (reasons.get(reason._tag) ?? 0) + 1)
        continue
      }
      good++
      // Whatever is taken is written the same way, but for what version forgives.
      const again = Result.getOrThrow(P2PMessage.encode(result.success))
      if (as === "version") assert.isAtMost(again.length, input.length)
      else assert.isTrue(Buffer.compare(again, input) === 0, `seed ${seed}, input ${i}`)
    }
    assert.isAbove(good, 10_000)
    assert.deepStrictEqual(Array.from(reasons.keys()).toSorted(), [
      "NotCanonical",
      "OutOfRange",
      "TooLong",
      "TooMany",
      "TrailingBytes",
      "Truncated"
    ])
  })

  it("takes any bytes as a body of any command", () => {
    const seed = 99
    const random = Legacy.makeRandom(seed)
    for (let i = 0; i < 20_000; i++) {
      const command = commands[random.below(commands.length)]!
      const input = random.bytes(random.below(200))
      const result = P2PMessage.decode(command, input)
      if (Result.isFailure(result)) assert.strictEqual(result.failure.command, command, `seed ${seed}`)
    }
  })

  it("takes no more memory for a short body that announces much", () => {
    const bodies: ReadonlyArray<readonly [P2PMessage.Command, string]> = [
      ["inv", "fd50c3"],
      ["headers", "fdd007"],
      ["addr", "fde803"],
      ["merkleblock", `${"00".repeat(84)}fe55230800`],
      ["filterload", "fda08c"],
      ["getheaders", "0000000065"],
      ["dsproof-beta", `${"00".repeat(144)}10fd1027`]
    ]
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 2000; i++) {
      for (const [command, hex] of bodies) {
        assert.isTrue(Result.isFailure(P2PMessage.decode(command, Legacy.fromHex(hex))), command)
      }
    }
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 20_000_000)
  })
})
