/**
 * The ban list of a serving thread: that of the thread which started it, asked by messages.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as OptionRules from "../../domain/internal/optionRules.ts"
import * as PeerGroup from "../../domain/PeerGroup.ts"
import type * as BanList from "../../services/BanList.ts"
import type * as Asker from "./asker.ts"
import * as Protocol from "./protocol.ts"

const maxLag = 256

/** A ban without a duration gets that of the list. */
const banDuration = OptionRules.time(Duration.infinity, 1)

const keyOf = (target: BanList.Target): string => PeerGroup.key(PeerGroup.fromTarget(target))

/** The list, and how to tell it of bans that were made. @internal */
export interface RemoteBanList {
  readonly banList: BanList.BanList["Service"]
  readonly onBan: (ban: BanList.Ban) => void
}

/** @internal */
export const make = (asker: Asker.Asker): RemoteBanList => {
  const subscribers = new Set<(ban: BanList.Ban) => void>()
  const subscribe = (f: (ban: BanList.Ban) => void) =>
    Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => subscribers.add(f)),
      () => Effect.sync(() => subscribers.delete(f))
    ))
  return {
    onBan: (ban) => {
      for (const tell of [...subscribers]) tell(ban)
    },
    banList: {
      punish: (address, points, reason) =>
        Effect.map(
          asker.ask("punish", { address: NetAddress.formatSocketAddress(address), points, reason }),
          (verdict): BanList.Verdict =>
            verdict._tag === "Banned" ? { ...verdict, ban: Protocol.fromPlain(verdict.ban) } : verdict
        ),
      isBanned: (address) => asker.ask("isBanned", { address: NetAddress.formatSocketAddress(address) }),
      score: (address) => asker.ask("score", { address: NetAddress.formatSocketAddress(address) }),
      ban: (target, options) =>
        Effect.flatMap(
          Effect.fromResult(OptionRules.check("duration", banDuration, options?.duration)),
          (duration) =>
            asker.ask("ban", {
              group: keyOf(target),
              millis: options?.duration === undefined ? undefined : Duration.toMillis(duration),
              reason: options?.reason
            })
        ),
      unban: (target) => asker.ask("unban", { group: keyOf(target) }),
      list: Effect.map(asker.ask("list", {}), (bans) => bans.map(Protocol.fromPlain)),
      bans: Stream.callback<BanList.Ban>(
        (queue) => Effect.andThen(subscribe((ban) => void Queue.offerUnsafe(queue, ban)), Effect.never),
        { bufferSize: maxLag, strategy: "sliding" }
      ),
      subscribe
    }
  }
}
