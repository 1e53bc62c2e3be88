/**
 * The classic example: asks a Hub for its version and for a new address.
 *
 *     npm start
 *     npm start -- --hub HOST:PORT --cookie-file FILE
 *
 * Without `--hub` the Hub runs in this process, on a free port of this machine, and lets in who has its cookie.
 */
import { Duration, Effect } from "effect"
import { Command } from "effect/cli"
import { HubClient } from "effect-flowee"
import * as Account from "./support/account.ts"
import * as Cli from "./support/cli.ts"
import * as Patience from "./support/patience.ts"
import * as Report from "./support/report.ts"
import * as Target from "./support/target.ts"

/** How long to wait is for the command line to say, and a lost connection is for the next try. */
const patient = { timeout: Duration.infinity, retries: Number.POSITIVE_INFINITY }

const newAddress = Effect.fnUntraced(function*(options: Cli.Options) {
  const hub = yield* HubClient.make({ ...(yield* Target.Target), ...patient })

  return yield* Effect.gen(function*() {
    const version = yield* hub.version
    const created = yield* hub.createAddress
    const network = yield* Account.askNetwork(hub)
    return { hub: hub.connection.endPoint, version, ...Account.make(created, network) }
  }).pipe(Patience.giveUpAfter(hub.connection, options.timeout))
})

const classic = Command.make("classic", Cli.flags, (options) =>
  newAddress(options).pipe(
    Effect.flatMap((answer) => Report.print(answer, options)),
    Effect.scoped,
    Effect.provide(Target.layer(options))
  )).pipe(Command.withDescription("Asks a Hub for its version and for a new address."))

Cli.run(classic)
