/**
 * What is to be known of a network to follow its chain: the first block, the rules of difficulty, checkpoints, and where
 * the first peers are found. Magic and ports are those of `Network`.
 *
 * **Details**
 *
 * Sources: peer-to-peer component, "Header chain" and "Address book"; what that does not say of the networks for tests
 * is public knowledge, as nodes have it:
 *
 * - testnet3 and testnet4 have had all rules of mainnet, at other heights, and ASERT with a half-life of one hour.
 * - scalenet has them too, with a half-life of two days. It is cut back to height 10,000 from time to time, so the block
 *   after which ASERT begins is not fixed: it is the first one whose median time past is 2020-11-15 12:00 UTC or later.
 * - All three let a block of the lowest difficulty pass after 20 minutes without one.
 * - On regtest the difficulty never changes.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Network from "../Network.ts"
import type * as BlockHeader from "./BlockHeader.ts"
import type * as Difficulty from "./Difficulty.ts"
import * as HashHex from "./HashHex.ts"

/**
 * The chain of a network.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChainParams {
  readonly network: Network.Network
  readonly genesis: BlockHeader.BlockHeader
  readonly genesisHash: Uint8Array
  /** How hard blocks must be, and the highest target. */
  readonly difficulty: Difficulty.Difficulty
  /** The hashes that the blocks at some heights must have. */
  readonly checkpoints: ReadonlyMap<number, Uint8Array>
  /** Host names whose addresses are nodes, or empty. */
  readonly seeds: ReadonlyArray<string>
}

const easyBits = 0x1d00_ffff

const easyLimit = (1n << 224n) - 1n

const genesis = (time: number, nonce: number, bits: number): BlockHeader.BlockHeader => ({
  version: 1,
  previous: HashHex.zero,
  merkleRoot: HashHex.parseUnsafe("4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"),
  time,
  bits,
  nonce
})

const checkpoints = (hashes: { readonly [height: number]: string }): ReadonlyMap<number, Uint8Array> =>
  new Map(Object.entries(hashes).map(([height, hash]) => [Number(height), HashHex.parseUnsafe(hash)]))

const adjusting = (
  rules: Pick<Difficulty.Adjusting, "easyAfter" | "emergencyFrom" | "averageFrom" | "asert">
): Difficulty.Adjusting => ({ _tag: "Adjusting", limit: easyLimit, spacing: 600, interval: 2016, ...rules })

const twentyMinutes = 1200

const oneHour = 3600

const twoDays = 172_800

/**
 * The chain of real money.
 *
 * @category constants
 * @since 0.1.0
 */
export const mainnet: ChainParams = {
  network: Network.mainnet,
  genesis: genesis(1_231_006_505, 2_083_236_893, easyBits),
  genesisHash: HashHex.parseUnsafe("000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"),
  difficulty: adjusting({
    easyAfter: undefined,
    emergencyFrom: 478_559,
    averageFrom: 504_032,
    asert: {
      halfLife: twoDays,
      anchor: { _tag: "Block", height: 661_647, bits: 0x1804_dafe, parentTime: 1_605_447_844 }
    }
  }),
  checkpoints: checkpoints({
    11_111: "0000000069e244f73d78e8fd29ba2fd2ed618bd6fa2ee92559f542fdb26e7c1d",
    33_333: "000000002dd5588a74784eaa7ab0507a18ad16a236e7b1ce69f00d7ddfb5d0a6",
    74_000: "0000000000573993a3c9e41ce34471c079dcf5f52a0e824a81e7f953b8661a20",
    105_000: "00000000000291ce28027faea320c8d2b054b2e0fe44a773f3eefb151d6bdc97",
    134_444: "00000000000005b12ffd4cd315cd34ffd4a594f430ac814c91184a0d42d2b0fe",
    168_000: "000000000000099e61ea72015e79632f216fe6cb33d7899acb35b75c8303b763",
    210_000: "000000000000048b95347e83192f69cf0366076336c639f9b7228e9ba171342e",
    250_000: "000000000000003887df1f29024b06fc2200b55f8af8f35453d7be294df2d214",
    295_000: "00000000000000004d9b4ef50f0f9d686fd69db2e03af35a100370c64632a983",
    478_559: "000000000000000000651ef99cb9fcbe0dadde1d424bd9f15ff20136191a5eec",
    556_767: "0000000000000000004626ff6e3b936941d341c5932ece4357eeccac44e6d56c",
    582_680: "000000000000000001b4b8e36aec7d4f9671a47872cb9a74dc16ca398c7dcc18",
    609_136: "000000000000000000b48bb207faac5ac655c313e41ac909322eaa694f5bc5b1",
    635_259: "00000000000000000033dfef1fc2d6a5d5520b078c55193a9bf498c5b27530f7",
    661_648: "0000000000000000029e471c41818d24b8b74c911071c4ef0b4a0509f9b5a8ce"
  }),
  seeds: ["seed.flowee.cash", "seed.bchd.cash"]
}

/**
 * The chain of the old public network for tests.
 *
 * @category constants
 * @since 0.1.0
 */
export const testnet3: ChainParams = {
  network: Network.testnet3,
  genesis: genesis(1_296_688_602, 414_098_458, easyBits),
  genesisHash: HashHex.parseUnsafe("000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943"),
  difficulty: adjusting({
    easyAfter: twentyMinutes,
    emergencyFrom: 1_155_876,
    averageFrom: 1_188_698,
    asert: {
      halfLife: oneHour,
      anchor: { _tag: "Block", height: 1_421_481, bits: easyBits, parentTime: 1_605_445_400 }
    }
  }),
  checkpoints: checkpoints({
    546: "000000002a936ca763904c3c35fce2f3556c559c0214345d31b1bcebf76acb70",
    1_155_876: "00000000000e38fef93ed9582a7df43815d5c2ba9fd37ef70c9a0ea4a285b8f5",
    1_188_698: "0000000000051b450faa75bb8e1ea30bc18c4b9736e765d2794259a53bc83f99",
    1_421_482: "0000000023e0680a8a062b3cc289a4a341124ce7fcb6340ede207e194d73b60a"
  }),
  seeds: ["testnet-seed.bchd.cash", "seed.tbch.loping.net"]
}

/**
 * The chain of the public network for tests.
 *
 * @category constants
 * @since 0.1.0
 */
export const testnet4: ChainParams = {
  network: Network.testnet4,
  genesis: genesis(1_597_811_185, 114_152_193, easyBits),
  genesisHash: HashHex.parseUnsafe("000000001dd410c49a788668ce26751718cc797474d3152a5fc073dd44fd9f7b"),
  difficulty: adjusting({
    easyAfter: twentyMinutes,
    emergencyFrom: 7,
    averageFrom: 3001,
    asert: {
      halfLife: oneHour,
      anchor: { _tag: "Block", height: 16_844, bits: easyBits, parentTime: 1_605_451_779 }
    }
  }),
  checkpoints: checkpoints({
    5000: "000000009f092d074574a216faec682040a853c4f079c33dfd2c3ef1fd8108c4",
    16_845: "00000000fb325b8f34fe80c96a5f708a08699a68bbab82dba4474d86bd743077"
  }),
  seeds: [
    "testnet4-seed.flowee.cash",
    "testnet4-seed-bch.toom.im",
    "testnet4-seed-bch.bitcoinforks.org",
    "seed.tbch4.loping.net"
  ]
}

/**
 * The chain of the public network for tests with large blocks.
 *
 * @category constants
 * @since 0.1.0
 */
export const scalenet: ChainParams = {
  network: Network.scalenet,
  genesis: genesis(1_598_282_438, 2_727_663_012, easyBits),
  genesisHash: HashHex.parseUnsafe("00000000e6453dc2dfe1ffa19023f86002eb11dbb8e87d0291a4599f0430be52"),
  difficulty: adjusting({
    easyAfter: twentyMinutes,
    emergencyFrom: 7,
    averageFrom: 3001,
    asert: { halfLife: twoDays, anchor: { _tag: "MedianTime", time: 1_605_441_600 } }
  }),
  checkpoints: checkpoints({
    45: "00000000d75a7c9098d02b321e9900b16ecbd552167e65683fe86e5ecf88b320",
    10_000: "00000000b711dc753130e5083888d106f99b920b1b8a492eb5ac41d40e482905"
  }),
  seeds: ["scalenet-seed-bch.toom.im", "seed.sbch.loping.net"]
}

/**
 * The chain of a network of one's own. It has no seeds.
 *
 * @category constants
 * @since 0.1.0
 */
export const regtest: ChainParams = {
  network: Network.regtest,
  genesis: genesis(1_296_688_602, 2, 0x207f_ffff),
  genesisHash: HashHex.parseUnsafe("0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"),
  difficulty: { _tag: "Fixed", limit: (1n << 255n) - 1n },
  checkpoints: new Map(),
  seeds: []
}

/**
 * All chains by the names of their networks.
 *
 * @category constants
 * @since 0.1.0
 */
export const all: { readonly [name in Network.Name]: ChainParams } = { mainnet, testnet3, testnet4, scalenet, regtest }
