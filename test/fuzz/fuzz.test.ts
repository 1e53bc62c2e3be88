/**
 * The short form of `npm run fuzz`: the inputs that are kept, and a few of each target.
 */
import { assert, describe, it } from "@effect/vitest"
import { seed, toHex } from "../utils/native.ts"
import * as Corpus from "./harness/corpus.ts"
import { fuzz, replay } from "./harness/runner.ts"
import { servers } from "./servers/all.ts"
import { decoders } from "./targets/all.ts"

const targets = [...decoders, ...servers]

describe("inputs that failed once", () => {
  it("are all of targets that are there", () => {
    const names = new Set(targets.map(({ name }) => name))
    assert.strictEqual(names.size, targets.length)
    for (const name of Corpus.names()) assert.isTrue(names.has(name), name)
  })

  for (const target of targets) {
    const inputs = Corpus.read(target.name)
    if (inputs.length === 0) continue
    it(`do not fail any more: ${target.name}`, async () => {
      for (const input of inputs) assert.isString(await replay(target, input), toHex(input))
    })
  }
})

describe(`foreign bytes (seed ${seed})`, () => {
  for (const target of decoders) {
    it(`${target.name} takes any`, async () => {
      const inputs = Math.ceil(200 * Math.min(1, target.weight ?? 1))
      const report = await fuzz(target, { seed, inputs })
      assert.isAbove(report.outcomes.size, 1, "inputs differ in what comes of them")
    })
  }

  for (const target of servers) {
    it(`${target.name} serves an honest peer whatever others say`, async () => {
      const report = await fuzz({ ...target, peers: 25 }, { seed, inputs: 25 })
      assert.isAbove(report.outcomes.size, 1, "strangers differ in what comes of them")
    })
  }
})
