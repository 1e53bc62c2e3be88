/**
 * Counts what was acknowledged, and holds up a sender that is too far ahead. In promises: it is shared by libraries
 * that know no effects.
 */
export class Window {
  acknowledged = 0
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined = undefined

  acknowledge(count: number): void {
    this.acknowledged += count
    const waiting = this.#waiting
    if (waiting === undefined || this.acknowledged < waiting.count) return
    this.#waiting = undefined
    waiting.resolve()
  }

  /** Waits until so many in all are acknowledged. To be called by one at a time. */
  async reaches(count: number): Promise<void> {
    if (this.acknowledged >= count) return
    await new Promise<void>((resolve) => {
      this.#waiting = { count, resolve }
    })
  }
}
