/**
 * The best chain and the branches beside it: what becomes of a batch of headers.
 *
 * `judge` changes nothing, and `commit` cannot fail: what is decided can be written to a file in between.
 */
import * as Result from "effect/Result"
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import type * as ChainParams from "../../domain/p2p/ChainParams.ts"
import type * as ChainView from "../../domain/p2p/ChainView.ts"
import * as HashHex from "../../domain/p2p/HashHex.ts"
import * as HeaderError from "../../domain/p2p/HeaderError.ts"
import * as HeaderRules from "../../domain/p2p/HeaderRules.ts"
import * as HeadersRefused from "../../domain/p2p/HeadersRefused.ts"
import * as Branch from "./branch.ts"
import * as Branches from "./branches.ts"
import * as StoredChain from "./storedChain.ts"

/** @internal */
export interface Options extends Branches.Limits {
  readonly params: ChainParams.ChainParams
  readonly hash256: BlockHeader.Hash256
  readonly maxHeight: number
}

/**
 * What is to become of a batch.
 *
 * - `AlreadyKnown`: there is nothing new in it.
 * - `Better`: the chain with it has more work, so it is to be the best one.
 * - `Weaker`: the chain with it has no more work, so it is to be kept beside.
 *
 * @internal
 */
export type Judgement =
  | { readonly _tag: "AlreadyKnown" }
  | { readonly _tag: "Better"; readonly branch: Branch.Branch; readonly added: number }
  | {
    readonly _tag: "Weaker"
    readonly branch: Branch.Branch
    readonly added: number
    /** The branch that it is longer than by this batch. */
    readonly continued: Branch.Branch | undefined
  }

/** A block that is known. */
interface Place {
  readonly height: number
  /** The branch that it is in; `undefined`: the best chain. */
  readonly branch: Branch.Branch | undefined
}

/** @internal */
export class HeaderTree {
  readonly chain: StoredChain.StoredChain
  readonly #branches: Branches.Branches
  readonly #options: Options
  readonly #checkpoints: ReadonlyArray<number>

  constructor(options: Options) {
    this.chain = new StoredChain.StoredChain(options.params)
    this.#branches = new Branches.Branches(options)
    this.#options = options
    this.#checkpoints = [...options.params.checkpoints.keys()].sort((a, b) => b - a)
  }

  /** Whether a block is known, in the best chain or beside it. */
  has(hash: Uint8Array): boolean {
    return this.#find(hash) !== undefined
  }

  /** `now` is in seconds since 1970. */
  judge(headers: Uint8Array, now: number): Result.Result<Judgement, HeadersRefused.HeadersRefused> {
    if (headers.length === 0) return Result.succeed({ _tag: "AlreadyKnown" })
    if (headers.length < BlockHeader.size) return refuse(incomplete(headers.length, this.chain.height + 1))
    const parent = this.#parentOf(headers)
    if (parent === undefined) {
      const hash = HashHex.format(BlockHeader.previousAt(headers, 0))
      return refuse(new HeadersRefused.UnknownParent({ parent: hash }))
    }
    const { known, place } = this.#skipKnown(parent, headers)
    const rest = headers.subarray(known * BlockHeader.size)
    if (rest.length === 0) return Result.succeed({ _tag: "AlreadyKnown" })
    const fault = this.#findFault(place, Math.floor(rest.length / BlockHeader.size))
    if (fault !== undefined) return refuse(fault)
    const { hash256, params } = this.#options
    const base = this.#viewAt(place)
    const checked = HeaderRules.check(base, rest, { params, hash256, now })
    if (Result.isFailure(checked)) return refuse(moved(checked.failure, known))
    return Result.succeed(this.#weigh(place, rest, checked.success))
  }

  #weigh(place: Place, headers: Uint8Array, accepted: HeaderRules.Accepted): Judgement {
    const { branch: continued, height } = place
    const fork = continued?.fork ?? height
    const before = continued === undefined ? undefined : Branch.upTo(continued, height)
    const branch = {
      fork,
      // The message that the headers came in may be overwritten when they are still needed.
      headers: before === undefined ? headers.slice() : Branch.concat(before.headers, headers),
      hashes: before === undefined ? accepted.hashes : Branch.concat(before.hashes, accepted.hashes),
      work: accepted.view.chainWork(accepted.view.height)
    }
    const added = accepted.count
    if (branch.work > this.chain.work) return { _tag: "Better", branch, added }
    const isAtEnd = continued !== undefined && Branch.height(continued) === height
    return { _tag: "Weaker", branch, added, continued: isAtEnd ? continued : undefined }
  }

  /** Makes a branch the best chain, and returns what the best chain was in its place. */
  switchTo(branch: Branch.Branch): Branch.Branch {
    const lost = Branch.ofChain(this.chain, branch.fork)
    if (lost.headers.length > 0) this.chain.truncate(branch.fork)
    this.chain.append(branch.headers, branch.hashes)
    this.#branches.rebase(lost, branch, this.#lastCheckpoint())
    return lost
  }

  /** Keeps a branch beside the best chain. Tells whether there was room. */
  keep(branch: Branch.Branch, continued: Branch.Branch | undefined): boolean {
    return this.#branches.keep(branch, continued)
  }

  #find(hash: Uint8Array): Place | undefined {
    const height = this.chain.heightOf(hash)
    if (height !== undefined) return { height, branch: undefined }
    for (const branch of this.#branches.all) {
      const height = Branch.heightOf(branch, hash)
      if (height !== undefined) return { height, branch }
    }
    return undefined
  }

  /** The block before the first header; the genesis block is taken for one that follows itself. */
  #parentOf(headers: Uint8Array): Place | undefined {
    return this.#isInChain(0, headers, 0)
      ? { height: -1, branch: undefined }
      : this.#find(BlockHeader.previousAt(headers, 0))
  }

  #isInChain(height: number, headers: Uint8Array, index: number): boolean {
    return height <= this.chain.height && HashHex.equals(this.chain.bytes(height), BlockHeader.bytesAt(headers, index))
  }

  /** How many headers are known already, and the last of them. */
  #skipKnown(parent: Place, headers: Uint8Array): { readonly known: number; readonly place: Place } {
    const count = Math.floor(headers.length / BlockHeader.size)
    let place = parent
    for (let index = 0; index < count; index++) {
      const next = this.#placeOf(place.height + 1, headers, index)
      if (next === undefined) return { known: index, place }
      place = next
    }
    return { known: count, place }
  }

  /** A header names the one before it, so that equal bytes are the same place. */
  #placeOf(height: number, headers: Uint8Array, index: number): Place | undefined {
    if (this.#isInChain(height, headers, index)) return { height, branch: undefined }
    const branch = this.#branches.all.find((branch) => Branch.hasAt(branch, height, headers, index))
    return branch === undefined ? undefined : { height, branch }
  }

  #findFault(place: Place, added: number): HeadersRefused.Reason | undefined {
    const forkHeight = place.branch?.fork ?? place.height
    const checkpoint = this.#lastCheckpoint()
    if (forkHeight < checkpoint) return new HeadersRefused.ForkBelowCheckpoint({ forkHeight, checkpoint })
    const { maxHeight } = this.#options
    const height = place.height + added
    return height > maxHeight ? new HeadersRefused.ChainTooLong({ height, maximum: maxHeight }) : undefined
  }

  /** The height of the last checkpoint that the best chain has passed, or 0. */
  #lastCheckpoint(): number {
    return this.#checkpoints.find((height) => height <= this.chain.height) ?? 0
  }

  #viewAt({ branch, height }: Place): ChainView.ChainView {
    return branch === undefined ? StoredChain.upTo(this.chain, height) : Branch.view(branch, this.chain, height)
  }
}

const refuse = (reason: HeadersRefused.Reason) => Result.fail(new HeadersRefused.HeadersRefused({ reason }))

const incomplete = (length: number, height: number) =>
  new HeaderError.HeaderError({ index: 0, height, reason: new HeaderError.IncompleteHeader({ length }) })

/** Headers before it were not checked again, but count. */
const moved = ({ height, index, reason }: HeaderError.HeaderError, by: number) =>
  new HeaderError.HeaderError({ index: index + by, height, reason })
