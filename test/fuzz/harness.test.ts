/**
 * The fuzzer itself: it finds what is wrong, makes it small, and does the same again for the same seed.
 */
import { assert, describe, it } from "@effect/vitest"
import { toHex } from "../utils/native.ts"
import { makeInputs } from "./harness/inputs.ts"
import { minimise } from "./harness/minimise.ts"
import * as Plan from "./harness/plan.ts"
import { Failure, fuzz } from "./harness/runner.ts"
import * as Table from "./harness/table.ts"
import type { Decoder, Server } from "./harness/target.ts"
import { native } from "./targets/native.ts"

const decoder = (run: Decoder["run"]): Decoder => ({
  kind: "decoder",
  name: "planted",
  seeds: [Uint8Array.from({ length: 40 }, (_, i) => i)],
  run
})

/** What the fuzzer says of a decoder with a fault. */
const failureOf = async (target: Decoder | Server, inputs = 5000): Promise<string> => {
  const found: unknown = await fuzz(target, { seed: 5, inputs }).then(() => undefined, (error: unknown) => error)
  assert.instanceOf(found, Failure)
  return (found as Failure).message
}

describe("the fuzzer", () => {
  it("finds an input that throws, and makes it small", async () => {
    const told = await failureOf(decoder((input) => {
      const at = input.indexOf(0xfd)
      if (at >= 0 && input[at + 1] === 0xff) throw new Error("planted")
      return "good"
    }))
    assert.include(told, "planted")
    assert.include(told, "made small, 2 bytes: fdff")
    assert.include(told, "npm run fuzz -- --only planted --hex fdff")
  })

  it("finds one that takes too long", async () => {
    const slow = decoder((input) => {
      for (const start = performance.now(); input[0] === 0xff && performance.now() - start < 8;);
      return "good"
    })
    const told = await failureOf({ ...slow, patience: 4 })
    assert.include(told, "ms for")
    assert.match(told, /made small, 1 bytes: ff/)
  })

  it("finds one that takes too much memory", async () => {
    const kept: Array<Uint8Array> = []
    const told = await failureOf(decoder((input) => {
      if ((input[2] ?? 0) > 0x70) kept.push(new Uint8Array(8_000_000))
      return "good"
    }))
    assert.include(told, "it allocates")
  })

  it("finds one that is changed, and one whose value does not come back", async () => {
    const changing = decoder((input) => {
      if (input.length > 5) input[3]! ^= 1
      return "good"
    })
    assert.include(await failureOf(changing), "it changes its input")
    const forgetting: Decoder = {
      ...decoder(() => "good"),
      make: (random) => ({
        bytes: random.bytes(4),
        verify: () => {
          throw new Error("another value")
        }
      })
    }
    const told = await failureOf(forgetting)
    assert.include(told, "another value")
    assert.match(told, /--only planted --seed 5 --from \d+ --inputs 1/)
  })

  it("finds the peer that breaks a listener", async () => {
    const told = await failureOf({
      ...decoder(() => ""),
      kind: "server",
      peers: 10,
      run: async (inputs) => {
        if (inputs.some((input) => input.length > 3)) throw new Error("the honest peer is not served")
        return inputs.map(() => "served")
      }
    })
    assert.include(told, "made small, 4 bytes: 00000000")
  })

  it("makes the same inputs again from the same seed, and others from another one", () => {
    const inputs = (seed: number) => {
      const at = makeInputs(native, seed, [])
      return Array.from({ length: 200 }, (_, index) => toHex(at(index).bytes))
    }
    assert.deepStrictEqual(inputs(1), inputs(1))
    assert.notDeepEqual(inputs(1), inputs(2))
    assert.isAbove(new Set(inputs(1)).size, 150)
    const later = makeInputs(native, 1, [])
    assert.strictEqual(toHex(later(150).bytes), inputs(1)[150])
  })

  it("makes an input small as far as it still fails", async () => {
    const input = Uint8Array.from({ length: 300 }, (_, i) => i)
    const small = await minimise(input, async (bytes) => bytes.includes(7) && bytes.includes(200) && bytes.length >= 4)
    assert.strictEqual(small.length, 4)
    assert.deepStrictEqual([...small].filter((byte) => byte > 0).toSorted(), [200, 7])
  })

  it("divides inputs among the targets by their weights", () => {
    const one = decoder(() => "")
    const two: Decoder = { ...one, weight: 3 }
    const server: Server = { ...one, kind: "server", peers: 5, run: async () => [] }
    const shares = (...targets: ReadonlyArray<Decoder | Server>) =>
      Plan.divide(targets, 100_000).map(({ inputs }) => inputs)
    assert.deepStrictEqual(shares(one, two, server), [24_750, 74_250, 1000])
    assert.deepStrictEqual(shares(server, server), [50_000, 50_000])
    assert.deepStrictEqual(shares(one), [100_000])
  })

  it("tells what came of all inputs in a table", async () => {
    const report = await fuzz(decoder((input) => input.length > 30 ? "long" : "short"), { seed: 1, inputs: 100 })
    const lines = Table.format([report]).split("\n")
    assert.match(lines[2]!, /^\| planted \| 100 \| [\d,]+ \| [\d.]+ ms \| (?:long|short) \d+%, (?:long|short) \d+% \|$/)
    assert.match(lines[3]!, /^\| all \| 100 \|/)
  })
})
