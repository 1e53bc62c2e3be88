/**
 * `flowee generate`: blocks on demand.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as HubHash from "../../domain/hub/HubHash.ts"
import * as HubRegTest from "../../domain/hub/HubRegTest.ts"
import * as Asking from "../hub/asking.ts"
import * as Known from "../hub/known.ts"
import * as Target from "../hub/target.ts"
import * as Report from "../terminal/report.ts"
import * as Address from "./address.ts"

/** The blocks were made, but are not on the best chain any more. */
class Overtaken extends Data.TaggedError("Overtaken")<{}> {
  override get message(): string {
    return "the Hub does not know the blocks that it made"
  }
}

const config = {
  count: Argument.Int("count").pipe(
    Argument.withDescription(`How many, 1 to ${HubRegTest.maxBlocks}. Default: 1`),
    Argument.filter(
      (count) => count >= 1 && count <= HubRegTest.maxBlocks,
      () => `a number from 1 to ${HubRegTest.maxBlocks}`
    ),
    Argument.withDefault(1)
  ),
  address: Flag.String("address").pipe(
    Flag.withMetavar("ADDRESS"),
    Flag.withDescription("Whom the blocks pay (CashAddr). Default: a new address, whose key is printed"),
    Flag.optional
  ),
  ...Target.flags
}

/** Whom the blocks pay; with the key when the address is a new one. */
const payee = (hub: Asking.Hub, address: Option.Option<string>) =>
  Option.match(address, {
    onNone: () => Address.make(hub),
    onSome: (text) =>
      Effect.flatMap(hub.network, (network) =>
        Effect.map(
          Known.parseAddress(text, network),
          (hash) => ({ hash, address: text, privateKey: undefined })
        ))
  })

/** The height of the first of blocks that follow each other. */
const firstHeight = (hub: Asking.Hub, hashes: ReadonlyArray<HubHash.BlockHash>) =>
  Effect.gen(function*() {
    const [hash] = hashes
    const header = hash === undefined ? Option.none() : yield* hub.blockHeader({ hash })
    return yield* Option.match(header, {
      onNone: () => Effect.fail(new Overtaken()),
      onSome: ({ height }) => Effect.succeed(height)
    })
  })

const made = Effect.fnUntraced(function*(hub: Asking.Hub, count: number, given: Option.Option<string>) {
  const { address, hash, privateKey } = yield* payee(hub, given)
  const hashes = yield* hub.generateBlocks({ address: hash, blocks: count })
  const first = yield* firstHeight(hub, hashes)
  const report: Report.Report = {
    rows: [
      ...hashes.map((hash, i) => [`block ${first + i}`, hash] as const),
      ["pays to", address],
      ...(privateKey === undefined ? [] : [["private key (throw-away)", privateKey] as const])
    ],
    json: { blocks: hashes.map((hash, i) => ({ height: first + i, hash })), address, privateKey }
  }
  return report
})

/** @internal */
export const generate = Command.make(
  "generate",
  config,
  ({ address, count, ...target }) =>
    Asking.ask(target, (hub) => made(hub, count, address)).pipe(Effect.flatMap(Report.print))
).pipe(
  Command.withDescription(`Has a Hub make blocks. That is for networks of one's own, such as that of "flowee hub".

  What a block pays can be spent when 100 blocks have followed it.`),
  Command.withShortDescription("Have blocks made"),
  Command.withExamples([
    { command: "flowee generate 3", description: "Three blocks, paid to a new address" },
    {
      command: "flowee generate 101 --address bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd",
      description: "As many as it takes until the first can be spent"
    }
  ])
)
