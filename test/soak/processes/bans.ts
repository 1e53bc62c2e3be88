import { Effect } from "effect"
import { NetAddress } from "effect/net"
import type * as BanList from "../../../src/services/BanList.ts"

const loopback = NetAddress.inetAddressFromStringUnsafe("127.0.0.1:1")

/** Bans all clients for a while. Nobody waits for the end of the ban: it is lifted. */
export const loopbackFor = (banList: BanList.BanList["Service"], millis: number): Effect.Effect<void> =>
  banList.ban(loopback, { reason: "a fault of the soak" }).pipe(
    Effect.andThen(Effect.sleep(millis)),
    Effect.andThen(banList.unban(loopback)),
    Effect.orDie,
    Effect.asVoid
  )
