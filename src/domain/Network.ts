/**
 * The Bitcoin Cash networks: how their packets begin, and where their nodes and Hubs listen.
 *
 * @stability unstable
 * @since 0.1.0
 */

/**
 * The name of a network.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = "mainnet" | "testnet3" | "testnet4" | "scalenet" | "regtest"

/**
 * One network (wire format, section 4).
 *
 * @category models
 * @since 0.1.0
 */
export interface Network {
  readonly name: Name
  /** The four bytes that begin each packet of this network. Not to be written to. */
  readonly magic: Uint8Array
  /** The port on which nodes listen for peers by default. */
  readonly p2pPort: number
  /** The port on which Hubs listen for users of their API by default. */
  readonly hubPort: number
}

/**
 * The network of real money.
 *
 * @category constants
 * @since 0.1.0
 */
export const mainnet: Network = {
  name: "mainnet",
  magic: Uint8Array.of(0xe3, 0xe1, 0xf3, 0xe8),
  p2pPort: 8333,
  hubPort: 1235
}

/**
 * The old public network for tests.
 *
 * @category constants
 * @since 0.1.0
 */
export const testnet3: Network = {
  name: "testnet3",
  magic: Uint8Array.of(0xf4, 0xe5, 0xf3, 0xf4),
  p2pPort: 18_333,
  hubPort: 11_235
}

/**
 * The public network for tests.
 *
 * @category constants
 * @since 0.1.0
 */
export const testnet4: Network = {
  name: "testnet4",
  magic: Uint8Array.of(0xe2, 0xb7, 0xda, 0xaf),
  p2pPort: 28_333,
  hubPort: 21_235
}

/**
 * The public network for tests with blocks of up to 256 MB.
 *
 * @category constants
 * @since 0.1.0
 */
export const scalenet: Network = {
  name: "scalenet",
  magic: Uint8Array.of(0xc3, 0xaf, 0xe1, 0xa2),
  p2pPort: 38_333,
  hubPort: 31_235
}

/**
 * A network of one's own, where blocks are made on demand.
 *
 * @category constants
 * @since 0.1.0
 */
export const regtest: Network = {
  name: "regtest",
  magic: Uint8Array.of(0xda, 0xb5, 0xbf, 0xfa),
  p2pPort: 18_444,
  hubPort: 11_235
}

/**
 * All networks by their names.
 *
 * @category constants
 * @since 0.1.0
 */
export const networks: { readonly [name in Name]: Network } = { mainnet, testnet3, testnet4, scalenet, regtest }

/**
 * The network of that name, or `undefined`.
 *
 * @category getters
 * @since 0.1.0
 */
export const fromName = (name: string): Network | undefined =>
  Object.hasOwn(networks, name) ? networks[name as Name] : undefined

/**
 * The network whose packets begin with the first four of these bytes, or `undefined`.
 *
 * @category getters
 * @since 0.1.0
 */
export const fromMagic = (bytes: Uint8Array): Network | undefined =>
  Object.values(networks).find((network) => network.magic.every((byte, i) => byte === bytes[i]))
