/**
 * Makes a failing sequence shorter: leaves out halves, then quarters, down to single steps, for as long as what is left
 * still fails.
 */

/** @internal */
export class Shrink<Step> {
  steps: ReadonlyArray<Step>
  #size: number
  #at = 0
  #isShorter = false
  #runs: number

  constructor(steps: ReadonlyArray<Step>, runs: number) {
    this.steps = steps
    this.#size = Math.max(1, Math.ceil(steps.length / 2))
    this.#runs = runs
  }

  /** What to try next; `undefined` when there is nothing left to try. To be followed by `report`. */
  next(): ReadonlyArray<Step> | undefined {
    if (this.#at >= this.steps.length) {
      // Single steps are gone through until all of them are needed.
      if (this.#size === 1 && !this.#isShorter) return undefined
      this.#size = Math.max(1, Math.floor(this.#size / 2))
      this.#at = 0
      this.#isShorter = false
    }
    if (this.steps.length === 0 || this.#runs <= 0) return undefined
    this.#runs -= 1
    return this.#candidate
  }

  report(stillFails: boolean): void {
    if (stillFails) {
      this.steps = this.#candidate
      this.#isShorter = true
    } else this.#at += this.#size
  }

  get #candidate(): ReadonlyArray<Step> {
    return [...this.steps.slice(0, this.#at), ...this.steps.slice(this.#at + this.#size)]
  }
}
