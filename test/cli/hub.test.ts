import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { linesOf, runFlowee, startFlowee, startHub } from "../utils/flowee.ts"

/** A port on which nobody listens. */
const freePort = Effect.callback<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as Net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const temporaryDirectory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-flowee-cli-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
)

describe("flowee hub", () => {
  it.live("serves commands that were there before it", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const FLOWEE_HUB = `127.0.0.1:${port}`
      const generate = yield* startFlowee(["generate", "3", "--json"], { FLOWEE_HUB })
      assert.match(yield* generate.note, new RegExp(`^waiting for the Hub: ${FLOWEE_HUB}: connection refused`))
      const hub = yield* startFlowee(["hub", "--port", String(port)])
      assert.strictEqual(
        yield* hub.line,
        `Hub at ${FLOWEE_HUB}, a regtest chain in memory. Ctrl-C ends it.`
      )
      const { blocks } = JSON.parse(yield* generate.line)
      assert.deepStrictEqual(blocks.map(({ height }: { height: number }) => height), [1, 2, 3])

      const watch = yield* startFlowee(["watch", "blocks", "--json"], { FLOWEE_HUB })
      assert.deepStrictEqual(JSON.parse(yield* watch.line), { event: "block", ...blocks[2] })
    }))

  it.live.each(["SIGINT", "SIGTERM"] as const)("ends quietly at %s", (signal) =>
    Effect.gen(function*() {
      const hub = yield* startFlowee(["hub", "--port", "0", "--json"])
      yield* hub.line
      assert.strictEqual(yield* hub.end(signal), 130)
    }))

  it.live("says in one line that its port is taken", () =>
    Effect.gen(function*() {
      const taken = yield* startHub
      const { code, stderr, stdout } = yield* runFlowee(["hub", "--port", taken.split(":")[1]!])
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.match(stderr, new RegExp(`^${taken}: the address is in use.*\n$`))
    }))

  it.live("lets in only who has its cookie, if there is one", () =>
    Effect.gen(function*() {
      const cookie = Path.join(yield* temporaryDirectory, "cookie")
      const started = yield* startFlowee(["hub", "--port", "0", "--json", "--cookie-file", cookie])
      const { hub } = JSON.parse(yield* started.line)
      assert.strictEqual(Fs.statSync(cookie).mode & 0o777, 0o600)

      const known = yield* runFlowee(["version", "--hub", hub, "--cookie-file", cookie])
      assert.strictEqual(known.code, 0, known.stderr)
      assert.notInclude(known.stdout + known.stderr, Fs.readFileSync(cookie, "utf8").trim())
      const configured = yield* runFlowee(["version", "--json"], {
        env: { FLOWEE_HUB: hub, FLOWEE_COOKIE_FILE: cookie }
      })
      assert.strictEqual(JSON.parse(configured.stdout).hub, hub)

      const wrong = Path.join(Path.dirname(cookie), "wrong")
      Fs.writeFileSync(wrong, "QUFB\n")
      // So many failures would ban those who share an address with whoever mistypes.
      for (let i = 0; i < 3; i++) {
        const stranger = yield* runFlowee(["version", "--hub", hub, "--timeout", "5"])
        assert.strictEqual(stranger.code, 1)
        assert.strictEqual(stranger.stdout, "")
        assert.match(linesOf(stranger.stderr).at(-1)!, /; if the Hub wants a login, --cookie-file gives it$/)
        const mistaken = yield* runFlowee(["version", "--hub", hub, "--timeout", "5", "--cookie-file", wrong])
        assert.strictEqual(mistaken.code, 1)
        assert.match(linesOf(mistaken.stderr).at(-1)!, /; perhaps the Hub has another cookie$/)
      }
      const again = yield* runFlowee(["version", "--hub", hub, "--cookie-file", cookie])
      assert.strictEqual(again.code, 0, again.stderr)
    }))
})

describe("flowee ping", () => {
  it.live("measures how long a Hub takes", () =>
    Effect.gen(function*() {
      const hub = yield* startHub
      const json = yield* runFlowee(["ping", hub, "--count", "2", "--json"])
      assert.strictEqual(json.code, 0, json.stderr)
      const rounds = linesOf(json.stdout).map((line) => JSON.parse(line))
      assert.deepStrictEqual(rounds.map(({ hub, number }) => ({ hub, number })), [{ hub, number: 1 }, {
        hub,
        number: 2
      }])
      for (const { millis } of rounds) assert.isTrue(millis > 0 && millis < 2000, String(millis))

      // As an argument, which comes first, as a flag, as other commands have it, and from the environment.
      for (
        const [args, env] of [
          [[hub, "--hub", "127.0.0.1:1"], {}],
          [["--hub", hub], { FLOWEE_HUB: "127.0.0.1:1" }],
          [[], { FLOWEE_HUB: hub }]
        ] as const
      ) {
        const text = yield* runFlowee(["ping", ...args, "-c", "1"], { env })
        assert.match(text.stdout, new RegExp(`^${hub}  1  [\\d.]+ ms\n1 of 1 answered; .* ms\n$`), text.stderr)
      }
    }))

  it.live("says that nobody answers", () =>
    Effect.gen(function*() {
      const silent = yield* Effect.acquireRelease(
        Effect.callback<Net.Server>((resume) => {
          const server = Net.createServer((socket) => socket.on("error", () => {}))
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const endPoint = `127.0.0.1:${(silent.address() as Net.AddressInfo).port}`
      const { code, stderr, stdout } = yield* runFlowee(["ping", endPoint, "--count", "1", "--timeout", "1"])
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, `${endPoint}  1  no answer\n`)
      assert.strictEqual(stderr, `${endPoint} answers no pings\n`)
    }))

  it.live("gives up on what is not there", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const { code, stderr, stdout } = yield* runFlowee(["ping", `127.0.0.1:${port}`, "--timeout", "0.5"])
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      const notes = linesOf(stderr)
      assert.strictEqual(notes.length, 2, stderr)
      assert.match(notes[1]!, /^gave up after 500ms: 127\.0\.0\.1:\d+: connection refused/)
    }))
})
