/**
 * All listeners that are fuzzed.
 */
import type { Server } from "../harness/target.ts"

export const servers: ReadonlyArray<Server> = []
