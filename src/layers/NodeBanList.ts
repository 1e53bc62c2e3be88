/**
 * Ban lists that last, on Node.js: in a file, or shared by machines through Redis.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redis from "effect/persistence/Redis"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Os from "node:os"
import * as Path from "node:path"
import * as process from "node:process"
import type * as Punishment from "../domain/Punishment.ts"
import * as BanList from "../services/BanList.ts"
import * as BanListFile from "../services/BanListFile.ts"
import * as BanListRedis from "../services/BanListRedis.ts"
import * as NetworkConfig from "../services/NetworkConfig.ts"

/**
 * Where servers of this user keep their bans, unless told otherwise: `FLOWEE_BANS` of the environment, or `flowee/bans`
 * in `XDG_STATE_HOME`, which is `~/.local/state` unless it is set.
 *
 * @category getters
 * @since 0.1.0
 */
export const defaultPath = (): string => {
  const { FLOWEE_BANS: path, XDG_STATE_HOME: state } = process.env
  if (path !== undefined && path !== "") return path
  const root = state !== undefined && Path.isAbsolute(state) ? state : Path.join(Os.homedir(), ".local", "state")
  return Path.join(root, "flowee", "bans")
}

/**
 * Options of {@link layerFile}.
 *
 * @category models
 * @since 0.1.0
 */
export interface FileOptions extends Omit<BanListFile.Options, "path">, Punishment.Options {
  /** Where the file is. Its folder is made when it is missing. Default: {@link defaultPath}. */
  readonly path?: string | undefined
}

const makeFolder = (path: string): Effect.Effect<void, BanListFile.BanFileError, FileSystem.FileSystem> =>
  FileSystem.FileSystem.use((fs) => fs.makeDirectory(Path.dirname(path), { recursive: true })).pipe(
    Effect.mapError((cause) => new BanListFile.BanFileError({ problem: "Unwritable", path, cause }))
  )

/**
 * A ban list in a file: it survives restarts, and `flowee bans` lists and changes it.
 *
 * **Example** (A file of one's own)
 *
 * ```ts
 * import * as NodeBanList from "effect-flowee/NodeBanList"
 *
 * const Bans = NodeBanList.layerFile({ path: "/var/lib/hub/bans", banDuration: "7 days" })
 * ```
 *
 * @see {@link BanListFile} for what is promised
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  options: FileOptions = {}
): Layer.Layer<
  BanList.BanList | BanListFile.BanListFile,
  NetworkConfig.BadOption | BanListFile.BanFileError
> =>
  Layer.unwrap(Effect.sync(() => {
    const path = options.path ?? defaultPath()
    return BanList.layer(options).pipe(
      Layer.provideMerge(Layer.effectContext(Effect.andThen(makeFolder(path), BanListFile.make({ ...options, path })))),
      Layer.provide(NodeFileSystem.layer)
    )
  }))

/**
 * Options of {@link layerRedis}.
 *
 * @category models
 * @since 0.1.0
 */
export interface RedisOptions extends BanListRedis.Options, Punishment.Options {
  /** Where Redis is: `redis://`, or `rediss://` with TLS, with its user and password if it needs them. */
  readonly url: string | Redacted.Redacted<string>
}

/** No answer at all for so long means that the connection is dead. Something is asked for much more often. */
const deadAfter = 5000
/** Commands that wait for their answers at once. */
const maxCommands = 10_000

/** A server that does not know a command repeats what came with it: the password, when it is asked to log somebody in. */
const withoutSecrets = (cause: Cause.Cause<Redis.RedisError>, url: string): Redis.RedisError => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))?.cause ?? Cause.squash(cause)
  const { password } = new URL(url)
  const said = error instanceof Error ? error.message || error.name : String(error)
  const hidden = [password, decodeURIComponent(password)].filter((secret) => secret.length > 0)
  return new Redis.RedisError({
    cause: new Error(hidden.reduce((text, secret) => text.replaceAll(secret, "<redacted>"), said))
  })
}

/** `decodeURIComponent` refuses what the client of Redis would refuse too. */
const isUrl = (url: string): boolean => {
  try {
    const { password, protocol } = new URL(url)
    decodeURIComponent(password)
    return protocol === "redis:" || protocol === "rediss:"
  } catch {
    return false
  }
}

/** A connection that ends when it fails: who uses it makes a new one. */
const connection = (url: string): Layer.Layer<Redis.Redis, Redis.RedisError> =>
  Layer.unwrap(Effect.map(
    // Whoever has no use for it need not have the package that this one stands on.
    Effect.promise(() => import("@effect/platform-node/NodeRedis")),
    (NodeRedis) =>
      Layer.effectContext(Effect.gen(function*() {
        const scope = yield* Scope.make()
        const connecting = yield* Effect.acquireRelease(
          Effect.forkDetach(Layer.buildWithScope(
            NodeRedis.layer({
              url,
              disableOfflineQueue: true,
              commandsQueueMaxLength: maxCommands,
              socket: { reconnectStrategy: false, connectTimeout: deadAfter, socketTimeout: deadAfter }
            }),
            scope
          )),
          // A client that is still connecting, or waits for an answer, closes when the other end likes.
          (connecting, exit) => Effect.forkDetach(Effect.andThen(Fiber.interrupt(connecting), Scope.close(scope, exit)))
        )
        const context = yield* Effect.catchCauseIf(
          Fiber.join(connecting),
          (cause) => !Cause.hasInterruptsOnly(cause),
          (cause) => Effect.fail(withoutSecrets(cause, url))
        )
        const { client } = Context.get(context, NodeRedis.NodeRedis)
        yield* Effect.addFinalizer(() => Effect.sync(() => void (client.isOpen && client.destroy())))
        return context
      }))
  )).pipe(
    // That Redis is away is said once, and not again at each try.
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "None"))
  )

/**
 * A ban list that machines share through Redis: what one bans, all turn away within a second. A Redis that is down, at
 * the start or later, is waited for, with bans in memory meanwhile.
 *
 * **Details**
 *
 * It needs the package `redis`, which npm installs with `@effect/platform-node`.
 *
 * **Example** (Hubs behind one address)
 *
 * ```ts
 * import { Layer } from "effect"
 * import { NetworkConfig, NodeBanList, NodeNetwork } from "effect-flowee"
 *
 * const Network = NodeNetwork.layerNoBans.pipe(
 *   Layer.provideMerge(NodeBanList.layerRedis({ url: "redis://bans.internal:6379", prefix: "hubs:bans" })),
 *   Layer.provideMerge(NetworkConfig.layer())
 * )
 * ```
 *
 * @see {@link BanListRedis} for what is promised
 * @category layers
 * @since 0.1.0
 */
export const layerRedis = (options: RedisOptions): Layer.Layer<BanList.BanList, NetworkConfig.BadOption> => {
  const url = Redacted.isRedacted(options.url) ? Redacted.value(options.url) : options.url
  if (!isUrl(url)) {
    const problem = "redis://host:port or rediss://host:port is needed, with user and password in their escaped form"
    // The value may hold a password.
    const error = new NetworkConfig.BadOption({ option: "url", value: "<redacted>", problem })
    return Layer.effect(BanList.BanList, Effect.fail(error))
  }
  return Layer.provide(BanList.layer(options), BanListRedis.layerReconnect(connection(url), options))
}
