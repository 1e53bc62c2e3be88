/**
 * What the errors of Node's sockets mean for a connection.
 */
import { TransportError } from "../../services/Transport.ts"

type Problem = TransportError["problem"]

/** Where in its life a socket failed: during a TLS handshake a cut means something else. */
type Stage = "Plain" | "Handshake"

const problems: ReadonlyMap<string, Problem> = new Map<string, Problem>([
  ["ENOTFOUND", "NameNotFound"],
  ["EAI_AGAIN", "NameNotFound"],
  ["ECONNREFUSED", "Refused"],
  // A Unix socket: no such file, and more waiting to be accepted than its listener allows.
  ["ENOENT", "Refused"],
  ["EAGAIN", "Refused"],
  ["EHOSTUNREACH", "Unreachable"],
  ["ENETUNREACH", "Unreachable"],
  ["EHOSTDOWN", "Unreachable"],
  ["ENETDOWN", "Unreachable"],
  ["EADDRNOTAVAIL", "Unreachable"],
  ["ETIMEDOUT", "TimedOut"],
  ["ECONNRESET", "Reset"],
  ["ECONNABORTED", "Reset"],
  ["ENOTCONN", "Reset"],
  ["EPIPE", "Reset"],
  ["EADDRINUSE", "AddressInUse"],
  ["EACCES", "AccessDenied"],
  ["EPERM", "AccessDenied"],
  ["EPROTO", "TlsFailed"]
])

const problemOf = (cause: unknown): Problem => {
  if (!(cause instanceof Error) || !("code" in cause) || typeof cause.code !== "string") return "Other"
  if (cause.code.startsWith("ERR_SSL_") || cause.code.startsWith("ERR_TLS_")) return "TlsFailed"
  return problems.get(cause.code) ?? "Other"
}

/** A peer that speaks no TLS, or dislikes our certificate, mostly just hangs up. */
const inHandshake = (problem: Problem): Problem =>
  problem === "TimedOut" || problem === "Unreachable" ? problem : "TlsFailed"

/** @internal */
export const fromCause = (cause: unknown, address: string, stage: Stage = "Plain"): TransportError => {
  const problem = problemOf(cause)
  return new TransportError({ problem: stage === "Handshake" ? inHandshake(problem) : problem, address, cause })
}

/** @internal */
export const closedByPeer = (address: string): TransportError => new TransportError({ problem: "Closed", address })

/** @internal */
export const cut = (address: string): TransportError => new TransportError({ problem: "Reset", address })

/** A write that came after `close`, or that did not end in the time that `close` leaves. @internal */
export const closedHere = (address: string): TransportError =>
  new TransportError({ problem: "Other", address, cause: new Error("the link was closed on this side") })
