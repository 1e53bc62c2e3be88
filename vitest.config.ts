import * as Path from "node:path"
import * as process from "node:process"
import { defineConfig } from "vitest/config"
import { BaseSequencer, type TestSpecification } from "vitest/node"

/** A file to report to as JSON, besides the terminal. */
const results = process.env["TEST_RESULTS"]

// Workers, and the many processes that tests start, load the same hundreds of modules: compiled once, they start in two
// thirds of the time.
process.env["NODE_COMPILE_CACHE"] ??= Path.join(import.meta.dirname, "node_modules", ".cache", "compiled")

/** Those that take longest go first, so that no core is idle at the end: a fresh checkout does not know their times. */
class LongestFirst extends BaseSequencer {
  static readonly #long = ["test/bench/", "test/layers/", "test/cli/", "test/services/p2p/", "test/examples/"]

  static #rank({ moduleId }: TestSpecification): number {
    const found = LongestFirst.#long.findIndex((folder) => moduleId.includes(`/${folder}`))
    return found === -1 ? LongestFirst.#long.length : found
  }

  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => LongestFirst.#rank(a) - LongestFirst.#rank(b))
  }
}

/** Tests of what has no state: they share a process, which loads each module once. */
const pure = "test/domain/**/*.test.ts"

export default defineConfig({
  ssr: { resolve: { conditions: ["effect-flowee-source"] } },
  resolve: { conditions: ["effect-flowee-source"] },
  test: {
    setupFiles: ["./vitest.setup.ts"],
    testTimeout: 30_000,
    // All cores, where one is kept free by default: on a machine with two the tests took twice as long.
    maxWorkers: "100%",
    // Tests with real sockets, threads and processes share the cores of a busy machine there.
    retry: process.env["CI"] === undefined ? 0 : 2,
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: "apart", include: ["test/**/*.test.ts"], exclude: ["**/node_modules/**", pure] } },
      { extends: true, test: { name: "pure", include: [pure], isolate: false } }
    ],
    ...(results === undefined ? {} : { reporters: ["default", "json"], outputFile: { json: results } })
  }
})
