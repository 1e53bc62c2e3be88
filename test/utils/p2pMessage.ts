import * as BlockHeader from "../../src/domain/p2p/BlockHeader.ts"
import * as P2PMessage from "../../src/domain/p2p/P2PMessage.ts"
import type * as PeerAddress from "../../src/domain/p2p/PeerAddress.ts"
import type * as Legacy from "./legacy.ts"

/** Makes messages of all commands, with random content that fits. */
export const makeGenerator = (random: Legacy.Random) => {
  const uint32 = () => random.below(2 ** 32)
  const int32 = () => uint32() | 0
  const uint64 = () => (BigInt(uint32()) << 32n) | BigInt(uint32())
  const hash = () => random.bytes(32)
  const text = (limit: number) =>
    Array.from({ length: random.below(limit + 1) }, () => String.fromCharCode(random.below(256))).join("")
  const list = <A>(limit: number, make: () => A) => Array.from({ length: random.below(limit + 1) }, make)
  const address = (): PeerAddress.PeerAddress => ({
    services: uint64(),
    ip: random.bytes(16),
    port: random.below(65_536)
  })
  const header = (): BlockHeader.BlockHeader => ({
    version: int32(),
    previous: hash(),
    merkleRoot: hash(),
    time: uint32(),
    bits: uint32(),
    nonce: uint32()
  })
  const inventory = () => ({ inventory: list(300, () => ({ type: uint32(), hash: hash() })) })
  const locator = () => ({ version: uint32(), locator: list(101, hash), stop: hash() })
  const spender = () => ({
    version: uint32(),
    sequence: uint32(),
    lockTime: uint32(),
    hashPrevouts: hash(),
    hashSequence: hash(),
    hashOutputs: hash(),
    pushData: list(3, () => random.bytes(random.below(300)))
  })
  const nonce = () => ({ nonce: uint64() })
  const whole = () => ({ bytes: random.bytes(random.below(6000)) })
  const empty = () => ({})
  const makers: { readonly [C in P2PMessage.Command]: () => P2PMessage.Fields<C> } = {
    version: () => ({
      protocol: int32(),
      services: uint64(),
      time: BigInt.asIntN(64, uint64()),
      receiver: address(),
      sender: address(),
      nonce: uint64(),
      userAgent: text(256),
      startHeight: int32(),
      ...(random.next() < 0.5 ? {} : { relay: random.next() < 0.5 })
    }),
    verack: empty,
    sendheaders: empty,
    getaddr: empty,
    mempool: empty,
    filterclear: empty,
    ping: nonce,
    pong: nonce,
    addr: () => ({ addresses: list(300, () => ({ time: uint32(), ...address() })) }),
    inv: inventory,
    getdata: inventory,
    notfound: inventory,
    getheaders: locator,
    getblocks: locator,
    headers: () => ({ packed: BlockHeader.pack(list(300, header)) }),
    tx: whole,
    block: whole,
    merkleblock: () => ({
      header: header(),
      transactions: uint32(),
      hashes: list(40, hash),
      flags: random.bytes(random.below(300))
    }),
    filterload: () => ({
      bytes: random.bytes(random.below(300)),
      functions: random.below(51),
      tweak: uint32(),
      flags: random.below(256)
    }),
    filteradd: () => ({ element: random.bytes(random.below(521)) }),
    reject: () => ({
      command: text(12),
      code: random.below(256),
      reason: text(111),
      data: random.bytes(random.below(33))
    }),
    "dsproof-beta": () => ({ txid: hash(), index: uint32(), first: spender(), second: spender() })
  }
  return <C extends P2PMessage.Command>(command: C): P2PMessage.Of<C> => P2PMessage.make(command, makers[command]())
}
