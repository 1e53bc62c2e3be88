/**
 * The outputs that nobody has spent, and changes to them that are tried before they are made.
 */
import * as Pieces from "../../domain/internal/pieces.ts"
import type * as SpendRules from "../../domain/chain/SpendRules.ts"

/** @internal */
export interface Coins {
  readonly get: (key: string) => SpendRules.Coin | undefined
}

const changesAtOnce = 10_000

/** @internal */
export class CoinSet implements Coins {
  readonly #coins = new Map<string, SpendRules.Coin>()

  get(key: string): SpendRules.Coin | undefined {
    return this.#coins.get(key)
  }

  /** Makes the changes that were tried. */
  *apply(trial: CoinTrial): Generator<void, void> {
    const isTime = Pieces.meter(changesAtOnce)
    for (const [key, coin] of trial.changes) {
      if (isTime(1)) yield
      if (coin === undefined) this.#coins.delete(key)
      else this.#coins.set(key, coin)
    }
  }
}

/** @internal */
export class CoinTrial implements Coins {
  readonly #base: Coins
  /** What is `undefined` here is spent. */
  readonly changes = new Map<string, SpendRules.Coin | undefined>()

  constructor(base: Coins) {
    this.#base = base
  }

  get(key: string): SpendRules.Coin | undefined {
    return this.changes.has(key) ? this.changes.get(key) : this.#base.get(key)
  }

  add(key: string, coin: SpendRules.Coin): void {
    this.changes.set(key, coin)
  }

  spend(key: string): void {
    this.changes.set(key, undefined)
  }
}
