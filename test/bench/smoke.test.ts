import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Path from "node:path"
import * as Chart from "../../bench/harness/chart.ts"
import * as Machine from "../../bench/harness/machine.ts"
import * as Markdown from "../../bench/harness/markdown.ts"
import * as Runner from "../../bench/harness/runner.ts"
import type { Workload } from "../../bench/harness/workload.ts"
import { workloads } from "../../bench/workloads/all.ts"

const bench = Path.join(import.meta.dirname, "..", "..", "bench")

const limit = { timeout: 60_000 }

/** The other libraries are installed by the benchmark only. */
const mayBeMissing = (entry: Runner.Entry): boolean =>
  !["flowee", "net", "effect-rpc"].includes(entry.contestant.library)

const checkEntry = (workload: Workload, entry: Runner.Entry): void => {
  const { contestant, problem, samples } = entry
  if (samples.length === 0 && mayBeMissing(entry)) {
    assert.match(problem ?? "", /not installed|cannot be loaded/, contestant.label)
    process.stdout.write(`${workload.name}: ${contestant.label} is left out: ${problem}\n`)
    return
  }
  assert.strictEqual(problem, undefined, contestant.label)
  assert.strictEqual(samples.length, 1, contestant.label)
  const { client, measured, server } = samples[0]!
  for (const { key } of workload.columns) {
    assert.isTrue(Number.isFinite(measured[key]), `${contestant.label}: ${key} is ${measured[key]}`)
  }
  for (const usage of server === undefined ? [client] : [client, server]) {
    assert.isAbove(usage.cpuSeconds, 0)
    assert.isAbove(usage.peakBytes, 1_000_000)
  }
  // The storm: no message is missing that the contract does not let go.
  if ("illicit" in measured) assert.strictEqual(measured["illicit"], 0)
}

const runClient = async (port: string, args: ReadonlyArray<string>): Promise<Record<string, unknown>> => {
  const client = ChildProcess.spawn(process.execPath, [Path.join(bench, "client.ts"), "--port", port, ...args])
  let output = ""
  client.stdout.on("data", (chunk) => output += chunk)
  const [code] = await once(client, "close")
  assert.strictEqual(code, 0, output)
  assert.match(output, /^\{.*\}\n$/)
  return JSON.parse(output) as Record<string, unknown>
}

describe.concurrent("bench", () => {
  for (const workload of workloads) {
    it.live(`${workload.name} works`, () =>
      Effect.gen(function*() {
        const result = yield* Runner.run(workload, "smoke", () => {})
        assert.strictEqual(result.entries.length, Runner.contestants(workload, "smoke").length)
        for (const entry of result.entries) checkEntry(workload, entry)
        const page = Markdown.page([result], Machine.describe(), "smoke")
        assert.include(page, `## ${workload.name}`)
        for (const { contestant } of result.entries) assert.include(page, `| ${contestant.label} |`)
        assert.match(Chart.draw([result]), /^<svg[^]*<\/svg>\n$/)
      }), limit)
  }

  it("one side alone speaks the benchmark protocol", limit, async () => {
    const server = ChildProcess.spawn(process.execPath, [Path.join(bench, "server.ts"), "--port", "0"])
    try {
      const [line] = await once(server.stdout, "data")
      const port = /^listening (\d+)\n$/.exec(String(line))?.[1]
      assert.isDefined(port)
      const common = ["workload", "count", "size", "seconds", "perSecond", "megabytesPerSecond"]
      // 1500 are one acknowledgement and a rest.
      const flood = await runClient(port!, ["--workload", "flood", "--count", "1500", "--window", "1000"])
      assert.deepStrictEqual(Object.keys(flood), common)
      assert.deepStrictEqual([flood["workload"], flood["count"], flood["size"]], ["flood", 1500, 32])
      const echo = await runClient(port!, ["--workload", "echo", "--count", "20", "--size", "100"])
      assert.deepStrictEqual(Object.keys(echo), [...common, "p50", "p99", "p999"])
      assert.deepStrictEqual([echo["count"], echo["size"]], [20, 100])
      const bulk = await runClient(port!, ["--workload", "bulk", "--count", "5", "--size", "300000"])
      assert.deepStrictEqual(Object.keys(bulk), common)
      assert.deepStrictEqual([bulk["count"], bulk["size"]], [5, 300_000])
    } finally {
      server.kill()
    }
  })
})
