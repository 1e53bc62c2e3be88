/**
 * Where a peer is reached: a host and a port, or the path of a Unix socket.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Host from "effect/net/Host"
import * as NetAddress from "effect/net/NetAddress"
import * as Result from "effect/Result"

/**
 * A name or IP address with a port, or a Unix socket.
 *
 * @category models
 * @since 0.1.0
 */
export type EndPoint = Host.HostPort | NetAddress.UnixPathAddress

/**
 * What an end point can be made from: `"host:port"`, `"[::1]:port"`, `"unix:/path"`, the parts, or an address.
 *
 * @category models
 * @since 0.1.0
 */
export type Input =
  | string
  | EndPoint
  | NetAddress.InetAddress
  | { readonly host: string; readonly port: number }
  | { readonly path: string }

/**
 * A text or value that names no end point.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadEndPoint extends Data.TaggedError("BadEndPoint")<{
  readonly input: string
  readonly problem: string
}> {
  override get message(): string {
    return `"${this.input}" is no end point (${this.problem}); write host:port, [ipv6]:port or unix:/path`
  }
}

const unixPrefix = /^unix:(?:\/\/(?=\/))?/

const fromParts = (host: string, port: number): Result.Result<EndPoint, BadEndPoint> =>
  Result.mapError(
    Result.flatMap(Host.hostFromString(host), (parsed) => Host.hostPort(parsed, port)),
    (error) => new BadEndPoint({ input: `${host}:${port}`, problem: error.message })
  )

const fromString = (text: string): Result.Result<EndPoint, BadEndPoint> => {
  if (unixPrefix.test(text)) return fromPath(text.replace(unixPrefix, ""))
  return Result.mapError(
    Host.hostPortFromString(text),
    (error) => new BadEndPoint({ input: text, problem: error.message })
  )
}

const fromPath = (path: string): Result.Result<EndPoint, BadEndPoint> => {
  const length = new TextEncoder().encode(path).length
  return length > 0 && length < 108 && !path.includes("\0")
    ? Result.succeed(NetAddress.unixPathAddress(path))
    : Result.fail(new BadEndPoint({ input: path, problem: "a socket path has 1 to 107 bytes, and none of them is 0" }))
}

/**
 * Makes an end point, or says what is wrong with the input.
 *
 * **Example** (End points from text)
 *
 * ```ts
 * import { EndPoint } from "effect-flowee"
 *
 * const hub = EndPoint.fromInput("localhost:1235")
 * const local = EndPoint.fromInput("unix:/run/hub.sock")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromInput = (input: Input): Result.Result<EndPoint, BadEndPoint> => {
  if (typeof input === "string") return fromString(input)
  if (Host.isHostPort(input) || NetAddress.isUnixPathAddress(input)) return Result.succeed(input)
  if (NetAddress.isInetAddress(input)) return fromParts(NetAddress.formatHost(input), input.port)
  return "path" in input ? fromPath(input.path) : fromParts(input.host, input.port)
}

/**
 * Writes an end point as text that {@link fromInput} reads.
 *
 * @category conversions
 * @since 0.1.0
 */
export const format = (self: EndPoint): string =>
  NetAddress.isUnixPathAddress(self) ? formatPath(self.path) : Host.formatHostPort(self)

// Two slashes at the beginning of a path would be read as those of `unix://`.
const formatPath = (path: string): string => path.startsWith("//") ? `unix://${path}` : `unix:${path}`
