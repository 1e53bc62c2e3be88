/**
 * The logic of a wallet against a model: peers of all kinds, a chain that is reorganised, elements that are added late.
 */
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import type * as Transaction from "../../../../src/domain/chain/Transaction.ts"
import * as HashHex from "../../../../src/domain/p2p/HashHex.ts"
import * as P2PMessage from "../../../../src/domain/p2p/P2PMessage.ts"
import * as SyncPlan from "../../../../src/domain/p2p/SyncPlan.ts"
import * as WalletElement from "../../../../src/domain/p2p/WalletElement.ts"
import * as Ledger from "../../../../src/internal/p2p/wallets/ledger.ts"
import * as Scanner from "../../../../src/internal/p2p/wallets/scanner.ts"
import * as Trail from "../../../../src/internal/p2p/wallets/trail.ts"
import * as WatchList from "../../../../src/internal/p2p/wallets/watchList.ts"
import type * as WalletEvent from "../../../../src/services/p2p/WalletEvent.ts"
import * as Legacy from "../../../utils/legacy.ts"
import * as Generator from "../../../utils/p2pMessage.ts"
import * as Pieces from "../../../utils/pieces.ts"
import * as WalletChain from "../../../utils/p2p/walletChain.ts"

type Kind = "honest" | "withholding" | "stalling" | "keepingBack" | "behind" | "babbling"

interface ModelPeer {
  readonly key: string
  readonly kind: Kind
  readonly node: WalletChain.WalletNode
  /** What it has said and has not arrived. */
  readonly said: Array<P2PMessage.P2PMessage>
}

/** The ids of the wallet's transactions in a chain, each with its height: looked for without any filter. */
const truth = (
  chain: ReadonlyArray<WalletChain.WalletBlock>,
  hashes: ReadonlySet<string>
): ReadonlySet<string> => {
  const coins = new Set<string>()
  const found = new Set<string>()
  for (const { height, transactions } of chain) {
    for (const { id, outputs } of transactions) {
      outputs.forEach(({ script }, index) => {
        if (!hashes.has(Legacy.toHex(script.subarray(3, 23)))) return
        found.add(`${HashHex.format(id)}@${height}`)
        coins.add(`${HashHex.format(id)}:${index}`)
      })
    }
    for (const { id, inputs } of transactions) {
      if (inputs.some(({ index, txId }) => coins.has(`${HashHex.format(txId)}:${index}`))) {
        found.add(`${HashHex.format(id)}@${height}`)
      }
    }
  }
  return found
}

class Model {
  readonly random: Legacy.Random
  readonly scanner: Scanner.Scanner
  readonly peers = new Map<string, ModelPeer>()
  readonly events: Array<WalletEvent.WalletEvent> = []
  readonly hashes: ReadonlyArray<Uint8Array>
  readonly watched: Set<string>
  readonly punished = new Map<Kind, number>()
  chain: Array<WalletChain.WalletBlock> = [WalletChain.genesis]
  now = 0
  readonly #invent: ReturnType<typeof Generator.makeGenerator>
  #nonce = 0n
  #count = 0
  #coins: Array<Transaction.OutPoint> = []

  constructor(seed: number, options: { readonly falsePositiveRate?: number } = {}) {
    this.random = Legacy.makeRandom(seed)
    this.#invent = Generator.makeGenerator(this.random)
    this.hashes = Array.from({ length: 4 }, () => this.random.bytes(20))
    this.watched = new Set(this.hashes.slice(0, 3).map(Legacy.toHex))
    const watch = new WatchList.WatchList()
    for (const hash of this.hashes.slice(0, 3)) {
      assert.isTrue(Result.getOrThrow(watch.add(WalletElement.WalletElement.PublicKeyHash({ hash }), 1)))
    }
    this.scanner = new Scanner.Scanner({
      hash256: Legacy.hash256,
      watch,
      ledger: new Ledger.Ledger(),
      trail: new Trail.Trail([]),
      plan: SyncPlan.make({ first: 1 }),
      falsePositiveRate: options.falsePositiveRate ?? 0.0001,
      tweak: 7,
      falsePositives: false,
      ports: {
        send: (key, messages) => this.#hear(key, messages),
        expect: () => undefined,
        punish: (key) => this.#drop(key, true),
        dismiss: (key) => this.#drop(key, false),
        tell: (event) => this.events.push(event),
        takeBack: () => undefined,
        wake: () => undefined,
        nonce: () => ++this.#nonce
      }
    })
    this.grow(1 + this.random.below(260))
  }

  get tip(): number {
    return this.chain.length - 1
  }

  grow(count: number): void {
    for (let i = 0; i < count; i++) {
      this.chain.push(WalletChain.makeBlock(this.chain.at(-1)!, this.#transactions()))
    }
    for (const peer of this.peers.values()) this.#teach(peer)
  }

  reorganise(depth: number): void {
    const fork = Math.max(0, this.tip - depth)
    this.chain = this.chain.slice(0, fork + 1)
    this.#coins = []
    this.grow(depth + 1)
    this.scanner.rollBack(fork)
  }

  /** The wallet has one address more, from the first block on. */
  watchMore(): void {
    const hash = this.hashes[3]!
    this.watched.add(Legacy.toHex(hash))
    assert.isTrue(Result.isSuccess(this.scanner.add([WalletElement.WalletElement.PublicKeyHash({ hash })], 1)))
  }

  join(kind: Kind): void {
    const key = `${kind}-${++this.#count}`
    const node = new WalletChain.WalletNode()
    node.isWithheld = () => kind === "withholding" && this.random.next() < 0.5
    const peer: ModelPeer = { key, kind, node, said: [] }
    this.#teach(peer)
    this.peers.set(key, peer)
    this.scanner.join(key)
  }

  /** Gives all tasks that can be given. */
  plan(): void {
    for (let proposal = this.#propose(); proposal !== undefined; proposal = this.#propose()) {
      const hashes = this.chain.slice(proposal.from, proposal.to + 1).map(({ hash }) => hash)
      this.scanner.begin(proposal, hashes, this.now)
    }
  }

  /** One message of a random peer arrives, or, when all are silent, time passes. */
  step(): void {
    this.plan()
    const speaking = [...this.peers.values()].filter(({ said }) => said.length > 0)
    if (speaking.length === 0) {
      this.now += 1000
      this.scanner.onAlarm(this.now)
      return
    }
    this.hear(speaking[this.random.below(speaking.length)]!)
  }

  /** The next message of a peer arrives. */
  hear(peer: ModelPeer): void {
    const message = peer.said.shift()
    if (message === undefined) return
    if (message._tag === "merkleblock") this.#look(this.scanner.onMerkleBlock(peer.key, message, this.now))
    if (message._tag === "pong") this.scanner.onPong(peer.key, message.nonce, this.now)
    if (message._tag === "tx") this.#look(this.scanner.onTransaction(peer.key, message.bytes, this.now))
  }

  #look(work: Scanner.Work | undefined): void {
    if (work !== undefined) Pieces.collect(work.pieces())
  }

  /** What the events leave, as `truth` has it. */
  get told(): ReadonlySet<string> {
    const told = new Map<string, number>()
    for (const event of this.events) {
      if (event._tag === "Matched") {
        const id = HashHex.format(event.txid)
        assert.isFalse(told.has(id), `${id} was told of twice`)
        told.set(id, event.height)
      }
      if (event._tag === "RolledBack") {
        const gone = new Set(event.txids.map(HashHex.format))
        for (const [id, height] of told) {
          assert.strictEqual(gone.has(id), height > event.height, "exactly what was above is rolled back")
          if (gone.has(id)) told.delete(id)
        }
      }
    }
    return new Set(Array.from(told, ([id, height]) => `${id}@${height}`))
  }

  get isDone(): boolean {
    return this.scanner.plan.scannedTo === this.tip && SyncPlan.verifiedTo(this.scanner.plan) === this.tip
  }

  #propose(): SyncPlan.Proposal | undefined {
    return this.scanner.propose(this.tip, true)
  }

  #teach({ kind, node }: ModelPeer): void {
    node.learn(kind === "behind" ? this.chain.slice(0, Math.floor(this.chain.length / 2)) : this.chain)
  }

  #hear(key: string, messages: ReadonlyArray<P2PMessage.P2PMessage>): void {
    const peer = this.peers.get(key)
    if (peer === undefined || peer.kind === "stalling") return
    const answers = messages.flatMap((message) => peer.node.answer(message))
    if (peer.kind === "babbling") peer.said.push(...answers.map((answer) => this.#garble(answer)))
    else peer.said.push(...(peer.kind === "keepingBack" ? answers.filter(({ _tag }) => _tag !== "tx") : answers))
  }

  /** Mostly the message, now and then another one, or the same with one byte changed. */
  #garble(message: P2PMessage.P2PMessage): P2PMessage.P2PMessage {
    const kind = this.random.below(20)
    if (kind === 0) return this.#invent((["merkleblock", "tx", "pong", "inv"] as const)[this.random.below(4)]!)
    if (kind > 2) return message
    const body = Result.getOrThrow(P2PMessage.encode(message)).slice()
    if (body.length === 0) return message
    body[this.random.below(body.length)]! ^= 1 << this.random.below(8)
    return Result.getOrElse(P2PMessage.decode(message._tag, body), () => message)
  }

  #drop(key: string, isPunished: boolean): void {
    const peer = this.peers.get(key)
    assert.isDefined(peer, `${key} is dropped twice`)
    this.peers.delete(key)
    if (isPunished) this.punished.set(peer!.kind, (this.punished.get(peer!.kind) ?? 0) + 1)
    assert.notStrictEqual(peer!.kind, "honest", "no honest peer is dropped")
  }

  #transactions(): ReadonlyArray<Transaction.Transaction> {
    const transactions: Array<Transaction.Transaction> = [WalletChain.makeTransaction(this.random)]
    for (let i = this.random.below(4); i > 0; i--) {
      const hash = this.random.next() < 0.4 ? this.hashes[this.random.below(4)]! : this.random.bytes(20)
      const coin = this.random.next() < 0.4
        ? this.#coins.splice(this.random.below(this.#coins.length), 1)[0]
        : undefined
      const transaction = WalletChain.makeTransaction(this.random, {
        pays: [this.random.bytes(20), hash],
        ...(coin === undefined ? {} : { spends: [coin] })
      })
      transactions.push(transaction)
      if (this.hashes.includes(hash)) this.#coins.push({ txId: transaction.id, index: 1 })
    }
    // In the order of the ids, so that a transaction may come before one whose output it spends.
    return transactions.sort((a, b) => HashHex.format(a.id) < HashHex.format(b.id) ? -1 : 1)
  }
}

const finish = (model: Model, steps = 20_000): void => {
  for (let i = 0; i < steps && !model.isDone; i++) model.step()
  assert.isTrue(model.isDone, "it comes to an end")
}

const seeds = Array.from({ length: 40 }, (_, i) => 1000 + i)

describe("Scanner", () => {
  const punished = new Map<Kind, number>()

  it.each(seeds)("ends with exactly what the chain has, whoever the peers are (seed %i)", (seed) => {
    const model = new Model(seed, { falsePositiveRate: seed % 2 === 0 ? 0.0001 : 0.2 })
    const { random } = model
    model.join("honest")
    model.join("honest")
    const watchesMoreAt = seed % 3 === 0 ? random.below(3000) : -1
    let reorganisations = 0
    for (let i = 0; i < 3000; i++) {
      // Two peers that leave out the same could not be told from honest ones.
      const others: ReadonlyArray<Kind> = [...model.peers.values()].some(({ kind }) => kind === "withholding")
        ? ["honest", "stalling", "keepingBack", "behind", "babbling"]
        : ["withholding", "withholding", "stalling", "keepingBack", "behind", "babbling"]
      if (model.peers.size < 4 && random.next() < 0.02) model.join(others[random.below(others.length)]!)
      if (random.next() < 0.002 && reorganisations++ < 4) model.reorganise(1 + random.below(Math.min(8, model.tip)))
      if (random.next() < 0.004) model.grow(1)
      if (random.next() < 0.001) {
        const left = [...model.peers.values()].find(({ kind }, at) => kind === "honest" && at > 0)
        if (left !== undefined) {
          model.peers.delete(left.key)
          model.scanner.leave(left.key)
          model.join("honest")
        }
      }
      if (i === watchesMoreAt) model.watchMore()
      model.step()
    }
    finish(model)
    for (const [kind, count] of model.punished) punished.set(kind, (punished.get(kind) ?? 0) + count)
    assert.deepStrictEqual([...model.told].sort(), [...truth(model.chain, model.watched)].sort())
  })

  it("looks again at all that a liar has scanned and nobody has checked", () => {
    const model = new Model(7)
    model.grow(250 - model.tip)
    model.join("withholding")
    const [liar] = [...model.peers.values()]
    const height = [...truth(model.chain, model.watched)].map((text) => Number(text.split("@")[1]))
      .find((height) => height > 120 && height < 180)!
    liar!.node.isWithheld = (block) => block.height === height
    while (model.scanner.plan.scannedTo < 250) {
      model.plan()
      model.hear(liar!)
    }
    model.join("honest")
    model.join("honest")
    model.plan()
    const [, , second] = [...model.peers.values()]
    while (model.peers.has(liar!.key)) model.hear(second!)
    assert.strictEqual(model.scanner.plan.scannedTo, 0, "the first hundred were not checked yet")
    finish(model)
    assert.deepStrictEqual([...model.told].sort(), [...truth(model.chain, model.watched)].sort())
  })

  it("has punished each kind of bad peer in these runs", () => {
    for (const kind of ["withholding", "stalling", "keepingBack", "behind", "babbling"] as const) {
      assert.isAbove(punished.get(kind) ?? 0, 5, kind)
    }
  })
})
