/**
 * The first block of regtest, with its one transaction, which is the same on every network.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Auth from "@bitauth/libauth"
import * as BlockHeader from "../p2p/BlockHeader.ts"
import * as ChainParams from "../p2p/ChainParams.ts"

const coinbase = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d04ffff001d01" +
  "04455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e6420" +
  "6261696c6f757420666f722062616e6b73ffffffff0100f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e0" +
  "3909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000"

/**
 * The bytes of the block.
 *
 * @category constants
 * @since 0.1.0
 */
export const bytes: Uint8Array = Auth.flattenBinArray([
  BlockHeader.pack([ChainParams.regtest.genesis]),
  Uint8Array.of(1),
  Auth.hexToBin(coinbase)
])
