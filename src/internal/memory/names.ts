/**
 * The names of the network, and how often they were looked up.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"

interface Entry {
  readonly answer: ReadonlyArray<NetAddress.IpAddress> | Dns.DnsErrorReason
  readonly delay: Duration.Input
}

/** @internal */
export class Names {
  readonly #entries = new Map<string, Entry>()
  readonly #lookups = new Map<string, number>()

  /** Throws on what is no name or no address: a mistake in the test. */
  setUnsafe(
    name: string,
    answer: ReadonlyArray<NetAddress.IpAddressInput> | Dns.DnsErrorReason,
    delay: Duration.Input = 0
  ): void {
    this.#entries.set(keyUnsafe(name), {
      answer: typeof answer === "string" ? answer : answer.map(NetAddress.ipFromInputUnsafe),
      delay
    })
  }
  countUnsafe(name: string): number {
    return this.#lookups.get(keyUnsafe(name)) ?? 0
  }
  /** Looks names up in this table, which may change between one look-up and the next. */
  dns(sleep: (delay: Duration.Input) => Effect.Effect<void>): Dns.Dns["Service"] {
    return Dns.make({
      lookup: (name) =>
        Effect.suspend(() => {
          const key = keyUnsafe(name)
          this.#lookups.set(key, (this.#lookups.get(key) ?? 0) + 1)
          return Effect.andThen(sleep(this.#entries.get(key)?.delay ?? 0), Effect.suspend(() => this.#answer(key)))
        })
    })
  }
  #answer(key: string): Effect.Effect<ReadonlyArray<NetAddress.IpAddress>, Dns.DnsError> {
    const answer = this.#entries.get(key)?.answer ?? []
    return typeof answer === "string"
      ? Effect.fail(new Dns.DnsError({ reason: answer, method: "lookup", hostname: key }))
      : Effect.succeed(answer)
  }
}

/** A dot at the end says that a name is complete, which here they all are. */
const keyUnsafe = (name: string): string => Host.domainNameFromStringUnsafe(name).replace(/\.$/, "")
