/**
 * `flowee bans`: who is banned, in the file of a server.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as IpNetwork from "effect/net/IpNetwork"
import * as NetAddress from "effect/net/NetAddress"
import * as PeerGroup from "../../domain/PeerGroup.ts"
import * as Punishment from "../../domain/Punishment.ts"
import * as NodeBanList from "../../layers/NodeBanList.ts"
import * as BanList from "../../services/BanList.ts"
import * as BanListFile from "../../services/BanListFile.ts"
import * as Known from "../hub/known.ts"
import * as Json from "../notation/json.ts"
import * as TextValue from "../notation/textValue.ts"
import * as JsonFlag from "../terminal/json.ts"
import * as Output from "../terminal/output.ts"
import * as Report from "../terminal/report.ts"

const file = Flag.Path("file").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription(
    "The ban file of the server. Default: FLOWEE_BANS, or where servers of this user keep it (flowee/bans in their state folder)"
  ),
  Flag.withFallbackConfig(Config.String("FLOWEE_BANS")),
  Flag.optional
)

const target: Known.Reading<BanList.Target> = {
  parse: (text) =>
    text.includes("/")
      ? Result.getSuccess(IpNetwork.fromString(text))
      : Result.getSuccess(NetAddress.ipFromString(text)),
  expected: "an IP address, or a network such as 203.0.113.0/24"
}

const duration: Known.Reading<Duration.Duration> = {
  parse: (text) =>
    text === "ever"
      ? Option.some(Duration.infinity)
      : Option.filter(Duration.fromInput(text as Duration.Input), (duration) => Duration.toMillis(duration) >= 1),
  expected: `a duration such as "90 minutes" or "7 days", or "ever"`
}

const who = Known.argument("who", target).pipe(
  Argument.withDescription("An IP address (of an IPv6 address, its /64), or a network such as 203.0.113.0/24")
)

/** Nobody of that name is banned. */
class NotBanned extends Data.TaggedError("NotBanned")<{
  readonly group: PeerGroup.PeerGroup
  readonly around: ReadonlyArray<PeerGroup.PeerGroup>
}> {
  override get message(): string {
    const around = this.around.map(PeerGroup.format).join(", ")
    return `${PeerGroup.format(this.group)} is not banned${
      around === "" ? "" : `, but the network around it is: ${around}`
    }`
  }
}

/** A ban list over the file. It forgets nothing that the server would keep. */
const opened = (path: Option.Option<string>) =>
  BanList.layer().pipe(
    Layer.provideMerge(BanListFile.layer({
      path: Option.getOrElse(path, NodeBanList.defaultPath),
      maxEntries: 10_000_000,
      keepPoints: Duration.infinity
    }))
  )

/** Written when the command says so: a server that uses the file sees it a moment later. */
const save = BanListFile.BanListFile.use((file) => file.save)

const makeFolder = BanListFile.BanListFile.use((file) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    yield* fs.makeDirectory(path.dirname(file.path), { recursive: true })
  })
)

const isForEver = (until: DateTime.Utc): boolean => DateTime.toEpochMillis(until) >= Punishment.forever

const secondsOf = (until: DateTime.Utc): number => Math.floor(DateTime.toEpochMillis(until) / 1000)

/** Times are seconds since 1970; `null` is never. */
const toJson = ({ group, reason, until }: BanList.Ban) => ({
  group: PeerGroup.format(group),
  until: isForEver(until) ? null : secondsOf(until),
  reason
})

const untilOf = (until: DateTime.Utc): string =>
  isForEver(until) ? "for ever" : `until ${DateTime.formatIso(until).slice(0, 16).replace("T", " ")} UTC`

const table = (bans: ReadonlyArray<BanList.Ban>): ReadonlyArray<string> => {
  const rows = bans.map(({ group, reason, until }) => [PeerGroup.format(group), untilOf(until), reason] as const)
  const widthOf = (column: 0 | 1) => Math.max(0, ...rows.map((row) => row[column].length))
  const [first, second] = [widthOf(0), widthOf(1)]
  return rows.map(([group, until, reason]) =>
    TextValue.printable(`${group.padEnd(first)}  ${until.padEnd(second)}  ${reason}`.trimEnd())
  )
}

const banOf = (group: PeerGroup.PeerGroup) =>
  Effect.map(
    BanList.BanList.use(({ list }) => list),
    (bans) => bans.find((ban) => PeerGroup.key(ban.group) === PeerGroup.key(group))
  )

const list = Command.make("list", { file }, ({ file }) =>
  Effect.gen(function*() {
    const bans = yield* BanList.BanList.use(({ list }) => list)
    if (yield* JsonFlag.Json) {
      return yield* Output.printLines(Stream.map(Stream.fromIterable(bans), (ban) => Json.format(toJson(ban))))
    }
    if (bans.length === 0) return yield* Output.note("nobody is banned")
    yield* Output.printLines(Stream.fromIterable(table(bans)))
  }).pipe(Effect.provide(opened(file)))).pipe(
    Command.withDescription("Lists the bans that are in force: whom they cover, until when, and why."),
    Command.withShortDescription("Who is banned"),
    Command.withExamples([
      { command: "flowee bans list", description: "On this machine" },
      {
        command: "flowee bans list --file /var/lib/hub/bans --json",
        description: "Of a server of one's own, for programs"
      }
    ])
  )

const add = Command.make("add", {
  who,
  duration: Flag.String("for").pipe(
    Flag.withMetavar("DURATION"),
    Flag.withDescription(`How long, such as "90 minutes" or "7 days", or "ever". Default: 24 hours`),
    Flag.filterMap(duration.parse, () => duration.expected),
    Flag.optional
  ),
  reason: Flag.String("reason").pipe(
    Flag.withMetavar("TEXT"),
    Flag.withDescription("Why, for whoever reads the list"),
    Flag.withDefault("")
  ),
  file
}, ({ duration, file, reason, who }) =>
  Effect.gen(function*() {
    const group = PeerGroup.fromTarget(who)
    yield* makeFolder
    yield* BanList.BanList.use((banList) => banList.ban(who, { duration: Option.getOrUndefined(duration), reason }))
    yield* save
    const ban = yield* banOf(group)
    if (ban === undefined) return
    yield* Report.print({ rows: [["banned", `${PeerGroup.format(group)} ${untilOf(ban.until)}`]], json: toJson(ban) })
  }).pipe(Effect.provide(opened(file)))).pipe(
    Command.withDescription(
      "Bans an address or a network, in place of a ban it has. A server that uses the file closes its connections within a second."
    ),
    Command.withShortDescription("Ban an address or a network"),
    Command.withExamples([
      { command: "flowee bans add 203.0.113.9", description: "For 24 hours" },
      { command: `flowee bans add 203.0.113.0/24 --for "7 days" --reason "abuse report"`, description: "A network" }
    ])
  )

const remove = Command.make("remove", { who, file }, ({ file, who }) =>
  Effect.gen(function*() {
    const group = PeerGroup.fromTarget(who)
    const banList = yield* BanList.BanList
    const wasBanned = yield* banList.unban(who)
    yield* save
    if (!wasBanned) {
      const around = new Set(PeerGroup.covering(group))
      const bans = yield* banList.list
      return yield* new NotBanned({
        group,
        around: bans.map((ban) => ban.group).filter((group) => around.has(PeerGroup.key(group)))
      })
    }
    yield* Report.print({
      rows: [["no longer banned", PeerGroup.format(group)]],
      json: { group: PeerGroup.format(group), removed: true }
    })
  }).pipe(Effect.provide(opened(file)))).pipe(
    Command.withDescription(
      "Lifts the ban of exactly this address or network, and forgives its points. Fails when it is not banned."
    ),
    Command.withShortDescription("Lift a ban"),
    Command.withExamples([{ command: "flowee bans remove 203.0.113.0/24", description: "As it is listed" }])
  )

/** @internal */
export const bans = Command.make("bans").pipe(
  Command.withDescription(`Lists and changes the bans of a server that keeps them in a file, while it runs or not.

  A server that runs takes changes over within a second.`),
  Command.withShortDescription("Who is banned from a server"),
  Command.withSubcommands([list, add, remove]),
  Command.withExamples([{ command: "flowee bans list", description: "Who is banned" }])
)
