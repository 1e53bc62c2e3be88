/**
 * The entries of ban lists in Redis, and the commands that read and change them.
 *
 * - `{prefix}:entries`, a hash: the standing of each group as JSON.
 * - `{prefix}:changed` and `{prefix}:removed`, sorted sets: each group with the revision of its last change. So whoever
 *   knows a revision can ask for what came after it.
 * - `{prefix}:about`, a hash: `epoch`, a random name that goes when the data goes; `revision`, the last one; and `floor`,
 *   the last revision whose removals are no longer known.
 *
 * The braces keep them together in a Redis Cluster.
 */
import * as Effect from "effect/Effect"
import * as Redis from "effect/persistence/Redis"
import type * as Punishment from "../../domain/Punishment.ts"
import * as Standing from "./standing.ts"

/** How many removed groups are remembered. Who has missed more reads everything. */
const removals = 10_000
const page = 500

/** @internal */
export const putScript = Redis.script(
  (prefix: string, group: string, expected: string, next: string, remember: number) => [
    `{${prefix}}:entries`,
    `{${prefix}}:changed`,
    `{${prefix}}:removed`,
    `{${prefix}}:about`,
    group,
    expected,
    next,
    remember
  ],
  {
    numberOfKeys: 4,
    lua: `
local entries, changed, removed, about = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local group, expected, next, remember = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local current = redis.call('HGET', entries, group) or ''
if current ~= expected then return {0, current} end
if current ~= next then
  local revision = redis.call('HINCRBY', about, 'revision', 1)
  if next ~= '' then
    redis.call('HSET', entries, group, next)
    redis.call('ZADD', changed, revision, group)
    redis.call('ZREM', removed, group)
  else
    redis.call('HDEL', entries, group)
    redis.call('ZREM', changed, group)
    redis.call('ZADD', removed, revision, group)
    if redis.call('ZCARD', removed) > remember then
      redis.call('HSET', about, 'floor', redis.call('ZPOPMIN', removed)[2])
    end
  end
end
return {1, redis.call('HLEN', entries)}
`
  }
).withReturnType<readonly [0, string] | readonly [1, number]>()

/** What Redis says of itself. @internal */
export interface About {
  /** Empty while there is none. */
  readonly epoch: string
  readonly revision: number
  readonly floor: number
}

/** A group and what Redis has of it; the text is empty when there is nothing. @internal */
export interface Change {
  readonly group: string
  readonly text: string
}

/** Text of an entry; empty for none. @internal */
export const format = (standing: Punishment.Standing | undefined): string =>
  standing === undefined ? "" : Standing.format(standing)

/** @internal */
export interface RedisEntries {
  readonly about: Effect.Effect<About, Redis.RedisError>
  /** Gives the data a name if it has none. */
  readonly name: (epoch: string) => Effect.Effect<void, Redis.RedisError>
  /** Puts `next` in place of `expected`: gives how many entries there are, or what is there instead. */
  readonly put: (
    group: string,
    expected: string,
    next: string
  ) => Effect.Effect<readonly [0, string] | readonly [1, number], Redis.RedisError>
  /** Goes through all that was changed or removed after a revision, in pages. */
  readonly since: (
    revision: number,
    onPage: (changes: ReadonlyArray<Change>) => Effect.Effect<void>
  ) => Effect.Effect<void, Redis.RedisError>
}

/** Of a number, or the text of one. */
const toNumber = (value: unknown): number => {
  const number = Number(value ?? 0)
  return Number.isFinite(number) ? number : 0
}

const toText = (value: unknown): string => value === null || value === undefined ? "" : String(value)

/**
 * @param bound what each command gets: a time limit
 * @internal
 */
export const make = (
  redis: Redis.Redis["Service"],
  prefix: string,
  bound: <A>(command: Effect.Effect<A, Redis.RedisError>) => Effect.Effect<A, Redis.RedisError>
): RedisEntries => {
  const entries = `{${prefix}}:entries`
  const about = `{${prefix}}:about`
  const put = redis.eval(putScript)
  const send = (command: string, ...args: ReadonlyArray<string>) => bound(redis.send(command, ...args))

  const pages = (
    key: string,
    revision: number,
    onPage: (groups: ReadonlyArray<string>) => Effect.Effect<void, Redis.RedisError>
  ): Effect.Effect<void, Redis.RedisError> =>
    Effect.flatMap(
      send("ZRANGEBYSCORE", key, `(${revision}`, "+inf", "WITHSCORES", "LIMIT", "0", String(page)),
      (reply) => {
        // Pairs come in one array, or each in its own: that depends on the version of the protocol.
        const flat = Array.isArray(reply) ? reply.flat() : []
        if (flat.length === 0) return Effect.void
        const groups = flat.filter((_, at) => at % 2 === 0).map(toText)
        const last = toNumber(flat.at(-1))
        const rest = groups.length < page || last <= revision ? Effect.void : pages(key, last, onPage)
        return Effect.andThen(onPage(groups), rest)
      }
    )

  return {
    about: Effect.map(send("HMGET", about, "epoch", "revision", "floor"), (reply) => {
      const [epoch, revision, floor] = Array.isArray(reply) ? reply : []
      return { epoch: toText(epoch), revision: toNumber(revision), floor: toNumber(floor) }
    }),
    name: (epoch) => Effect.asVoid(send("HSETNX", about, "epoch", epoch)),
    put: (group, expected, next) => bound(put(prefix, group, expected, next, removals)),
    since: (revision, onPage) =>
      Effect.andThen(
        pages(`{${prefix}}:changed`, revision, (groups) =>
          Effect.flatMap(send("HMGET", entries, ...groups), (reply) => {
            const texts = Array.isArray(reply) ? reply : []
            // What is gone again is found among the removed.
            return onPage(
              groups.map((group, at) => ({ group, text: toText(texts[at]) })).filter(({ text }) => text !== "")
            )
          })),
        // Read last, so that a removal comes after the change before it.
        pages(`{${prefix}}:removed`, revision, (groups) => onPage(groups.map((group) => ({ group, text: "" }))))
      )
  }
}
