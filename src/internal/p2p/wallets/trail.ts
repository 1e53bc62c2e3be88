/**
 * The hashes of the last blocks that were looked at. A wallet that is opened again finds by them how much of what it had
 * seen is still in the chain.
 */

/** @internal */
export interface Step {
  readonly height: number
  readonly hash: Uint8Array
}

/** A day of blocks; no reorganisation is nearly as deep. */
const maxSteps = 144

/** @internal */
export class Trail {
  #steps: Array<Step>

  /** The steps ascend. */
  constructor(steps: ReadonlyArray<Step>) {
    this.#steps = [...steps]
  }

  get steps(): ReadonlyArray<Step> {
    return this.#steps
  }

  add(step: Step): void {
    this.cut(step.height - 1)
    this.#steps.push(step)
    if (this.#steps.length > 2 * maxSteps) this.#steps = this.#steps.slice(-maxSteps)
  }

  /** Forgets what is above a height. */
  cut(height: number): void {
    while ((this.#steps.at(-1)?.height ?? -1) > height) this.#steps.pop()
  }
}
