/**
 * One peer of a queue of downloads: what it is asked, what it offers, and what waits for it.
 */
import type * as P2PMessage from "../p2p/P2PMessage.ts"

/** @internal */
export interface Item {
  readonly key: string
  readonly inventory: P2PMessage.Inventory
}

/** So many items that a peer has been asked for in vain are remembered, so that they are not taken for unasked ones. */
const maxLate = 1024

/** A slow peer looks at so many items at a time for one that no other peer has. */
const maxLooks = 32

/** @internal */
export class DownloadPeer {
  readonly id: number
  standing: "prompt" | "slow" = "prompt"
  /** What it is asked for. */
  readonly asked = new Set<string>()
  /** What it was asked for: it may still come. */
  readonly late = new Set<string>()
  /** All that it offers. */
  readonly offers = new Set<string>()
  /** What it could be asked for and nobody is: first what is wanted here, then what it offers. */
  readonly wantedReady = new Set<string>()
  readonly offeredReady = new Set<string>()

  constructor(id: number) {
    this.id = id
  }

  /** It gets more when half is dealt with, so that requests are not for one item each. */
  hasRoom(atOnce: number): boolean {
    return this.asked.size <= (this.standing === "slow" ? 0 : Math.floor(atOnce / 2))
  }

  /** The first item that it can be asked for, and that fits. */
  next(fits: (key: string) => boolean = () => true): string | undefined {
    let looks = 0
    for (const ready of [this.wantedReady, this.offeredReady]) {
      for (const key of ready) {
        if (fits(key)) return key
        if (++looks === maxLooks) return undefined
      }
    }
    return undefined
  }

  /** It is not asked any more, and may send it all the same if it is late. */
  giveBack(key: string, mode: "done" | "late"): void {
    this.asked.delete(key)
    if (mode === "done") return
    this.late.add(key)
    if (this.late.size <= maxLate) return
    const [oldest] = this.late
    this.late.delete(oldest!)
  }

  forget(key: string): void {
    this.wantedReady.delete(key)
    this.offeredReady.delete(key)
  }
}
