import {
  assertSuccess,
  binToHex,
  decodeCashAddress,
  decodePrivateKeyWif,
  encodeCashAddress,
  hash160,
  secp256k1
} from "@bitauth/libauth"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Result } from "effect"
import { NetAddress } from "effect/net"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { vi } from "vitest"
import * as Cli from "../../examples/support/cli.ts"
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as HubBlockChain from "../../src/domain/hub/HubBlockChain.ts"
import * as HubMeta from "../../src/domain/hub/HubMeta.ts"
import * as HubUtil from "../../src/domain/hub/HubUtil.ts"
import * as HubHash from "../../src/domain/hub/HubHash.ts"
import * as HubQuantity from "../../src/domain/hub/HubQuantity.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as NodeCookieFile from "../../src/layers/NodeCookieFile.ts"
import * as NodeNetwork from "../../src/layers/NodeNetwork.ts"
import * as ConnectionAuthorizer from "../../src/services/ConnectionAuthorizer.ts"
import * as EmbeddedHub from "../../src/services/hub/EmbeddedHub.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import { runCommand } from "../utils/command.ts"
import { type Options, runExample } from "../utils/example.ts"
import { fromHex } from "../utils/native.ts"

type Classic = Parameters<typeof Cli.program>[0]

/** The command of the example, which hands it over when it is loaded. */
const classic = vi.hoisted((): { command?: Classic } => ({}))

vi.mock(import("../../examples/support/cli.ts"), async (original) => ({
  ...await original(),
  run: (command) => {
    classic.command = command as unknown as Classic
  }
}))

await import("../../examples/classic.ts")

/** Runs the example in this process. */
const run = (args: ReadonlyArray<string>) => runCommand(Cli.program(classic.command!), args)

/** Runs the example in a process of its own. */
const spawn = (args: ReadonlyArray<string>, options?: Options) => runExample("classic.ts", args, options)

const linesOf = (text: string): ReadonlyArray<string> => text.split("\n").filter((line) => line !== "")

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-flowee-example-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
)

/** The hash that the key of a WIF text spends from, in hex. */
const hashOfKey = (wif: string): string => {
  const { privateKey } = assertSuccess(decodePrivateKeyWif(wif))
  return binToHex(hash160(assertSuccess(secp256k1.derivePublicKeyCompressed(privateKey))))
}

const hashOfAddress = (address: string): string => binToHex(assertSuccess(decodeCashAddress(address)).payload)

/** What a Hub says of its chain. */
const infoOf = (chain: HubBlockChain.Chain): string =>
  binToHex(
    Wire.codec(HubBlockChain.Info).encode({
      chain,
      blocks: HubQuantity.BlockHeight.make(0),
      headers: HubQuantity.BlockHeight.make(0),
      bestBlock: HubHash.BlockHash.make("00".repeat(32)),
      difficulty: 1,
      medianTime: 0,
      progress: 1,
      work: 0n
    }).pipe(Result.getOrThrow)
  )

/** Bodies that a Hub of the 2021 protocol sent. */
const recorded = {
  version: "0a12466c6f7765653a312028323032312d303429",
  newAddress: "1314123710c2aaf976f354954f4ef5d25788d160b4b8" +
    "1b20604819d58cb43766e54f3933d97647d16bf9bf0d9ebf5bc2eb0f44d4dd059552",
  testChain: infoOf("test")
}

const key = ({ messageId, serviceId }: Pick<Message.Message, "messageId" | "serviceId">) => `${serviceId}/${messageId}`

/** A Hub that knows a few answers by heart and refuses all else. Gives its end point. */
const fakeHub = (answers: Record<string, string>) =>
  Effect.gen(function*() {
    const manager = yield* NetworkManager.NetworkManager
    const { address } = yield* manager.bind("127.0.0.1:0", {
      onConnection: (client) =>
        client.handle((request) => {
          const body = answers[key(request)]
          return client.send(
            body === undefined
              ? CommandFailure.reply(request, "Not\ntoday")
              : Message.reply(request, { body: fromHex(body) })
          )
        })
    })
    return NetAddress.formatSocketAddress(address)
  })

/** A listener that takes connections and never says a word. Gives its end point. */
const silence = Effect.acquireRelease(
  Effect.callback<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket> }>((resume) => {
    const sockets = new Set<Net.Socket>()
    const server = Net.createServer((socket) => sockets.add(socket.on("error", () => {})))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
  }),
  ({ server, sockets }) =>
    Effect.callback<void>((resume) => {
      for (const socket of sockets) socket.destroy()
      server.close(() => resume(Effect.void))
    })
).pipe(Effect.map(({ server }) => `127.0.0.1:${(server.address() as Net.AddressInfo).port}`))

/** An end point where nobody listens. */
const nobody = Effect.scoped(silence)

describe("the classic example", () => {
  it.live("prints what the Hub in its own process says", () =>
    Effect.gen(function*() {
      const TMPDIR = yield* temporaryDirectory
      const { code, stderr, stdout } = yield* spawn([], { env: { TMPDIR } })
      assert.strictEqual(code, 0, stderr)
      const match = new RegExp(
        "^hub: 127\\.0\\.0\\.1:(\\d+)\nversion: (.+)\naddress: (bchreg:\\w+)\n" +
          "private key \\(throw-away\\): (\\w+)\nThe Hub knows this key too: .*throw it away.*\n$"
      ).exec(stdout)
      assert.isNotNull(match, stdout)
      const [, port = "", version, address = "", privateKey = ""] = match
      assert.strictEqual(version, "Flowee:1 (effect-flowee)")
      assert.strictEqual(hashOfKey(privateKey), hashOfAddress(address))
      assert.deepStrictEqual(linesOf(stderr), [`connecting to 127.0.0.1:${port}`])
      assert.deepStrictEqual(Fs.readdirSync(TMPDIR), [], "the cookie is gone")
    }))

  it.live("prints one JSON object and nothing else", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* run(["--json"])
      assert.strictEqual(code, 0, stderr)
      const answer = JSON.parse(stdout)
      assert.deepStrictEqual(Object.keys(answer), ["hub", "version", "address", "addressHash", "privateKey"])
      assert.strictEqual(stdout, `${JSON.stringify(answer)}\n`)
      assert.match(answer.hub, /^127\.0\.0\.1:\d+$/)
      assert.strictEqual(answer.addressHash, hashOfAddress(answer.address))
      assert.strictEqual(answer.addressHash, hashOfKey(answer.privateKey))
    }))

  it.live("asks a Hub elsewhere, which lets in who logs in", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* temporaryDirectory, "cookie")
      const Hub = EmbeddedHub.layer({ version: "Elsewhere:1" }).pipe(
        Layer.provide(ConnectionAuthorizer.layerCookie),
        Layer.provide([NodeNetwork.layer(), NodeCookieFile.layer({ path })])
      )
      const { endPoint } = Context.get(yield* Layer.build(Hub), EmbeddedHub.EmbeddedHub)

      const known = yield* run(["--hub", endPoint, "--cookie-file", path, "--json"])
      assert.strictEqual(known.code, 0, known.stderr)
      assert.strictEqual(JSON.parse(known.stdout).version, "Elsewhere:1")
      assert.strictEqual(JSON.parse(known.stdout).hub, endPoint)
      const secret = Fs.readFileSync(path, "utf8").trim()
      assert.notInclude(known.stdout + known.stderr, secret)

      const stranger = yield* run(["--hub", endPoint, "--timeout", "1"])
      assert.strictEqual(stranger.code, 1)
      assert.strictEqual(stranger.stdout, "")
      assert.match(linesOf(stranger.stderr).at(-1) ?? "", /^gave up after 1s: /)
    }))

  it.live("connects without login when the cookie file is missing, and warns", () =>
    Effect.gen(function*() {
      const hub = yield* fakeHub({
        [key(HubMeta.version)]: recorded.version,
        [key(HubUtil.createAddress)]: recorded.newAddress
      })
      const { code, stderr, stdout } = yield* run(["--hub", hub, "--cookie-file", "/none/of/these", "--json"])
      assert.strictEqual(code, 0, stderr)
      assert.match(stderr, /^WARN Connecting without login: the cookie file \/none\/of\/these does not exist$/m)
      assert.strictEqual(stdout, `${JSON.stringify(JSON.parse(stdout))}\n`)
    }).pipe(Effect.provide(NodeNetwork.layer())))

  it.live("reads what a Hub of 2021 sends, and takes it to be on the main chain unless it says otherwise", () =>
    Effect.gen(function*() {
      const answers = {
        [key(HubMeta.version)]: recorded.version,
        [key(HubUtil.createAddress)]: recorded.newAddress
      }
      const addressHash = "123710c2aaf976f354954f4ef5d25788d160b4b8"
      const cases = [
        { prefix: "bitcoincash", hub: yield* fakeHub(answers) },
        {
          prefix: "bchtest",
          hub: yield* fakeHub({ ...answers, [key(HubBlockChain.getBlockChainInfo)]: recorded.testChain })
        }
      ] as const
      for (const { hub, prefix } of cases) {
        const { code, stderr, stdout } = yield* run(["--hub", hub, "--json"])
        assert.strictEqual(code, 0, stderr)
        const answer = JSON.parse(stdout)
        assert.strictEqual(answer.version, "Flowee:1 (2021-04)")
        assert.strictEqual(answer.addressHash, addressHash)
        assert.strictEqual(
          answer.address,
          encodeCashAddress({ prefix, type: "p2pkh", payload: fromHex(addressHash) }).address
        )
        assert.strictEqual(hashOfKey(answer.privateKey), addressHash)
      }
    }).pipe(Effect.provide(NodeNetwork.layer())))

  it.live("says in one line why the Hub refuses", () =>
    Effect.gen(function*() {
      const hub = yield* fakeHub({ [key(HubMeta.version)]: recorded.version })
      const { code, stderr, stdout } = yield* run(["--hub", hub])
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.deepStrictEqual(linesOf(stderr), [`connecting to ${hub}`, "createAddress: Not today"])
    }).pipe(Effect.provide(NodeNetwork.layer())))

  it.live("says what it tries and when it tries again, and gives up", () =>
    Effect.gen(function*() {
      const hub = yield* nobody
      const { code, stderr, stdout } = yield* spawn(["--hub", hub, "--timeout", "1", "--json"])
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      const lines = linesOf(stderr)
      const refused = `${hub}: connection refused`
      assert.strictEqual(lines[0], `connecting to ${hub}`)
      assert.isTrue(lines[1]?.startsWith(refused) && lines[1].endsWith("; next try now"), stderr)
      assert.strictEqual(lines[2], `connecting to ${hub}, attempt 2`)
      assert.match(lines[3] ?? "", /; next try in [345] s, at \d\d:\d\d:\d\d$/)
      assert.isTrue(lines[4]?.startsWith(`gave up after 1s: ${refused}`), stderr)
      assert.strictEqual(lines.length, 5)
    }))

  it.live("says in one line that a name is not known", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* run(["--hub", "nowhere.invalid:1", "--timeout", "1"])
      assert.strictEqual(code, 1)
      assert.strictEqual(
        linesOf(stderr).at(-1),
        "gave up after 1s: nowhere.invalid:1: the name could not be looked up"
      )
    }))

  it.live("gives up on a Hub that does not answer", () =>
    Effect.gen(function*() {
      const hub = yield* silence
      const { code, stderr, stdout } = yield* run(["--hub", hub, "--timeout", "1"])
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.strictEqual(linesOf(stderr).at(-1), `gave up after 1s: ${hub}: connected, but not answered`)
    }))

  it.live("ends quietly at Ctrl-C", () =>
    Effect.gen(function*() {
      const hub = yield* nobody
      let isInterrupted = false
      const { code, stderr, stdout } = yield* spawn(["--hub", hub], {
        onStderr: (text, child) => {
          if (isInterrupted || !text.includes("next try in")) return
          isInterrupted = true
          child.kill("SIGINT")
        }
      })
      assert.strictEqual(code, 130)
      assert.strictEqual(stdout, "")
      assert.strictEqual(linesOf(stderr).length, 4, stderr)
    }))

  it.live.each([
    { args: ["--hubb", "127.0.0.1:1"], says: "--hubb" },
    { args: ["--hub", "nowhere"], says: "--hub: \"nowhere\". Expected: HOST:PORT, [IPV6]:PORT or unix:/PATH" },
    { args: ["--timeout", "0"], says: "--timeout: \"0\"" },
    { args: ["--cookie-file", "cookie"], says: "--cookie-file" }
  ])("names a bad option: $args", ({ args, says }) =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* run([...args, "--json"])
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.include(stderr, says)
      assert.notInclude(stderr, "    at ")
    }))
})
