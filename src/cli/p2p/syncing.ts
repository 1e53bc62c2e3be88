/**
 * How the synchronisation of headers is told: as it goes, and what came of it.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as HashHex from "../../domain/p2p/HashHex.ts"
import * as HeaderChain from "../../services/p2p/HeaderChain.ts"
import * as HeaderSync from "../../services/p2p/HeaderSync.ts"
import * as PeerManager from "../../services/p2p/PeerManager.ts"
import * as Json from "../notation/json.ts"
import * as JsonFlag from "../terminal/json.ts"
import * as Output from "../terminal/output.ts"
import * as Report from "../terminal/report.ts"
import * as Progress from "./progress.ts"

/**
 * Nobody said anything new for too long.
 *
 * @internal
 */
export class NoProgress extends Data.TaggedError("NoProgress")<{
  readonly after: Duration.Duration
  readonly lastFailure: string | undefined
}> {
  override get message(): string {
    const why = this.lastFailure === undefined ? "" : ` (${this.lastFailure})`
    return `no peer said anything new for ${Duration.format(this.after)}${why}`
  }
}

/**
 * Where the chain is, and who is there.
 *
 * @internal
 */
export const standing = Effect.gen(function*() {
  const { hash, height } = yield* (yield* HeaderChain.HeaderChain).tip
  const peers = yield* (yield* PeerManager.PeerManager).peers
  return { height, hash: HashHex.format(hash), peers: peers.length }
})

type Standing = Effect.Success<typeof standing>

/** @internal */
export const printStanding = ({ hash, height, peers }: Standing) =>
  Report.print({
    rows: [["height", String(height)], ["hash", hash], ["peers", String(peers)]],
    json: { height, hash, peers }
  })

/**
 * What came of attempts to have peers: the last reason for which somebody could not be reached, which a person needs to
 * know when nobody is, and where somebody was or was not.
 *
 * @internal
 */
export const attempts = Effect.gen(function*() {
  const manager = yield* PeerManager.PeerManager
  const state: { lastFailure: string | undefined; readonly known: Set<string> } = {
    lastFailure: undefined,
    known: new Set()
  }
  yield* Effect.forkScoped(
    Stream.runForEach(manager.events, (event) =>
      Effect.sync(() => {
        if (event._tag === "Failed" || event._tag === "Left") state.lastFailure = event.reason.message
        if (event._tag === "Failed") state.known.add(event.endPoint)
        if (event._tag === "Joined") state.known.add(event.peer.endPoint)
      })),
    { startImmediately: true }
  )
  for (const { endPoint } of yield* manager.peers) state.known.add(endPoint)
  return state
})

/** How long others are waited for when somebody has told where the tip is. */
const grace = "5 seconds"

const look = Schedule.spaced("50 millis")

/**
 * Waits until the chain is at the tip. The first peer is not taken at its word: the others that are awaited are heard
 * too, if they come soon. Fails when nothing new is heard for too long.
 *
 * @internal
 */
export const untilSynced = Effect.fnUntraced(function*({ awaited, tell, timeout }: {
  /** How many peers are heard, if there are so many. */
  readonly awaited: number
  readonly timeout: Duration.Duration
  readonly tell: (status: HeaderSync.SyncStatus) => Effect.Effect<void>
}) {
  const sync = yield* HeaderSync.HeaderSync
  const attempted = yield* attempts
  const areKnown = Effect.sync(() => attempted.known.size >= awaited)
  const othersHeard = Effect.timeoutOption(
    Effect.repeat(areKnown, { until: (areKnown) => areKnown, schedule: look }),
    grace
  )
  const pull = yield* Stream.toPull(sync.changes)
  // Who comes and goes again and again brings nothing new.
  let reached = { height: -1, known: -1, at: yield* Clock.currentTimeMillis }
  while (true) {
    const statuses = yield* Effect.timeoutOrElse(Effect.orDie(pull), {
      duration: reached.at + Duration.toMillis(timeout) - (yield* Clock.currentTimeMillis),
      orElse: () => Effect.suspend(() => new NoProgress({ after: timeout, lastFailure: attempted.lastFailure }))
    })
    for (const status of statuses) {
      yield* tell(status)
      const { height } = status
      const known = attempted.known.size
      if (height > reached.height || known > reached.known) {
        reached = { height: Math.max(height, reached.height), known, at: yield* Clock.currentTimeMillis }
      }
      if (status._tag !== "Synced") continue
      yield* othersHeard
      if ((yield* sync.status)._tag === "Synced") return
    }
  }
})

/** How often the bar is drawn, in milliseconds. */
const frame = 100

/**
 * Draws a bar on standard error, where a person looks at it.
 *
 * @internal
 */
export const progressBar = Effect.gen(function*() {
  const { canColor } = yield* TerminalCapabilities.TerminalCapabilities
  const manager = yield* PeerManager.PeerManager
  const stdio = yield* Stdio.Stdio
  const palette = yield* Output.palette
  const isJson = yield* JsonFlag.Json
  if (!canColor || isJson) return { tell: () => Effect.void, end: Effect.void }
  const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr()))
  const start = { at: yield* Clock.currentTimeMillis, height: -1 }
  let drawn = 0
  const tell = Effect.fnUntraced(function*(status: HeaderSync.SyncStatus) {
    if (status._tag === "Alone") return
    const now = yield* Clock.currentTimeMillis
    if (start.height < 0) start.height = status.height
    if (now - drawn < frame && status._tag === "Syncing") return
    drawn = now
    const peers = yield* manager.peers
    const speed = Math.round((status.height - start.height) * 1000 / Math.max(1, now - start.at))
    const of = status._tag === "Syncing" ? status.target : status.height
    const remark = `height ${status.height}  ${speed} headers/s  ${peers.length} peers`
    yield* write(Progress.rewrite(Progress.format({ done: status.height, of, remark }, palette)))
  })
  return { tell, end: write("\n") }
})

/**
 * Tells of each new tip until the command is ended.
 *
 * @internal
 */
export const follow = Effect.gen(function*() {
  const chain = yield* HeaderChain.HeaderChain
  const isJson = yield* JsonFlag.Json
  const { good } = yield* Output.palette
  const lines = Stream.mapEffect(chain.events, (event) =>
    Effect.map(standing, (standing) => {
      const gone = event._tag === "Reorganised" ? event.disconnected.length : 0
      if (isJson) return Json.format({ ...standing, disconnected: gone })
      const lost = gone === 0 ? "" : `  (${gone} blocks gave way)`
      return `${good("block")}  ${standing.height}  ${standing.hash}${lost}`
    }))
  yield* Output.printLines(lines)
})
