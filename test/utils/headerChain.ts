import * as Fs from "node:fs"
import * as BlockHeader from "../../src/domain/p2p/BlockHeader.ts"
import type * as ChainParams from "../../src/domain/p2p/ChainParams.ts"
import * as ChainView from "../../src/domain/p2p/ChainView.ts"
import * as HashHex from "../../src/domain/p2p/HashHex.ts"
import * as Target from "../../src/domain/p2p/Target.ts"
import * as Legacy from "./legacy.ts"

/** Packed headers of `test/data`: `regtest-headers`, `mainnet-headers-0-99` and others. */
export const load = (name: string): Uint8Array =>
  Uint8Array.from(Fs.readFileSync(new URL(`../data/${name}.bin`, import.meta.url)))

export const genesisView = (params: ChainParams.ChainParams): ChainView.ChainView =>
  ChainView.genesis(params.genesis, params.genesisHash)

/** Finds the nonce of a header whose target is that of regtest. */
export const mine = (header: BlockHeader.BlockHeader): BlockHeader.BlockHeader => {
  for (let nonce = 0;; nonce++) {
    const mined = { ...header, nonce }
    if (Target.isMet(BlockHeader.hash(mined, Legacy.hash256), header.bits)) return mined
  }
}

/** Regtest headers that follow a block. */
export const mineChain = (options: {
  readonly previous: Uint8Array
  readonly count: number
  readonly time: number
  readonly bits?: number
  readonly spacing?: number
}): Array<BlockHeader.BlockHeader> => {
  const headers: Array<BlockHeader.BlockHeader> = []
  let previous = options.previous
  for (let i = 0; i < options.count; i++) {
    const header = mine({
      version: 0x2000_0000,
      previous,
      merkleRoot: HashHex.zero,
      time: options.time + i * (options.spacing ?? 600),
      bits: options.bits ?? 0x207f_ffff,
      nonce: 0
    })
    headers.push(header)
    previous = BlockHeader.hash(header, Legacy.hash256)
  }
  return headers
}

/** A chain of nothing but times and targets, as the rules of difficulty see it. Its first block has a height of choice. */
export class Sketch implements ChainView.ChainView {
  readonly #first: number
  readonly #times: Array<number> = []
  readonly #bits: Array<number> = []
  readonly #works: Array<bigint> = []
  readonly hash = HashHex.zero

  constructor(time: number, bits: number, first = 0) {
    this.#first = first
    this.push(time, bits)
  }

  get height(): number {
    return this.#first + this.#times.length - 1
  }

  time(height: number): number {
    return at(this.#times, height - this.#first)
  }

  bits(height: number): number {
    return at(this.#bits, height - this.#first)
  }

  chainWork(height: number): bigint {
    return at(this.#works, height - this.#first)
  }

  push(time: number, bits: number): void {
    this.#times.push(time)
    this.#bits.push(bits)
    this.#works.push((this.#works.at(-1) ?? 0n) + Target.work(bits))
  }

  /** A block that many seconds after the last one. */
  add(seconds: number, bits: number): void {
    this.push(this.time(this.height) + seconds, bits)
  }

  pop(): void {
    this.#times.pop()
    this.#bits.pop()
    this.#works.pop()
  }
}

const at = <A>(values: ReadonlyArray<A>, index: number): A => {
  const value = values[index]
  if (value === undefined) {
    throw new Error(`no block at index ${index} of ${values.length} was expected to be asked for`)
  }
  return value
}
