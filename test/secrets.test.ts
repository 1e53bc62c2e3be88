/**
 * Secrets in a program with real sockets and real files: cookies, keys, passphrases, and the passwords of databases are in
 * nothing that can be observed, on none of the ways on which something goes wrong.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, FileSystem, Layer, Redacted, Result, Schedule } from "effect"
import type { NetAddress } from "effect/net"
import * as Net from "node:net"
import * as LoginCookie from "../src/domain/LoginCookie.ts"
import * as Message from "../src/domain/Message.ts"
import * as NodeBanList from "../src/layers/NodeBanList.ts"
import * as NodeCookieFile from "../src/layers/NodeCookieFile.ts"
import * as NodeNetwork from "../src/layers/NodeNetwork.ts"
import * as NodeTransport from "../src/layers/NodeTransport.ts"
import * as BanList from "../src/services/BanList.ts"
import * as ConnectionAuthorizer from "../src/services/ConnectionAuthorizer.ts"
import * as CookieFile from "../src/services/CookieFile.ts"
import * as NetworkHealth from "../src/services/NetworkHealth.ts"
import * as NetworkManager from "../src/services/NetworkManager.ts"
import { address } from "./utils/network.ts"
import * as Secrets from "./utils/secrets.ts"
import { anna, cert, key, lockedKey, passphrase } from "./utils/tls.ts"

const password = "p4ss:w/ord-of-redis"
const wrongCookie = "d3Jvbmd3cm9uZ3dyb25nd3Jvbmd3cm9uZ3dyb25nd3I="
const longCookie = "bG9uZ2xvbmdsb25nbG9uZ2xvbmdsb25nbG9uZ2xvbmc="

/** The middle of a key, where it is like no other. */
const coreOf = (pem: string): string => pem.split("\n")[1]!

const request = Message.make({ serviceId: 7, messageId: 0, body: new Uint8Array(4) })

/** What a client sees of an attempt, whatever becomes of it. */
const attempt = Effect.fnUntraced(
  function*(endPoint: NetAddress.SocketAddress, options: NetworkManager.ConnectOptions) {
    const manager = yield* NetworkManager.NetworkManager
    const connection = yield* manager.connect(endPoint, {
      reconnect: Schedule.spaced("50 millis"),
      connectTimeout: "250 millis",
      traceContext: true,
      share: false,
      ...options
    })
    const reply = yield* Effect.exit(connection.request(request, { timeout: "400 millis" }))
    return [reply, connection, yield* connection.state, yield* connection.stats, yield* connection.access]
  },
  Effect.scoped
)

const cookieOf = (path: string) =>
  Effect.map(
    Layer.build(Layer.fresh(NodeCookieFile.layer({ path }))),
    (context) => Context.get(context, CookieFile.CookieFile)
  )

const inMemory = (cookie: string): CookieFile.CookieFile["Service"] => ({
  read: Effect.succeedSome(Redacted.make(cookie)),
  obtain: Effect.succeed(Redacted.make(cookie))
})

/** A port of this machine that takes connections, and says this or nothing. */
const lineServer = (answer: string) =>
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        socket.on("error", () => {})
        socket.on("data", () => void (answer.length > 0 && socket.write(answer)))
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  ).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))

/** Logins over TLS that pass, fail, are too late, or find no server, no file or no trust. */
const logIn = Effect.fnUntraced(function*(directory: string) {
  const fs = yield* FileSystem.FileSystem
  const manager = yield* NetworkManager.NetworkManager
  const cookiePath = `${directory}/cookie`
  const file = yield* cookieOf(cookiePath)
  const cookie = Redacted.value(yield* file.obtain)
  const files = {
    missing: `${directory}/missing`,
    long: `${directory}/long`,
    folder: directory,
    exposed: `${directory}/exposed`
  }
  yield* fs.writeFileString(files.long, longCookie.repeat(30))
  yield* fs.writeFileString(files.exposed, `${cookie}\n`)
  yield* fs.chmod(files.exposed, 0o666)
  const values: Array<unknown> = []
  const note = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.map(Effect.exit(effect), (exit) => void values.push(exit))

  // Servers
  const tls = yield* NodeTransport.makeTls({
    server: {
      cert: anna.cert,
      key: Redacted.make(lockedKey),
      passphrase: Redacted.make(passphrase),
      ca: [cert],
      requestCert: true,
      rejectUnauthorized: false
    }
  })
  const cookieAuthorizer = yield* ConnectionAuthorizer.cookie(file)
  const hanging: ConnectionAuthorizer.Authorizer = {
    authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
    checkLogin: () => Effect.never
  }
  const dying: ConnectionAuthorizer.Authorizer = {
    authorize: () => Effect.succeed(ConnectionAuthorizer.awaitLogin()),
    checkLogin: (message) => Effect.die(message)
  }
  const bind = (authorizer: ConnectionAuthorizer.Authorizer) =>
    Effect.map(
      manager.bind("127.0.0.1:0", {
        transport: tls,
        authorizer,
        loginTimeout: "150 millis",
        drainTimeout: 0,
        onConnection: (connection) => connection.handle((message) => Effect.fail(message))
      }),
      ({ address }) => address
    )
  const open = yield* bind(ConnectionAuthorizer.acceptAll)
  const checked = yield* bind(cookieAuthorizer)
  const slow = yield* bind(hanging)
  const broken = yield* bind(dying)
  yield* note(NodeTransport.makeTls({ server: { cert: anna.cert, key: lockedKey, passphrase: `${passphrase}!` } }))
  yield* note(NodeTransport.makeTls({ server: { cert: anna.cert, key: lockedKey } }))
  yield* note(NodeTransport.makeTls({ client: { pfx: Redacted.make(key), passphrase: Redacted.make(passphrase) } }))
  yield* note(NodeTransport.makeTls({ server: { cert, key: anna.key } }))
  yield* note(NodeTransport.makeTls({ server: { cert, key: anna.key.slice(0, 120), passphrase } }))
  for (const path of [files.long, files.folder, files.exposed, `${directory}/no/such/folder`]) {
    yield* note(Effect.flatMap(cookieOf(path), ConnectionAuthorizer.cookie))
  }

  // Clients
  const trusting = yield* NodeTransport.makeTls({
    client: { ca: anna.cert, cert, key, checkServerIdentity: () => undefined }
  })
  const distrusting = yield* NodeTransport.makeTls({ client: { ...anna, ca: cert } })
  const badlyNamed = yield* NodeTransport.makeTls({ client: { ca: anna.cert, servername: "elsewhere.example" } })
  const plain = yield* NodeTransport.make()
  const logins = [file, inMemory(wrongCookie), yield* cookieOf(files.missing), yield* cookieOf(files.long)]
  for (const login of logins) {
    for (const address of [open, checked, slow, broken]) {
      values.push(...yield* attempt(address, { login, transport: trusting }))
    }
  }
  values.push(manager, tls, trusting, cookieAuthorizer, ...logins)
  for (const transport of [distrusting, badlyNamed, plain]) {
    values.push(...yield* attempt(checked, { login: file, transport }))
  }
  const silent = yield* lineServer("")
  yield* note(attempt({ ...checked, port: silent } as NetAddress.SocketAddress, { login: file, transport: trusting }))
  yield* note(attempt({ ...checked, port: 1 } as NetAddress.SocketAddress, { login: file, transport: trusting }))
  yield* note(Effect.scoped(manager.connect("elsewhere", { login: file, transport: trusting })))
  values.push(yield* NetworkHealth.check(), yield* BanList.BanList.use((banList) => banList.list))
  return { cookie, values }
})

/** Bans in a Redis that is not there, that has another password and says so at length, or that has no address. */
const useRedis = Effect.fnUntraced(function*(text: string) {
  const url = new URL(text)
  url.password = encodeURIComponent(password)
  const bad = text.replace("//", `//user:${password}@`).replace(/:\d+$/, ":no-port")
  const values: Array<unknown> = []
  for (const target of [url.href, Redacted.make(url.href), bad, Redacted.make(bad)]) {
    const options = { url: target, interval: Duration.millis(20), timeout: Duration.millis(200) }
    const built = yield* Effect.exit(
      Effect.scoped(
        Effect.flatMap(Layer.build(Layer.fresh(NodeBanList.layerRedis(options))), (context) => {
          const banList = Context.get(context, BanList.BanList)
          return Effect.andThen(
            Effect.ignore(banList.ban(address("10.0.0.7:1").address)),
            Effect.delay(Effect.map(banList.list, (bans) => [bans, banList]), "150 millis")
          )
        })
      )
    )
    // What is no URL is told at once.
    assert.strictEqual(
      Exit.isFailure(built),
      target === bad || Redacted.isRedacted(target) && Redacted.value(target) === bad
    )
    values.push(built)
  }
  return values
})

describe("a secret", () => {
  it.live(
    "is in no log, error, state, span or metric, whatever goes wrong",
    () =>
      Secrets.observe((observed) =>
        Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const directory = yield* fs.makeTempDirectoryScoped()
          const { cookie, values } = yield* logIn(directory)
          yield* Effect.sleep("200 millis")
          const logs = observed.logs.join("\n")
          for (
            const wanted of [
              "could not be checked",
              "Refused a login",
              "Connecting without login",
              "The handler of message"
            ]
          ) {
            assert.include(logs, wanted)
          }
          assert.isAbove(values.length, 90)
          yield* Secrets.assertHidden(
            {
              cookie,
              wrongCookie,
              longCookie,
              passphrase,
              key: coreOf(key),
              annasKey: coreOf(anna.key),
              lockedKey: lockedKey.split("\n")[4]!
            },
            observed,
            values
          )
        }).pipe(Effect.scoped, Effect.provide(Layer.merge(NodeNetwork.layer(), NodeFileSystem.layer)))
      ),
    60_000
  )

  it.live("that is the password of a Redis is not either", () =>
    Secrets.observe((observed) =>
      Effect.gen(function*() {
        const echo = (what: string) =>
          `-ERR unknown command '${what}', with args beginning with: 'user' '${password}' \r\n`
        const values: Array<unknown> = []
        for (const port of [1, yield* lineServer(""), yield* lineServer(echo("AUTH"))]) {
          values.push(...yield* useRedis(`redis://user:x@127.0.0.1:${port}`))
        }
        assert.include(observed.logs.join("\n"), "Redis cannot be used")
        assert.include(observed.logs.join("\n"), "with args beginning with: 'user' '<redacted>'")
        yield* Secrets.assertHidden({ password }, observed, values)
      })
    ).pipe(Effect.scoped), 60_000)

  it("would be found by this test", () => {
    const login = Result.getOrThrow(LoginCookie.encode(Redacted.make(wrongCookie)))
    const leaks: ReadonlyArray<string> = [
      `the cookie is ${wrongCookie}`,
      Secrets.show(login.body),
      Secrets.show(Array.from(login.body)),
      Buffer.from(login.body).toString("hex"),
      Buffer.from(login.body).toString("base64"),
      Secrets.show(new Error("outer", { cause: new Error(`inner ${wrongCookie}`) })),
      encodeURIComponent(wrongCookie)
    ]
    for (const leak of leaks) assert.strictEqual(Secrets.find({ wrongCookie }, [["here", leak]]).length, 1, leak)
  })
})
