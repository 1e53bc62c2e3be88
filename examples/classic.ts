/**
 * The classic example: asks a Hub for its version and for a new address.
 *
 *     npm start
 *     npm start -- --hub HOST:PORT --cookie-file FILE
 *
 * Without `--hub` the Hub runs in this process, on a free port of this machine, and lets in who has its cookie.
 */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { HubCommand, HubTag, NetworkManager } from "effect-flowee"
import * as Account from "./support/account.ts"
import { ask, askChain } from "./support/ask.ts"
import * as Cli from "./support/cli.ts"
import * as Patience from "./support/patience.ts"
import * as Report from "./support/report.ts"
import * as Target from "./support/target.ts"

const newAddress = Effect.fnUntraced(function*(options: Cli.Options) {
  const manager = yield* NetworkManager.NetworkManager
  const { endPoint, login } = yield* Target.Target
  const hub = yield* manager.connect(endPoint, { login })

  return yield* Effect.gen(function*() {
    const version = yield* ask(hub, HubCommand.version)
    const created = yield* ask(hub, HubCommand.createAddress)
    return {
      hub: hub.endPoint,
      version: yield* version.text(HubTag.genericData),
      ...Account.make({
        chain: yield* askChain(hub),
        addressHash: yield* created.bytes(HubTag.address, 20),
        privateKey: yield* created.bytes(HubTag.privateKey, 32)
      })
    }
  }).pipe(Patience.giveUpAfter(hub, options.timeout))
})

const classic = Command.make("classic", Cli.flags, (options) =>
  newAddress(options).pipe(
    Effect.flatMap((answer) => Report.print(answer, options)),
    Effect.scoped,
    Effect.provide(Target.layer(options))
  )).pipe(Command.withDescription("Asks a Hub for its version and for a new address."))

Cli.run(classic)
