/**
 * `flowee address`: a new address, or what is known of one.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as HubAddress from "../../domain/hub/HubAddress.ts"
import * as Asking from "../hub/asking.ts"
import * as Known from "../hub/known.ts"
import * as Target from "../hub/target.ts"
import * as Hex from "../notation/hex.ts"
import * as Report from "../terminal/report.ts"

const config = {
  address: Argument.String("address").pipe(
    Argument.withDescription("An address (CashAddr). Default: a new one is made"),
    Argument.optional
  ),
  ...Target.flags
}

/**
 * A new address and what spends from it, as the Hub makes it.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(hub: Asking.Hub) {
  const network = yield* hub.network
  const { address: hash, privateKey } = yield* hub.createAddress
  return {
    hash,
    address: HubAddress.toCashAddress(hash, network),
    privateKey: Known.toWif(Redacted.value(privateKey), network)
  }
})

const created = Effect.fnUntraced(function*(hub: Asking.Hub) {
  const { address, hash, privateKey } = yield* make(hub)
  const report: Report.Report = {
    rows: [["address", address], ["hash", hash], ["private key (the Hub has seen it: throw it away)", privateKey]],
    json: { address, hash, privateKey }
  }
  return report
})

const described = Effect.fnUntraced(function*(hub: Asking.Hub, text: string) {
  const network = yield* hub.network
  const hash = yield* Known.parseAddress(text, network)
  const scriptHash = HubAddress.toScriptHash(hash)
  const hits = yield* hub.searchMempool({ scriptHashes: [scriptHash], withTxId: true })
  const waiting = hits.flatMap(({ txId }) => txId === undefined ? [] : [txId])
  const known = {
    address: HubAddress.toCashAddress(hash, network),
    hash,
    script: Hex.format(HubAddress.toScript(hash)),
    scriptHash
  }
  const report: Report.Report = {
    rows: [
      ["address", known.address],
      ["hash", hash],
      ["script", known.script],
      ["script hash", scriptHash],
      ...waiting.map((txId) => ["in the mempool", txId] as const)
    ],
    json: { ...known, mempool: waiting }
  }
  return report
})

/** @internal */
export const address = Command.make(
  "address",
  config,
  ({ address, ...target }) =>
    Asking.ask(target, (hub) =>
      Option.match(address, {
        onNone: () => created(hub),
        onSome: (text) => described(hub, text)
      })).pipe(Effect.flatMap(Report.print))
).pipe(
  Command.withDescription(`Makes a new address with its key, or says what is known of one.

  The key is made by the Hub, and everybody on the way could see it: it is for tests, and for no money at all.`),
  Command.withShortDescription("Make an address, or describe one"),
  Command.withExamples([
    { command: "flowee address", description: "A new one" },
    {
      command: "flowee address bchreg:qqysjzgfpyysjzgfpyysjzgfpyysjzgfpyfvdrnchd",
      description: "Its scripts, and what waits in the mempool for it"
    }
  ])
)
