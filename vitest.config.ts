import * as Path from "node:path"
import * as process from "node:process"
import { defineConfig } from "vitest/config"

/** A file to report to as JSON, besides the terminal. */
const results = process.env["TEST_RESULTS"]

// Workers, and the many processes that tests start, load the same hundreds of modules: compiled once, they start in two
// thirds of the time.
process.env["NODE_COMPILE_CACHE"] ??= Path.join(import.meta.dirname, "node_modules", ".cache", "compiled")

export default defineConfig({
  ssr: { resolve: { conditions: ["effect-flowee-source"] } },
  resolve: { conditions: ["effect-flowee-source"] },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["./vitest.setup.ts"],
    testTimeout: 30_000,
    // All cores, where one is kept free by default: on a machine with two the tests took twice as long.
    maxWorkers: "100%",
    // Tests with real sockets, threads and processes share the cores of a busy machine there.
    retry: process.env["CI"] === undefined ? 0 : 2,
    ...(results === undefined ? {} : { reporters: ["default", "json"], outputFile: { json: results } })
  }
})
