import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Scope } from "effect"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import type * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as Native from "../utils/native.ts"
import { address, type Bed, type Host, pass, settle, withBed } from "../utils/network.ts"

const server = "10.0.0.9:1235"
const stranger = "10.0.66.1"
const malformed = Native.fromHex("0700 0805 0765 04")
const hello = Native.packet("0805 1001 04")

/** A way in which somebody comes and does not stay. */
interface Visit {
  readonly name: string
  readonly options?: NetworkManager.BindOptions<never, never>
  readonly visit: (bed: Bed, host: Host) => Effect.Effect<unknown, unknown, Scope.Scope>
}

const authorizedBy = (
  authorize: () => Effect.Effect<ConnectionAuthorizer.Verdict, unknown>,
  login: Effect.Effect<ConnectionAuthorizer.LoginVerdict, unknown> = Effect.succeed(ConnectionAuthorizer.reject("no"))
): NetworkManager.BindOptions<never, never> => ({
  authorizer: {
    authorize: ({ remoteAddress }) => {
      const isStranger = "port" in remoteAddress && JSON.stringify(remoteAddress).includes(stranger)
      return isStranger ? authorize() : Effect.succeed(ConnectionAuthorizer.accept())
    },
    checkLogin: () => login
  }
})

/** Dials, says something, and waits until the other side has ended it. */
const visit = (bytes: Uint8Array | undefined, wait: Parameters<typeof pass>[0] = 0) => (bed: Bed) =>
  Effect.gen(function*() {
    const peer = yield* bed.dial(stranger, server)
    if (bytes !== undefined) yield* peer.send(bytes)
    yield* pass(wait)
    assert.notStrictEqual(yield* peer.status, "open")
  })

const leave = (how: "close" | "cut") => (bed: Bed) =>
  Effect.gen(function*() {
    const peer = yield* bed.dial(stranger, server)
    yield* settle
    if (how === "close") yield* peer.close
    else yield* bed.network.cut(stranger)
    yield* pass("10 seconds")
  })

const visits: ReadonlyArray<Visit> = [
  {
    name: "is banned",
    visit: (bed, host) => Effect.andThen(host.banList.ban(address(`${stranger}:1`)), visit(undefined)(bed))
  },
  {
    name: "is rejected",
    options: authorizedBy(() => Effect.succeed(ConnectionAuthorizer.reject("no"))),
    visit: visit(undefined)
  },
  { name: "meets an authorizer that dies", options: authorizedBy(() => Effect.die("bug")), visit: visit(undefined) },
  { name: "is not answered in time", options: authorizedBy(() => Effect.never), visit: visit(undefined, "4 seconds") },
  {
    name: "is banned while it waits",
    options: authorizedBy(() => Effect.never),
    visit: (bed, host) =>
      Effect.gen(function*() {
        const peer = yield* bed.dial(stranger, server)
        yield* settle
        yield* host.banList.ban(address(`${stranger}:1`))
        yield* settle
        assert.strictEqual(yield* peer.status, "Closed")
        yield* host.banList.unban(address(`${stranger}:1`))
      })
  },
  { name: "goes while it waits", options: authorizedBy(() => Effect.never), visit: leave("close") },
  { name: "is cut off while it waits", options: authorizedBy(() => Effect.never), visit: leave("cut") },
  {
    name: "fails to log in",
    options: authorizedBy(() => Effect.succeed(ConnectionAuthorizer.awaitLogin())),
    visit: visit(hello)
  },
  {
    name: "does not log in",
    options: authorizedBy(() => Effect.succeed(ConnectionAuthorizer.awaitLogin())),
    visit: visit(undefined, "4 seconds")
  },
  {
    name: "goes while its login is checked",
    options: authorizedBy(() => Effect.succeed(ConnectionAuthorizer.awaitLogin()), Effect.never),
    visit: (bed) =>
      Effect.gen(function*() {
        const peer = yield* bed.dial(stranger, server)
        yield* peer.send(hello)
        yield* settle
        yield* bed.network.cut(stranger)
        yield* settle
      })
  },
  { name: "is malformed", visit: visit(malformed) },
  { name: "goes", visit: leave("close") },
  { name: "is cut off", visit: leave("cut") },
  {
    name: "leaves a program that hangs",
    options: { onConnection: (connection) => connection.endPoint.startsWith(stranger) ? Effect.never : Effect.void },
    visit: leave("close")
  },
  { name: "says nothing", options: { firstMessageTimeout: "5 seconds" }, visit: visit(undefined, "5 seconds") }
]

describe("the place of a newcomer", () => {
  for (const { name, options = {}, visit } of visits) {
    it.effect(`who ${name} is free again`, () =>
      withBed((bed) =>
        Effect.gen(function*() {
          const host = yield* bed.host("10.0.0.9", {
            maxConnections: 2,
            maxConnectionsPerAddress: 1,
            malformedPoints: 0,
            failedLoginPoints: 0
          })
          const listener = yield* host.manager.bind(server, { limitRate: false, ...options })
          const before = bed.fibers()
          for (let i = 0; i < 3; i++) yield* visit(bed, host)
          yield* settle
          assert.deepStrictEqual(yield* listener.connections, [])
          assert.strictEqual(bed.fibers(), before)
          const first = yield* bed.dial("10.0.0.1", server)
          const second = yield* bed.dial("10.0.0.2", server)
          const third = yield* bed.dial("10.0.0.3", server)
          yield* settle
          assert.deepStrictEqual(
            yield* Effect.forEach([first, second, third], (peer) => peer.status),
            ["open", "open", "Closed"]
          )
        })
      ))
  }
})
