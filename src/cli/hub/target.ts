/**
 * Which Hub a command talks to, and how long it waits for it.
 */
import * as Flag from "effect/cli/Flag"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import type * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as EndPoint from "../../domain/EndPoint.ts"
import * as Network from "../../domain/Network.ts"

/**
 * Where `flowee hub` listens unless told otherwise, and where the other commands look for it.
 *
 * @internal
 */
export const defaultPort = Network.regtest.hubPort

/** @internal */
export const defaultHost = "127.0.0.1"

const parse = (text: string): EndPoint.EndPoint => Result.getOrThrow(EndPoint.fromInput(text))

/**
 * The reading of an end point, for flags and arguments.
 *
 * @internal
 */
export const parseEndPoint = (text: string): EndPoint.EndPoint => parse(text)

/** @internal */
export const explainEndPoint = (error: unknown): string => error instanceof Error ? error.message : String(error)

/** @internal */
export const defaultEndPoint: EndPoint.EndPoint = parse(`${defaultHost}:${defaultPort}`)

/** @internal */
export interface Target {
  readonly hub: EndPoint.EndPoint
  readonly cookieFile: Option.Option<string>
  readonly timeout: Duration.Duration
}

/** @internal */
export const timeout = Flag.Finite("timeout").pipe(
  Flag.withMetavar("SECONDS"),
  Flag.withDescription("How long to wait for the Hub, one that is starting included. Default: 10"),
  Flag.filter((seconds) => seconds > 0 && seconds <= 86_400, () => "seconds, more than 0 and at most 86400"),
  Flag.map(Duration.seconds),
  Flag.withDefault(Duration.seconds(10))
)

/** @internal */
export const cookieFile = Flag.Path("cookie-file").pipe(
  Flag.withMetavar("FILE"),
  Flag.withDescription("Log in with the cookie of this file. Default: FLOWEE_COOKIE_FILE, or no login"),
  Flag.withFallbackConfig(Config.String("FLOWEE_COOKIE_FILE")),
  Flag.optional
)

/**
 * The flags of a command that talks to a Hub.
 *
 * @internal
 */
export const flags = {
  hub: Flag.String("hub").pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription(`Where the Hub is. Default: FLOWEE_HUB, or ${EndPoint.format(defaultEndPoint)}`),
    Flag.withFallbackConfig(Config.String("FLOWEE_HUB")),
    Flag.mapTryCatch(parseEndPoint, explainEndPoint),
    Flag.withDefault(defaultEndPoint)
  ),
  cookieFile,
  timeout
}
