import { defineConfig } from "vitest/config"

export default defineConfig({
  ssr: { resolve: { conditions: ["effect-flowee-source"] } },
  resolve: { conditions: ["effect-flowee-source"] },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: ["./vitest.setup.ts"],
    testTimeout: 30_000
  }
})
