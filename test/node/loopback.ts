/**
 * Keeps this process on loopback. Nothing in it should try to leave; what does ends it, so that a test fails.
 */
import Dgram from "node:dgram"
import Dns from "node:dns"
import Net from "node:net"
import process from "node:process"

/** Whether an address is of loopback, written as numbers: a name would have to be looked up. */
export const isLoopback = (host: string): boolean => host === "::1" || /^127(\.\d{1,3}){3}$/.test(host)

const stop = (what: string): never => {
  process.stderr.write(`The node tried to leave loopback: ${what}\n`)
  process.exit(70)
}

/** `connect` takes an object, a port and a host, or the array that `Net.connect` makes of either. */
const hostOf = (args: ReadonlyArray<unknown>): unknown => {
  const [first, second] = Array.isArray(args[0]) ? args[0] as ReadonlyArray<unknown> : args
  return typeof first === "object" && first !== null ? (first as { readonly host?: unknown }).host : second
}

const guardSockets = (): void => {
  const prototype = Net.Socket.prototype as { connect: (...args: Array<unknown>) => unknown }
  const connect = prototype.connect
  prototype.connect = function(...args) {
    const host = hostOf(args)
    return typeof host === "string" && isLoopback(host)
      ? connect.apply(this, args)
      : stop(`a socket to ${String(host)}`)
  }
}

const forbid = (module: object, names: RegExp): void => {
  for (const name of Object.keys(module).filter((key) => names.test(key))) {
    Object.assign(module, { [name]: () => stop(name) })
  }
}

/** Listening looks its address up, even one in numbers. */
const guardNames = (): void => {
  const lookup = Dns.lookup as (host: string, ...args: ReadonlyArray<unknown>) => void
  const guarded = (host: string, ...args: ReadonlyArray<unknown>) =>
    isLoopback(host) ? lookup(host, ...args) : stop(`a look-up of ${host}`)
  forbid(Dns, /^(lookupService|resolve|reverse|Resolver)/)
  forbid(Dns.promises, /^(lookup|resolve|reverse|Resolver)/)
  forbid(Dgram, /^createSocket$/)
  Object.assign(Dns, { lookup: guarded })
}

/** Must be called before anything else is loaded. */
export const guard = (): void => {
  guardSockets()
  guardNames()
}
