/**
 * The bodies of all messages of the peer-to-peer network, and what is done with what they carry: filters, proofs of
 * inclusion, addresses.
 */
import { Result } from "effect"
import { NetAddress } from "effect/net"
import * as AddressEntry from "../../../src/domain/p2p/AddressEntry.ts"
import * as AddressGroup from "../../../src/domain/p2p/AddressGroup.ts"
import * as AddressReach from "../../../src/domain/p2p/AddressReach.ts"
import * as BloomFilter from "../../../src/domain/p2p/BloomFilter.ts"
import * as InventoryType from "../../../src/domain/p2p/InventoryType.ts"
import * as P2PMessage from "../../../src/domain/p2p/P2PMessage.ts"
import * as PartialMerkleTree from "../../../src/domain/p2p/PartialMerkleTree.ts"
import * as PeerAddress from "../../../src/domain/p2p/PeerAddress.ts"
import * as PeerGroup from "../../../src/domain/PeerGroup.ts"
import * as Legacy from "../../utils/legacy.ts"
import type { Random } from "../../utils/native.ts"
import * as P2P from "../../utils/p2pMessage.ts"
import * as Borders from "../harness/borders.ts"
import { behind, equal, inProportion, isTrue, refusalOf, valueOf } from "../harness/expect.ts"
import type { Decoder, Made } from "../harness/target.ts"

const { commands } = P2PMessage

const commandOf = (input: Uint8Array): P2PMessage.Command => commands[input[0]! % commands.length]!

const choiceOf = (command: P2PMessage.Command): number => commands.indexOf(command)

const lookAt = (message: P2PMessage.P2PMessage): string => {
  switch (message._tag) {
    case "addr":
      message.addresses.forEach(checkAddress)
      return "addr"
    case "version":
      checkAddress(message.sender)
      return "version"
    case "inv":
      for (const { type } of message.inventory) InventoryType.format(type)
      return "inv"
    case "filterload":
      return checkFilter(message)
    case "merkleblock":
      return checkTree(message)
    default:
      return message._tag
  }
}

const checkAddress = (address: PeerAddress.PeerAddress): void => {
  const inet = PeerAddress.toInetAddress(address)
  equal(PeerAddress.fromInetAddress(inet, address.services).port, address.port, "the port of an address")
  equal(PeerAddress.toInetAddress(PeerAddress.fromInetAddress(inet, address.services)), inet, "an address, and back")
  const text = NetAddress.formatInet(inet)
  equal(NetAddress.inetAddressFromStringUnsafe(text), inet, "an address, written and read again")
  AddressReach.isDialable(inet)
  AddressGroup.fromAddress(inet)
  isTrue(AddressEntry.key(inet).length > 0, "an address has a key")
  const group = PeerGroup.fromAddress(inet)
  isTrue(PeerGroup.contains(group, inet), "an address belongs to its group")
}

const checkFilter = (filter: BloomFilter.BloomFilter): string => {
  const probe = Legacy.fromHex("00112233445566")
  const before = BloomFilter.contains(filter, probe)
  const mutable = { ...filter, bytes: filter.bytes.slice() }
  BloomFilter.insert(mutable, probe)
  isTrue(BloomFilter.contains(mutable, probe), "a filter contains what was inserted")
  isTrue(BloomFilter.containsOutpoint(mutable, probe, 7) || filter.bytes.length > 0, "an empty filter takes all")
  return before ? "filterload, matching" : "filterload"
}

const checkTree = (tree: PartialMerkleTree.PartialMerkleTree): string => {
  const proof = PartialMerkleTree.extract(tree, Legacy.hash256)
  if (Result.isFailure(proof)) {
    refusalOf(proof.failure)
    return `merkleblock, ${proof.failure.problem}`
  }
  const { matches, root } = proof.success
  isTrue(matches.length <= tree.hashes.length, "no more matches than hashes")
  isTrue(matches.every(({ position }) => position < tree.transactions), "the positions are within the block")
  equal(PartialMerkleTree.verify(tree, root, Legacy.hash256), Result.succeed(matches), "the matches")
  isTrue(Result.isFailure(PartialMerkleTree.verify(tree, root.slice(1), Legacy.hash256)), "another root is refused")
  return "merkleblock, proof"
}

const run = (input: Uint8Array): string => {
  if (input.length === 0) return "nothing"
  const command = commandOf(input)
  const body = input.slice(1)
  const decoded = P2PMessage.decode(command, body)
  if (Result.isFailure(decoded)) {
    const { failure } = decoded
    refusalOf(failure)
    equal(failure.command, command, "the command of what is refused")
    isTrue(failure.reason.offset >= 0 && failure.reason.offset <= body.length, "the fault is within the body")
    return failure.reason.reason._tag
  }
  inProportion(decoded.success, body.length, 100)
  const again = valueOf(P2PMessage.encode(decoded.success), "what was read can be written")
  // A version may have more behind it than is known here, and is written without.
  if (command === "version") {
    equal(P2PMessage.decode(command, again), decoded, "a version, written and read again")
  } else equal(again, body, "what was read, written again")
  return lookAt(decoded.success)
}

/** Random numbers in the form that the makers of messages want. Most of what they make is short. */
const legacyRandom = (random: Random): Legacy.Random => ({
  next: () => random.next() / 2 ** 32,
  below: (n) => n > 256 && n < 10_000 && random.chance(85) ? random.below(8) : random.below(n),
  bytes: (length) => Uint8Array.from(random.bytes(length))
})

const hash256 = (bytes: Uint8Array): Uint8Array => Uint8Array.from(Legacy.hash256(bytes))

const makeTree = (random: Random): P2PMessage.P2PMessage => {
  const txids = Array.from({ length: 1 + random.below(random.pick([2, 5, 20])) }, () => random.bytes(32))
  const matched = new Set(txids.map((_, i) => random.chance(30) ? i : -1))
  const tree = PartialMerkleTree.make({ txids, isMatch: (i) => matched.has(i), hash256 })
  const { header } = P2P.makeGenerator(legacyRandom(random))("merkleblock")
  return P2PMessage.make("merkleblock", { header, ...tree })
}

/** A message of any command, with a tree that proves something. */
export const makeMessage = (random: Random): P2PMessage.P2PMessage => {
  const command = random.pick(commands)
  return command === "merkleblock" && random.chance(80)
    ? makeTree(random)
    : P2P.makeGenerator(legacyRandom(random))(command)
}

const make = (random: Random): Made => {
  const message = makeMessage(random)
  const bytes = valueOf(P2PMessage.encode(message), "a message that can be written")
  return {
    bytes: behind(choiceOf(message._tag), bytes),
    verify: () => equal(P2PMessage.decode(message._tag, bytes), Result.succeed(message), "the message")
  }
}

const borders = (input: Uint8Array): ReadonlyArray<number> =>
  Borders.ofCut(input, (beginning) => {
    if (beginning.length === 0) return 0
    const decoded = P2PMessage.decode(commandOf(input), beginning.subarray(1))
    return Result.isFailure(decoded) ? 1 + decoded.failure.reason.offset : undefined
  })

const recorded = ["p2p-regtest", "p2p-regtest-wallet"].flatMap((name) =>
  Legacy.trace(name).messages.flatMap(({ command, hex }) =>
    P2PMessage.isCommand(command) ? [behind(choiceOf(command), Legacy.fromHex(hex.slice(48)))] : []
  )
)

export const p2pMessages: Decoder = {
  kind: "decoder",
  name: "p2p-messages",
  weight: 3,
  seeds: recorded.filter(({ length }) => length < 2000),
  make,
  borders,
  longest: 20_000,
  run
}
