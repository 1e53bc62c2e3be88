/**
 * Runs of bytes put together.
 */
import * as Buffer from "node:buffer"

/** @internal */
export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array =>
  parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.Buffer.concat(parts))
