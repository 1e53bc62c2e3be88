import * as BlockHeader from "../../src/domain/p2p/BlockHeader.ts"
import type * as ChainParams from "../../src/domain/p2p/ChainParams.ts"
import * as Difficulty from "../../src/domain/p2p/Difficulty.ts"
import * as Target from "../../src/domain/p2p/Target.ts"
import { hash256 } from "../../src/layers/NodeHash256.ts"
import { Sketch } from "./headerChain.ts"

export interface Mining {
  /** Seconds between blocks. Default: 600. */
  readonly spacing?: number
  /** Chains with other ones are other chains. Default: 0. */
  readonly salt?: number
}

/** A chain with proof of work on a network that makes it easy, from its genesis block on. */
export class MinedChain {
  readonly params: ChainParams.ChainParams
  readonly headers: Array<Uint8Array>
  readonly hashes: Array<Uint8Array>
  readonly #sketch: Sketch

  constructor(params: ChainParams.ChainParams) {
    this.params = params
    this.headers = [BlockHeader.pack([params.genesis])]
    this.hashes = [params.genesisHash]
    this.#sketch = new Sketch(params.genesis.time, params.genesis.bits)
  }

  get height(): number {
    return this.headers.length - 1
  }

  get hash(): Uint8Array {
    return this.hashes.at(-1)!
  }

  get work(): bigint {
    return this.#sketch.chainWork(this.height)
  }

  workAt(height: number): bigint {
    return this.#sketch.chainWork(height)
  }

  time(height: number): number {
    return this.#sketch.time(height)
  }

  /** A chain of its own that has the same blocks up to a height. */
  fork(height: number): MinedChain {
    const copy = new MinedChain(this.params)
    for (let i = 1; i <= height; i++) copy.#add(this.headers[i]!, this.hashes[i]!)
    return copy
  }

  mine(count: number, { salt = 0, spacing = 600 }: Mining = {}): this {
    for (let i = 0; i < count; i++) this.mineAt(this.time(this.height) + spacing, salt)
    return this
  }

  /** One block with that time. */
  mineAt(time: number, salt = 0): this {
    const { difficulty } = this.params
    const bits = Difficulty.nextBits(difficulty, this.#sketch, time)
    const header = new Uint8Array(80)
    const view = new DataView(header.buffer)
    view.setInt32(0, 0x2000_0000, true)
    header.set(this.hash, 4)
    view.setUint32(36, salt, true)
    view.setUint32(68, time, true)
    view.setUint32(72, bits, true)
    for (let nonce = 0;; nonce++) {
      view.setUint32(76, nonce, true)
      const hash = hash256(header)
      if (!Target.isMet(hash, bits)) continue
      this.#add(header, hash)
      return this
    }
  }

  #add(header: Uint8Array, hash: Uint8Array): void {
    this.headers.push(header)
    this.hashes.push(hash)
    this.#sketch.push(BlockHeader.timeAt(header, 0), BlockHeader.bitsAt(header, 0))
  }

  /** Packed headers from a height up to another one, or to the end. */
  packed(from: number, to = this.height): Uint8Array {
    const packed = new Uint8Array(Math.max(0, to + 1 - from) * 80)
    for (let i = from; i <= to; i++) packed.set(this.headers[i]!, (i - from) * 80)
    return packed
  }
}
