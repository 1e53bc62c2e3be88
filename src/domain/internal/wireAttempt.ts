/**
 * One attempt to read or write a body: it remembers why it failed, and where. Machinery of `Wire`; there is no reason to
 * use it alone.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as BodyError from "../BodyError.ts"
import type * as WireLayout from "./wireLayout.ts"

/**
 * Stands for what could not be read or written.
 *
 * @category constants
 * @since 0.1.0
 */
export const failed: unique symbol = Symbol("failed")

/**
 * The result of an attempt that failed.
 *
 * @category models
 * @since 0.1.0
 */
export type Failed = typeof failed

const noPath: Array<string | number> = []

/**
 * Collects the reason of a failure where it happens, and its path on the way out, so that success costs nothing.
 *
 * @category models
 * @since 0.1.0
 */
export class Attempt<Reason> {
  private makeReason: ((path: BodyError.Path) => Reason) | undefined = undefined
  private path: Array<string | number> = noPath

  /** Starts a failure. The path goes from the inside out. */
  fail(makeReason: (path: BodyError.Path) => Reason, ...path: Array<string | number>): Failed {
    this.makeReason = makeReason
    this.path = path
    return failed
  }

  /** Adds one step to the outside of the path. */
  failedWithin(step: string | number): Failed {
    this.path.push(step)
    return failed
  }

  /** The reason, after a failure. */
  reason(body: WireLayout.Body): Reason {
    const path = this.path.toReversed()
    // The name of the field that stands for the whole body says nothing.
    if (body.listName !== undefined) path.shift()
    return this.makeReason!(path)
  }
}
