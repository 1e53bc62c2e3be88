/**
 * A folder that is there for as long as its scope.
 */
import { Effect, type Scope } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

export const temporary: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-flowee-bench-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true }))
)
