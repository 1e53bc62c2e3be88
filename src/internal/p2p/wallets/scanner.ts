/**
 * The logic of one wallet: what its peers are asked, and what their answers mean. It does nothing itself; what has to
 * happen goes out through ports.
 *
 * **Details**
 *
 * A node can leave out what matches, and cannot make it up, since a tree proves it. So whatever was proven once is told,
 * and who has left it out is known: the peer whose filter held what finds it.
 */
import * as Result from "effect/Result"
import * as Pieces from "../../../domain/internal/pieces.ts"
import * as BlockPace from "../../../domain/p2p/BlockPace.ts"
import type * as BlockHeader from "../../../domain/p2p/BlockHeader.ts"
import * as HashHex from "../../../domain/p2p/HashHex.ts"
import * as P2PMessage from "../../../domain/p2p/P2PMessage.ts"
import * as SyncPlan from "../../../domain/p2p/SyncPlan.ts"
import * as TransactionOutline from "../../../domain/p2p/TransactionOutline.ts"
import type * as WalletElement from "../../../domain/p2p/WalletElement.ts"
import * as WalletEvent from "../../../services/p2p/WalletEvent.ts"
import * as BytesKey from "./bytesKey.ts"
import type * as Ledger from "./ledger.ts"
import * as Member from "./member.ts"
import * as Reception from "./reception.ts"
import * as Recent from "./recent.ts"
import type * as Trail from "./trail.ts"
import type * as WatchList from "./watchList.ts"

/** What a scanner causes. Peers are named by their keys: see `Segment.keyOf`. @internal */
export interface Ports {
  readonly send: (peer: string, messages: ReadonlyArray<P2PMessage.P2PMessage>) => void
  /** Transactions that a peer is about to send without having been asked for each of them. */
  readonly expect: (peer: string, txids: ReadonlyArray<Uint8Array>) => void
  /** Gives points to a peer and ends it. */
  readonly punish: (peer: string, points: number, what: string) => void
  /** Ends a peer that may be honest. */
  readonly dismiss: (peer: string, because: string) => void
  readonly tell: (event: WalletEvent.WalletEvent) => void
  /** The blocks above a height are looked at again. */
  readonly takeBack: (height: number) => void
  /** There may be something to ask of an idle peer. */
  readonly wake: () => void
  readonly nonce: () => bigint
}

/** @internal */
export interface Options {
  readonly ports: Ports
  readonly hash256: BlockHeader.Hash256
  readonly watch: WatchList.WatchList
  readonly ledger: Ledger.Ledger
  readonly trail: Trail.Trail
  readonly plan: SyncPlan.SyncPlan
  readonly falsePositiveRate: number
  readonly tweak: number
  /** Whether strangers that only look like transactions of the wallet are told of. */
  readonly falsePositives: boolean
}

const stallPoints = 1000
const liePoints = 1000
const unservedPoints = 100

const mempool = P2PMessage.make("mempool", {})

/** A transaction of a block, and the version of what was watched that finds it; `undefined` for a stranger. */
interface Judged extends Reception.Proven {
  readonly finding: WatchList.Finding
}

/**
 * A block that is to be looked at. With a large one that takes more than one turn of the event loop: nothing else may
 * change what the wallet knows meanwhile, but peers may come and go.
 *
 * @internal
 */
export interface Work {
  readonly isLarge: boolean
  readonly pieces: () => Generator<void, void>
}

/** Up to that weight a block is looked at in one piece, and a large one is divided into such pieces. */
const pieceWeight = 150_000

/** What a transaction weighs beside its bytes. */
const transactionWeight = 100

/** So many transactions are told of in one piece. */
const toldAtOnce = 1000

/** The peer has gone. */
const gone = Symbol("gone")

/** @internal */
export class Scanner {
  plan: SyncPlan.SyncPlan
  readonly watch: WatchList.WatchList
  readonly ledger: Ledger.Ledger
  readonly trail: Trail.Trail
  readonly #options: Options
  readonly #ports: Ports
  readonly #members = new Map<string, Member.Member>()
  readonly #recent = new Recent.Recent()
  #filter: { readonly version: number; readonly message: P2PMessage.P2PMessage } | undefined = undefined
  #syncedTold = -1

  constructor(options: Options) {
    this.#options = options
    this.#ports = options.ports
    this.plan = options.plan
    this.watch = options.watch
    this.ledger = options.ledger
    this.trail = options.trail
  }

  get peers(): ReadonlyArray<string> {
    return [...this.#members.keys()]
  }

  /** Takes a peer into service. */
  join(key: string): void {
    const member = Member.make(key)
    this.#members.set(key, member)
    this.#ports.send(key, [this.#loadFilter(member), mempool])
    this.#ports.wake()
  }

  /** A peer has ended. */
  leave(key: string): void {
    if (!this.#members.delete(key)) return
    this.plan = SyncPlan.release(this.plan, key)
    this.#ports.wake()
  }

  /** What an idle peer could be asked; `undefined` when there is nothing, or nobody to ask. */
  propose(tip: number, mayScan: boolean): SyncPlan.Proposal | undefined {
    const idle: Array<string> = []
    for (const { duty, key } of this.#members.values()) if (duty._tag === "Idle") idle.push(key)
    return SyncPlan.propose(this.plan, { idle, tip, mayScan })
  }

  /** Asks what was proposed. `hashes` are those of its blocks. */
  begin(proposal: SyncPlan.Proposal, hashes: ReadonlyArray<Uint8Array>, now: number): void {
    const member = this.#members.get(proposal.peer)
    if (member === undefined) return
    const reception = new Reception.Reception({
      from: proposal.from,
      hashes,
      fence: this.#ports.nonce(),
      hash256: this.#options.hash256,
      known: (txid) => this.#recent.get(txid)
    })
    const filter = member.loaded < this.watch.version ? [this.#loadFilter(member)] : []
    this.plan = SyncPlan.assign(this.plan, proposal, member.loaded)
    member.duty = { _tag: "Answering", reception, pace: BlockPace.make(now) }
    this.#ports.send(member.key, [...filter, ...reception.question])
  }

  /** Watches for more, in blocks from a height on; `undefined`: in all that are looked at. */
  add(
    elements: ReadonlyArray<WalletElement.WalletElement>,
    from: number | undefined
  ): Result.Result<void, WalletElement.BadElement> {
    let isNews = false
    for (const element of elements) {
      const added = this.watch.add(element, from ?? 0)
      if (Result.isFailure(added)) return Result.fail(added.failure)
      isNews ||= added.success
    }
    if (!isNews) return Result.void
    if (from !== undefined) this.rescan(from)
    for (const member of this.#members.values()) this.#ports.send(member.key, [this.#loadFilter(member), mempool])
    this.#ports.wake()
    return Result.void
  }

  /** Looks at blocks from a height on, again if need be. */
  rescan(from: number): void {
    this.#takeBack(SyncPlan.rescan(this.plan, from))
  }

  /** The blocks above a height have left the chain. */
  rollBack(height: number): void {
    const before = this.plan.scannedTo
    this.plan = SyncPlan.truncate(this.plan, height)
    this.trail.cut(height)
    this.watch.rollBack(height)
    // Blocks that are to be looked at again have been told of before, so there may be some above what counts as scanned.
    const txids = this.ledger.removeAbove(height).map(({ txid }) => txid)
    this.#ports.wake()
    if (before <= height && txids.length === 0) return
    this.#syncedTold = -1
    this.#ports.tell(WalletEvent.WalletEvent.RolledBack({ height, txids }))
  }

  /** Tells that all blocks of the chain have been looked at, unless that was told. */
  tellSynced(): void {
    const { scannedTo } = this.plan
    if (scannedTo === this.#syncedTold) return
    this.#syncedTold = scannedTo
    for (const height of this.watch.prune(SyncPlan.verifiedTo(this.plan))) this.ledger.excuse(height)
    this.#ports.tell(WalletEvent.WalletEvent.Synced({ height: scannedTo }))
  }

  /** Does what is due, and says when something is due next. */
  onAlarm(now: number): number | undefined {
    let next: number | undefined
    for (const member of [...this.#members.values()]) {
      this.#onDeadline(member, now)
      const deadline = this.#members.has(member.key) ? Member.deadlineOf(member) : undefined
      if (deadline !== undefined) next = Math.min(next ?? deadline, deadline)
    }
    return next
  }

  /** Whether a merkle block of that peer is worth a look at what it proves. */
  awaitsMerkleBlock(key: string): boolean {
    return this.#members.get(key)?.duty._tag === "Answering"
  }

  /** What its tree proves has been found out before if that is given. */
  onMerkleBlock(
    key: string,
    message: P2PMessage.Of<"merkleblock">,
    now: number,
    proven?: Parameters<Reception.Reception["onMerkleBlock"]>[1]
  ): Work | undefined {
    const member = this.#members.get(key)
    if (member === undefined || member.duty._tag === "Draining") return undefined
    if (member.duty._tag !== "Answering") {
      this.#expose(key, "a merkle block that was not asked for")
      return undefined
    }
    return this.#settle(member, member.duty.reception.onMerkleBlock(message, proven), now)
  }

  onPong(key: string, nonce: bigint, now: number): void {
    const member = this.#members.get(key)
    if (member === undefined) return
    const { duty } = member
    if (duty._tag === "Draining" && duty.fence === nonce) return this.#rest(member, duty.rest, now)
    if (duty._tag === "Answering" && duty.reception.fence === nonce) {
      this.#settle(member, duty.reception.onFence(), now)
      const after: Member.Duty = member.duty
      if (after._tag === "Draining" && after.fence === nonce) this.#rest(member, after.rest, now)
    }
  }

  /** A transaction that a peer was not asked for, as those that follow a merkle block. */
  onTransaction(key: string, bytes: Uint8Array, now: number): Work | undefined {
    const member = this.#members.get(key)
    if (member?.duty._tag !== "Answering" || !member.duty.reception.isExpecting) return undefined
    const outcome = member.duty.reception.onTransaction(this.#options.hash256(bytes), bytes)
    return outcome === undefined ? undefined : this.#settle(member, outcome, now)
  }

  /** A transaction that some peer has announced. It need not be one of this wallet. */
  onRelayed(key: string, transaction: WatchList.Examined, bytes: Uint8Array): void {
    const { txid } = transaction
    const id = BytesKey.of(txid)
    if (bytes.length === Reception.sizeOfNode || this.ledger.has(txid) || this.#recent.get(id) !== undefined) return
    const isExact = this.watch.examineUnconfirmed(transaction)
    if (!isExact && !(this.#options.falsePositives && this.#members.has(key))) return
    const copy = new Uint8Array(bytes)
    this.#recent.add(id, copy)
    this.#ports.tell(WalletEvent.WalletEvent.Unconfirmed({ txid, bytes: copy, isExact }))
  }

  /** The message that gives a peer the filter of this moment. */
  #loadFilter(member: Member.Member): P2PMessage.P2PMessage {
    const { version } = this.watch
    if (this.#filter?.version !== version) {
      this.#filter = { version, message: P2PMessage.make("filterload", this.watch.toFilter(this.#options)) }
    }
    member.loaded = version
    return this.#filter.message
  }

  #settle(member: Member.Member, outcome: Reception.Outcome, now: number): Work | undefined {
    switch (outcome._tag) {
      case "Bad":
        this.#expose(member.key, outcome.what)
        return undefined
      case "Unserved":
        this.#onUnserved(member)
        return undefined
      case "Waiting":
        this.#expect(member, outcome.named)
        return undefined
      case "Complete":
        this.#expect(member, outcome.named)
        return {
          isLarge: isLarge(outcome.block),
          pieces: () => this.#onBlock(member, outcome.block, now)
        }
    }
  }

  #expect({ key }: Member.Member, txids: ReadonlyArray<Uint8Array>): void {
    if (txids.length > 0) this.#ports.expect(key, txids)
  }

  /** It does not have a block: it is not there yet, or the block has left its chain. */
  #onUnserved(member: Member.Member): void {
    const { duty, key } = member
    if (duty._tag !== "Answering") return
    const isPointless = this.plan.tasks.get(key)?._tag === "Discard"
    const rest = isPointless ? 0 : Member.restOf(member)
    if (rest === undefined) return this.#punish(key, unservedPoints, "it does not have the blocks that it is asked for")
    if (!isPointless) member.unserved++
    this.plan = SyncPlan.release(this.plan, key)
    member.duty = { _tag: "Draining", fence: duty.reception.fence, pace: duty.pace, rest }
    this.#ports.wake()
  }

  #rest(member: Member.Member, rest: number, now: number): void {
    this.plan = SyncPlan.release(this.plan, member.key)
    member.duty = rest === 0 ? Member.idle : { _tag: "Resting", until: now + rest }
    this.#ports.wake()
  }

  *#onBlock(member: Member.Member, block: Reception.Block, now: number): Generator<void, void> {
    const { duty, key } = member
    if (this.#isGone(member) || duty._tag !== "Answering") return
    member.unserved = 0
    member.duty = Member.withPace(duty, BlockPace.count(duty.pace))
    const task = this.plan.tasks.get(key)
    if (task?._tag === "Scan") yield* this.#onScanned(member, task.version, block)
    else if (task?._tag === "Check") yield* this.#onChecked(member, task.version, block)
    if (!this.#isGone(member) && duty.reception.isDone) this.#rest(member, 0, now)
  }

  #isGone(member: Member.Member): boolean {
    return this.#members.get(member.key) !== member
  }

  *#onScanned(member: Member.Member, version: number, block: Reception.Block): Generator<void, void> {
    const { key } = member
    const judged = yield* this.#judge(member, block)
    if (judged === gone) return
    if (judged === undefined) return this.#expose(key, unreadable(block))
    // It may have been looked at before, for fewer elements or with another peer.
    if (this.#hasLeftOut(judged, block.height, version)) return this.#expose(key, leftOut(block))
    yield* this.#tellMatches(judged, block)
    // What was proven is told, but what nobody answers for is looked at again.
    if (this.#isGone(member)) return
    this.plan = SyncPlan.scanned(this.plan, key)
    this.trail.add(block)
    if (!this.plan.tasks.has(key)) this.tellSynced()
  }

  *#onChecked(member: Member.Member, version: number, block: Reception.Block): Generator<void, void> {
    const { key } = member
    const judged = yield* this.#judge(member, block)
    if (judged === gone) return
    if (judged === undefined) return this.#expose(key, unreadable(block))
    const hasLeftOut = this.#hasLeftOut(judged, block.height, version)
    const extra = judged.filter(({ finding, txid }) => finding !== undefined && !this.ledger.hasAt(txid, block.height))
    if (extra.length > 0) yield* this.#outdo(key, extra, block)
    else if (!hasLeftOut) this.plan = SyncPlan.agreed(this.plan, key)
    if (hasLeftOut) this.#expose(key, leftOut(block))
  }

  /** A check has found what the peer that scanned had left out. */
  *#outdo(key: string, extra: ReadonlyArray<Judged>, block: Reception.Block): Generator<void, void> {
    const span = SyncPlan.spanAt(this.plan, block.height)
    this.#takeBack(SyncPlan.outdone(this.plan, key))
    yield* this.#tellMatches(extra, block)
    const isProven = span !== undefined && extra.some(({ finding = Infinity }) => finding <= span.version)
    if (isProven && this.#members.has(span.by)) this.#expose(span.by, leftOut(block))
    this.#ports.wake()
  }

  /** `undefined` when a transaction cannot be read, so that the block is none. */
  *#judge(
    member: Member.Member,
    { height, transactions }: Reception.Block
  ): Generator<void, ReadonlyArray<Judged> | typeof gone | undefined> {
    const examined: Array<WatchList.Examined> = []
    const isTime = Pieces.meter(pieceWeight)
    for (const { bytes, txid } of transactions) {
      if (isTime(weightOf(bytes))) {
        yield
        // Nothing has changed so far.
        if (this.#isGone(member)) return gone
      }
      const outline = TransactionOutline.decode(bytes)
      if (Result.isFailure(outline)) return undefined
      examined.push({ txid, outline: outline.success })
    }
    const findings = yield* this.watch.examineBlock(examined, height)
    return transactions.map((transaction, at) => ({ ...transaction, finding: findings[at] }))
  }

  /** Whether something is known to be in a block that the peer has not told of, and its filter must have found it. */
  #hasLeftOut(judged: ReadonlyArray<Judged>, height: number, version: number): boolean {
    const known = this.ledger.at(height)
    if (known.length === 0) return false
    const told = new Set(judged.map(({ txid }) => BytesKey.of(txid)))
    return known.some((match) => match.version <= version && !told.has(BytesKey.of(match.txid)))
  }

  *#tellMatches(all: ReadonlyArray<Judged>, block: Reception.Block): Generator<void, void> {
    let told = 0
    for (const one of all) {
      this.#tellMatch(one, block)
      if (++told % toldAtOnce === 0) yield
    }
  }

  #tellMatch({ bytes, finding, txid }: Judged, { hash, height, tree }: Reception.Block): void {
    const isExact = finding !== undefined
    if (isExact ? this.ledger.hasAt(txid, height) : !this.#options.falsePositives) return
    if (isExact) this.ledger.add({ txid, height, blockHash: hash, version: finding, isDelivered: false })
    this.#recent.delete(BytesKey.of(txid))
    this.#ports.tell(
      WalletEvent.WalletEvent.Matched({ txid, bytes, height, blockHash: hash, proof: tree, isExact })
    )
  }

  #onDeadline(member: Member.Member, now: number): void {
    const { duty, key } = member
    if (duty._tag === "Resting" && duty.until <= now) return this.#rest(member, 0, now)
    if (duty._tag !== "Answering" && duty._tag !== "Draining") return
    const verdict = BlockPace.judge(duty.pace, now)
    if (verdict._tag === "GoesOn") {
      member.duty = Member.withPace(duty, verdict.pace)
    } else if (duty._tag === "Draining" || this.plan.tasks.get(key)?._tag === "Discard") {
      // It is asked for blocks that may have left its chain.
      this.leave(key)
      this.#ports.dismiss(key, "it does not come to an end with its answer")
    } else {
      this.#punish(key, stallPoints, "it delivers less than a block a second")
    }
  }

  #punish(key: string, points: number, what: string): void {
    this.leave(key)
    this.#ports.punish(key, points, what)
  }

  /** The peer has lied, or left something out. */
  #expose(key: string, what: string): void {
    this.#takeBack(SyncPlan.disown(this.plan, key))
    this.#punish(key, liePoints, what)
  }

  /** Goes over to a plan by which fewer blocks may count as looked at. */
  #takeBack(plan: SyncPlan.SyncPlan): void {
    const isLess = plan.scannedTo < this.plan.scannedTo
    this.plan = plan
    if (!isLess) return
    this.trail.cut(plan.scannedTo)
    this.#syncedTold = -1
    this.#ports.takeBack(plan.scannedTo)
  }
}

const weightOf = (bytes: Uint8Array): number => bytes.length + transactionWeight

const isLarge = ({ transactions }: Reception.Block): boolean => {
  let weight = 0
  for (const { bytes } of transactions) weight += weightOf(bytes)
  return weight > pieceWeight
}

const leftOut = ({ hash }: Reception.Block): string =>
  `it left a transaction out of merkle block ${HashHex.format(hash)}`

const unreadable = ({ hash }: Reception.Block): string =>
  `merkle block ${HashHex.format(hash)} names a transaction that is none`
