/**
 * The last blocks of chains, as programs see them: in memory of their own.
 */
import * as BlockHeader from "../../domain/p2p/BlockHeader.ts"
import type * as HeaderChain from "../../services/p2p/HeaderChain.ts"
import * as Branch from "./branch.ts"
import type * as StoredChain from "./storedChain.ts"

/** @internal */
export const ofChain = (chain: StoredChain.StoredChain): HeaderChain.Tip => ({
  height: chain.height,
  hash: chain.hash.slice(),
  work: chain.work,
  time: chain.time(chain.height)
})

/** @internal */
export const ofBranch = (branch: Branch.Branch): HeaderChain.Tip => ({
  height: Branch.height(branch),
  hash: Branch.hash(branch).slice(),
  work: branch.work,
  time: BlockHeader.timeAt(branch.headers, Branch.count(branch) - 1)
})
