/**
 * The branches beside the best chain, which may become it when more of them arrives.
 *
 * Their number and size are bounded; those with the least work go first, since they cost the least to make.
 */
import * as Branch from "./branch.ts"

/** @internal */
export interface Limits {
  readonly maxBranches: number
  /** Of all branches together. */
  readonly maxHeaders: number
}

/** @internal */
export class Branches {
  readonly #limits: Limits
  /** The one with the most work first. */
  #all: ReadonlyArray<Branch.Branch> = []

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get all(): ReadonlyArray<Branch.Branch> {
    return this.#all
  }

  /** Takes a branch, in place of the one that it continues. Tells whether there was room. */
  keep(branch: Branch.Branch, continued: Branch.Branch | undefined): boolean {
    this.#set([...this.#all.filter((other) => other !== continued), branch])
    return this.#all.includes(branch)
  }

  /** The best chain has changed: `before` gave way to `after`. No branch may leave it below `lowest`. */
  rebase(before: Branch.Branch, after: Branch.Branch, lowest: number): void {
    const branches = before.headers.length === 0 ? [] : [before]
    for (const branch of this.#all) {
      // What would have no room is not even made.
      if (Branch.height(branch) - after.fork > this.#limits.maxHeaders && branch.fork >= after.fork) continue
      const rebased = Branch.rebase(branch, before, after)
      if (rebased !== undefined) branches.push(rebased)
    }
    this.#set(branches.filter(({ fork }) => fork >= lowest))
  }

  #set(branches: Array<Branch.Branch>): void {
    const kept: Array<Branch.Branch> = []
    let headers = 0
    for (const branch of branches.sort(byWork)) {
      if (kept.length === this.#limits.maxBranches) break
      if (headers + Branch.count(branch) > this.#limits.maxHeaders) continue
      headers += Branch.count(branch)
      kept.push(branch)
    }
    this.#all = kept
  }
}

const byWork = (a: Branch.Branch, b: Branch.Branch): number => (a.work === b.work ? 0 : a.work > b.work ? -1 : 1)
