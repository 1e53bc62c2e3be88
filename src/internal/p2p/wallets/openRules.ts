/**
 * The options that a wallet is opened with: which can be used, and what stands for those that are left out.
 */
import * as Result from "effect/Result"
import * as OptionRules from "../../../domain/internal/optionRules.ts"
import * as Segment from "../../../domain/p2p/Segment.ts"
import * as WalletError from "../../../services/p2p/WalletError.ts"
import type * as Wallets from "../../../services/p2p/Wallets.ts"
import type * as Agent from "./agent.ts"

/** @internal */
export const maxElements = 50_000

const defaultRate = 0.0001
const minRate = 1e-9
const maxRate = 0.1

const maxHeight = 0x7fff_ffff
const maxTime = 0xffff_ffff

/** @internal */
export interface Checked extends Agent.Settings {
  readonly priority: Segment.Priority
}

const isCount = (value: unknown, maximum: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= maximum

const isFirstBlock = (value: Wallets.FirstBlock): boolean =>
  "height" in value ? isCount(value.height, maxHeight) : isCount(Math.floor(value.time), maxTime)

const badOption = (option: string, value: unknown, problem: string) =>
  Result.fail(new WalletError.WalletError({ reason: new OptionRules.BadOption({ option, value, problem }) }))

/** Refuses more elements than a wallet can have. @internal */
export const checkCount = (count: number): Result.Result<void, WalletError.WalletError> =>
  count <= maxElements ? Result.void : Result.fail(
    new WalletError.WalletError({ reason: new WalletError.TooManyElements({ count, maximum: maxElements }) })
  )

/** @internal */
export const check = (options: Wallets.OpenOptions): Result.Result<Checked, WalletError.WalletError> => {
  const { falsePositiveRate = defaultRate, falsePositives = false, firstBlock, id, priority = "normal" } = options
  if (!/^[a-z0-9_-]{1,64}$/.test(id)) {
    return badOption("id", id, "1 to 64 of the characters a-z, 0-9, - and _ are needed")
  }
  if (!Segment.priorities.includes(priority)) {
    return badOption("priority", priority, `one of ${Segment.priorities.join(", ")} is needed`)
  }
  if (!isFirstBlock(firstBlock)) {
    return badOption("firstBlock", JSON.stringify(firstBlock), "a height or a time in seconds since 1970 is needed")
  }
  if (!(falsePositiveRate >= minRate && falsePositiveRate <= maxRate)) {
    return badOption("falsePositiveRate", falsePositiveRate, `a number from ${minRate} to ${maxRate} is needed`)
  }
  const elements = [...options.elements]
  return Result.map(checkCount(elements.length), () => ({
    id,
    priority,
    firstBlock,
    elements,
    falsePositiveRate,
    falsePositives
  }))
}
