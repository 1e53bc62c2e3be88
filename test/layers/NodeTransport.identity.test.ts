import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import type { NetAddress } from "effect/net"
import * as Net from "node:net"
import * as Tls from "node:tls"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import type * as Identity from "../../src/domain/Identity.ts"
import * as Message from "../../src/domain/Message.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as NodeTransport from "../../src/layers/NodeTransport.ts"
import * as Access from "../../src/services/Access.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as Links from "../utils/links.ts"
import { anna, cert, key, lockedKey, mallory, passphrase } from "../utils/tls.ts"

const strict = { cert, key, ca: [anna.cert], requestCert: true }
const lenient = { ...strict, rejectUnauthorized: false }
const annasFingerprint = /^[0-9a-f]{64}$/

type Shown = Identity.Certificate | undefined

const clientWith = (client: NodeTransport.TlsClientOptions) =>
  NodeTransport.makeTls({ client: { ca: cert, servername: "localhost", ...client } })

/** A listener, and the certificates of those who come. */
const listening = Effect.fnUntraced(function*(server: NodeTransport.TlsServerOptions) {
  const shown = yield* Queue.unbounded<Shown>()
  const transport = yield* NodeTransport.makeTls({ server })
  const { address } = yield* transport.listen(Links.loopback, (link) => Queue.offerUnsafe(shown, link.certificate))
  return { address, next: Effect.timeout(Queue.take(shown), "10 seconds") }
})

interface Visit {
  /** What the session can be resumed with. */
  readonly ticket: Buffer | undefined
  readonly isResumed: boolean
}

/** Connects in the words of Node, until the end of the test. A session that is resumed may have no new ticket. */
const visit = (address: NetAddress.SocketAddress, options: Tls.ConnectionOptions) =>
  Effect.flatMap(
    Effect.acquireRelease(
      Effect.sync(() => Tls.connect({ ...options, ca: cert, servername: "localhost", port: Links.portOf(address) })),
      (socket) => Effect.sync(() => socket.destroy())
    ),
    (socket) =>
      Effect.callback<Visit, Error>((resume) => {
        const finish = (ticket?: Buffer) => resume(Effect.succeed({ ticket, isResumed: socket.isSessionReused() }))
        socket.on("error", (error) => resume(Effect.fail(error)))
        socket.once(options.session === undefined ? "session" : "secureConnect", finish)
        socket.resume()
      })
  ).pipe(Effect.timeout("10 seconds"))

describe("the certificate of an accepted link", () => {
  it.live("is what the peer showed, if it is trusted", () =>
    Effect.gen(function*() {
      const { address, next } = yield* listening(lenient)
      yield* (yield* clientWith(anna)).connect(address)
      const hers = (yield* next)!
      assert.match(hers.fingerprint, annasFingerprint)
      assert.deepStrictEqual({ ...hers, fingerprint: "" }, {
        fingerprint: "",
        commonName: "anna",
        subject: "O=effect-flowee\nCN=anna",
        issuer: "O=effect-flowee\nCN=anna",
        isTrusted: true
      })
      // The same name, and another key.
      yield* (yield* clientWith(mallory)).connect(address)
      const other = (yield* next)!
      assert.deepInclude(other, { commonName: "anna", isTrusted: false })
      assert.notStrictEqual(other.fingerprint, hers.fingerprint)
      yield* (yield* clientWith({ ...anna, key: lockedKey, passphrase })).connect(address)
      assert.deepStrictEqual(yield* next, hers)
      yield* (yield* clientWith({})).connect(address)
      assert.isUndefined(yield* next)
    }))

  it.live("is not there where it was not asked for, and on sockets without TLS", () =>
    Effect.gen(function*() {
      const { address, next } = yield* listening({ cert, key })
      yield* (yield* clientWith(anna)).connect(address)
      assert.isUndefined(yield* next)
      const { accepted } = yield* Links.pair(yield* NodeTransport.make(), Links.loopback)
      assert.isUndefined(accepted.certificate)
    }))

  for (const maxVersion of ["TLSv1.3", "TLSv1.2"] as const) {
    it.live(`stays the same when a session is resumed (${maxVersion}): nobody gains trust by it`, () =>
      Effect.gen(function*() {
        const { address, next } = yield* listening({ ...lenient, maxVersion })
        for (const who of [anna, mallory, {}]) {
          const first = yield* visit(address, who)
          const shown = yield* next
          // The certificate is that of the session, whatever is brought along to the second visit.
          const second = yield* visit(address, { session: first.ticket!, maxVersion })
          assert.isTrue(second.isResumed)
          const again = yield* next
          assert.strictEqual(again?.isTrusted ?? false, who === anna)
          assert.strictEqual(again?.fingerprint, shown?.fingerprint)
        }
      }))
  }
})

/** Who asks, as the service sees it, or what becomes of the question. */
const askOver = Effect.fnUntraced(function*(
  address: NetAddress.SocketAddress,
  client: NodeTransport.TlsClientOptions
) {
  const manager = yield* NetworkManager.NetworkManager
  const connection = yield* manager.connect(address, { transport: yield* clientWith(client) })
  return yield* connection.request(Message.make({ serviceId: 42, messageId: 0 }), { timeout: "1 second" }).pipe(
    Effect.map((reply) =>
      CommandFailure.isFailure(reply) ? CommandFailure.read(reply).text : new TextDecoder().decode(reply.body)
    ),
    Effect.catch(({ reason }) => Effect.succeed(reason._tag))
  )
}, Effect.scoped)

const bind = Effect.fnUntraced(function*(
  server: NodeTransport.TlsServerOptions,
  authorizer?: ConnectionAuthorizer.Authorizer
) {
  const manager = yield* NetworkManager.NetworkManager
  return yield* manager.bind("127.0.0.1:0", { transport: yield* NodeTransport.makeTls({ server }), authorizer })
})

const answering = NetworkManager.NetworkManager.use((manager) =>
  manager.register(42, (connection) =>
    Effect.map(Access.identity, (identity) => (message: Message.Message) => {
      const name = identity._tag === "CertificateHolder" ? identity.certificate.commonName : identity._tag
      return connection.send(Message.reply(message, { body: new TextEncoder().encode(name) }))
    }), { access: Access.when(({ identity }) => identity._tag !== "CookieHolder") })
)

describe("an authorizer", () => {
  it.live("knows who comes by certificates, and by default takes trusted ones only for an identity", () =>
    Effect.gen(function*() {
      yield* answering
      const { address } = yield* bind(lenient)
      assert.strictEqual(yield* askOver(address, anna), "anna")
      assert.strictEqual(yield* askOver(address, mallory), "Anonymous")
      assert.strictEqual(yield* askOver(address, {}), "Anonymous")
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer())))

  it.live("of certificates lets in those alone that are trusted and meant", () =>
    Effect.gen(function*() {
      yield* answering
      const known = yield* bind(lenient, ConnectionAuthorizer.certificate())
      assert.strictEqual(yield* askOver(known.address, anna), "anna")
      assert.notInclude(["anna", "Anonymous"], yield* askOver(known.address, mallory))
      assert.notInclude(["anna", "Anonymous"], yield* askOver(known.address, {}))
      const closed = yield* bind(strict, ConnectionAuthorizer.certificate(() => undefined))
      assert.notInclude(["anna", "Anonymous"], yield* askOver(closed.address, anna))
      const narrow = yield* bind(strict, ConnectionAuthorizer.certificate(() => Access.make({ services: [41] })))
      assert.strictEqual(yield* askOver(narrow.address, anna), "Not permitted")
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer())))

  it.live("is not asked about a peer that goes in the handshake", () =>
    Effect.gen(function*() {
      let asked = 0
      const { address } = yield* bind(
        strict,
        ConnectionAuthorizer.make(() => Effect.sync(() => (asked++, ConnectionAuthorizer.accept())))
      )
      yield* Effect.callback<void>((resume) => {
        const socket = Net.connect(Links.portOf(address), "127.0.0.1", () => socket.end(Buffer.of(22, 3, 1)))
        socket.on("error", () => {})
        socket.once("close", () => resume(Effect.void))
        socket.resume()
      })
      yield* Effect.ignore(visit(address, {}))
      assert.strictEqual(asked, 0)
    }).pipe(Effect.scoped, Effect.provide(NodeNetwork.layer())))
})
