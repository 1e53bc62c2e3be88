/**
 * Headers of a regtest chain, the same in each run.
 */
import * as ChainParams from "../../../src/domain/p2p/ChainParams.ts"
import * as Target from "../../../src/domain/p2p/Target.ts"
import { hash256 } from "../../../src/layers/NodeHash256.ts"

const { genesis, genesisHash } = ChainParams.regtest

/**
 * Packed headers that follow the genesis block. Every other nonce is good enough on regtest. `spacing` are the seconds
 * between blocks: chains with another one are other chains.
 */
export const make = (count: number, spacing = 60): Uint8Array => {
  const packed = new Uint8Array(count * 80)
  const view = new DataView(packed.buffer)
  let previous = genesisHash
  for (let i = 0; i < count; i++) {
    const start = i * 80
    view.setInt32(start, 0x2000_0000, true)
    packed.set(previous, start + 4)
    view.setUint32(start + 36, i, true)
    view.setUint32(start + 68, genesis.time + (i + 1) * spacing, true)
    view.setUint32(start + 72, genesis.bits, true)
    previous = mine(packed.subarray(start, start + 80), view, start + 76)
  }
  return packed
}

const mine = (header: Uint8Array, view: DataView, nonceAt: number): Uint8Array => {
  for (let nonce = 0;; nonce++) {
    view.setUint32(nonceAt, nonce, true)
    const hash = hash256(header)
    if (Target.isMet(hash, genesis.bits)) return hash
  }
}
