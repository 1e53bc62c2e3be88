import * as process from "node:process"
import { defineConfig, mergeConfig } from "vitest/config"
import base from "./vitest.config.ts"

/** The long form of the tests against models: `npm run model`. */
export default mergeConfig(
  base,
  defineConfig({ test: { env: { SCENARIOS: process.env["SCENARIOS"] ?? "10000" } } })
)
