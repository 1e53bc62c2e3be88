import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import * as Chart from "../../bench/harness/chart.ts"
import * as Machine from "../../bench/harness/machine.ts"
import * as Markdown from "../../bench/harness/markdown.ts"
import * as Runner from "../../bench/harness/runner.ts"
import { workloads } from "../../bench/workloads/all.ts"

const bench = Path.join(import.meta.dirname, "..", "..", "bench")

const limit = { timeout: 60_000 }

/** What the counts must be: how much was asked for, whoever did it. */
const checkSample = ({ client, measured, server }: Runner.Entry["samples"][number], keys: ReadonlyArray<string>) => {
  for (const key of keys) assert.isTrue(Number.isFinite(measured[key]), `${key} is ${measured[key]}`)
  for (const usage of [client, server]) {
    assert.isAbove(usage.cpuSeconds, 0)
    assert.isAbove(usage.peakBytes, 1_000_000)
  }
}

describe("bench", () => {
  for (const workload of workloads) {
    it.live(`${workload.name} works`, () =>
      Effect.gen(function*() {
        const result = yield* Runner.run(workload, "smoke", () => {})
        for (const { contestant, problem, samples } of result.entries) {
          if (samples.length === 0 && contestant.library !== "flowee" && contestant.library !== "net") {
            // What is not installed is left out, and says why.
            assert.match(problem ?? "", /not installed|cannot be loaded/, contestant.label)
            process.stdout.write(`${workload.name}: ${contestant.label} is left out: ${problem}\n`)
            continue
          }
          assert.strictEqual(problem, undefined, contestant.label)
          assert.strictEqual(samples.length, 1, contestant.label)
          checkSample(samples[0]!, workload.columns.map(({ key }) => key))
        }
        const page = Markdown.page([result], Machine.describe(), "smoke")
        assert.include(page, `## ${workload.name}`)
        for (const { contestant } of result.entries) assert.include(page, `| ${contestant.label} |`)
        assert.match(Chart.draw([result]), /^<svg[^]*<\/svg>\n$/)
      }), limit)
  }

  it.live("no message of the storm is missing that the contract does not let go", () =>
    Effect.gen(function*() {
      const storm = workloads.find(({ name }) => name === "storm")!
      const sample = (yield* Runner.run(storm, "smoke", () => {})).entries[0]!.samples[0]!
      assert.isAbove(sample.measured["sent"]!, 0)
      assert.strictEqual(sample.measured["illicit"], 0)
    }), limit)

  it("one side alone speaks the benchmark protocol", limit, async () => {
    const server = ChildProcess.spawn(process.execPath, [Path.join(bench, "server.ts"), "--port", "0"])
    try {
      const line = await new Promise<string>((resolve) => server.stdout.once("data", (data) => resolve(String(data))))
      const port = /^listening (\d+)\n$/.exec(line)?.[1]
      assert.isDefined(port)
      const run = (args: ReadonlyArray<string>) => {
        const client = ChildProcess.spawnSync(
          process.execPath,
          [Path.join(bench, "client.ts"), "--port", port!, ...args],
          { encoding: "utf8" }
        )
        assert.strictEqual(client.status, 0, client.stderr)
        return JSON.parse(client.stdout) as Record<string, unknown>
      }
      const common = ["workload", "count", "size", "seconds", "perSecond", "megabytesPerSecond"]
      // 1500 are one acknowledgement and a rest.
      const flood = run(["--workload", "flood", "--count", "1500", "--window", "1000"])
      assert.deepStrictEqual(Object.keys(flood), common)
      assert.deepStrictEqual([flood["workload"], flood["count"], flood["size"]], ["flood", 1500, 32])
      const echo = run(["--workload", "echo", "--count", "20", "--size", "100"])
      assert.deepStrictEqual(Object.keys(echo), [...common, "p50", "p99", "p999"])
      assert.deepStrictEqual([echo["count"], echo["size"]], [20, 100])
      const bulk = run(["--workload", "bulk", "--count", "5", "--size", "300000"])
      assert.deepStrictEqual(Object.keys(bulk), common)
      assert.deepStrictEqual([bulk["count"], bulk["size"]], [5, 300_000])
    } finally {
      server.kill()
    }
  })
})
