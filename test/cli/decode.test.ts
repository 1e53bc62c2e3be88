import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { linesOf, runFlowee, spawnFlowee, startFlowee } from "../utils/flowee.ts"
import { fromHex, Random, seed, traces } from "../utils/native.ts"
import { cases } from "../utils/taggedVectors.ts"

const frames = traces.flatMap(({ frames }) => frames.map(({ hex }) => hex))

const times = <A>(n: number, values: ReadonlyArray<A>): ReadonlyArray<A> =>
  Array.from({ length: n }, (_, i) => values[i % values.length]!)

describe("flowee decode and encode", () => {
  it.live("turn all recorded bodies into JSON and back, 100,000 lines at a time", () =>
    Effect.gen(function*() {
      const bodies = times(100_000, cases.map(({ hex }) => hex)).map((hex) => `${hex}\n`).join("")
      const decoded = yield* spawnFlowee(["decode", "--tagged", "--json"], { input: bodies })
      assert.strictEqual(decoded.code, 0, decoded.stderr)
      assert.strictEqual(
        decoded.stdout,
        times(100_000, cases.map(({ rows }) => JSON.stringify(rows))).map((line) => `${line}\n`).join("")
      )
      const encoded = yield* spawnFlowee(["encode", "--tagged", "--json"], { input: decoded.stdout })
      assert.strictEqual(encoded.code, 0, encoded.stderr)
      assert.isTrue(encoded.stdout === bodies)
    }))

  it.live("print a line for each line, whatever is in it", () =>
    Effect.gen(function*() {
      const decoded = yield* runFlowee(["decode", "--tagged", "--json"], { input: "\nzz\r\n0805\n0f" })
      assert.strictEqual(decoded.code, 0)
      const [empty, bad, good, broken, ...others] = linesOf(decoded.stdout)
      assert.deepStrictEqual([empty, good], ["[]", "[[1,\"int\",\"5\"]]"])
      for (const line of [bad, broken]) assert.deepStrictEqual(Object.keys(JSON.parse(line!)), ["error"])
      assert.deepStrictEqual(others, [])

      const encoded = yield* runFlowee(["encode", "--tagged", "--json"], { input: "[]\n{\n[[1,\"int\",\"5\"]]" })
      assert.strictEqual(encoded.code, 0)
      assert.match(encoded.stdout, /^\n\{"error":".*"\}\n0805\n$/)
    }))

  it.live("answer each line as it comes", () =>
    Effect.gen(function*() {
      const decode = yield* startFlowee(["decode", "--tagged", "--json"])
      for (const n of [1, 2, 3]) {
        decode.child.stdin!.write(`080${n}\n`)
        assert.strictEqual(yield* decode.line, `[[1,"int","${n}"]]`)
      }
      // A line may be long, and come in pieces.
      for (let i = 0; i < 10; i++) decode.child.stdin!.write("1804".repeat(20_000))
      decode.child.stdin!.end()
      assert.strictEqual(JSON.parse(yield* decode.line).length, 200_000)
    }))

  it.live("bring a recorded conversation back as it was, through text and through JSON", () =>
    Effect.gen(function*() {
      for (const flags of [[], ["--json"]]) {
        const decoded = yield* runFlowee(["decode", ...flags], { input: frames.join("\n") })
        assert.strictEqual(decoded.code, 0, decoded.stderr)
        const encoded = yield* runFlowee(["encode"], { input: decoded.stdout })
        assert.strictEqual(encoded.code, 0, encoded.stderr)
        assert.strictEqual(linesOf(encoded.stdout).join(""), frames.join(""))
      }
    }))

  it.live("read raw bytes, and write them", () =>
    Effect.gen(function*() {
      const decoded = yield* spawnFlowee(["decode"], { input: fromHex(frames.join("")) })
      assert.strictEqual(decoded.code, 0, decoded.stderr)
      const encoded = yield* spawnFlowee(["encode", "--raw", "native ping", "native pong"])
      assert.strictEqual(encoded.stdout, Buffer.from("0600087e2c040600087e3404", "hex").toString("utf8"))
    }))

  it.live("take arguments", () =>
    Effect.gen(function*() {
      const decoded = yield* runFlowee(["decode", "0600087e2c04", "0600087e3404"])
      assert.strictEqual(decoded.stdout, "native ping\nnative pong\n")
      const encoded = yield* runFlowee([
        "encode",
        "native 1/4\n  7 int 2",
        "{\"envelope\":\"native\",\"system\":\"ping\"}"
      ])
      assert.strictEqual(encoded.stdout, "090008011004043802\n0600087e2c04\n")
    }))

  it.live("hold frames against a network that was named", () =>
    Effect.gen(function*() {
      const { code, stderr } = yield* runFlowee([
        "decode",
        "--network",
        "mainnet",
        "dab5bffa76657261636b000000000000000000005df6e0e2"
      ])
      assert.strictEqual(code, 1)
      assert.match(stderr, /^line 1: .*mainnet.*regtest.*\n$/)
    }))

  it.live(`say one line about garbage, and fail (seed ${seed})`, () =>
    Effect.gen(function*() {
      const input = new Random(seed).bytes(1_000_000)
      const { code, stderr, stdout } = yield* spawnFlowee(["decode"], { input })
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "")
      assert.strictEqual(linesOf(stderr).length, 1)

      const json = yield* runFlowee(["decode", "--json"], { input })
      assert.deepStrictEqual(linesOf(json.stdout).map((line) => Object.keys(JSON.parse(line))), [["error"]])
    }))

  it.live("print what is good beside what is not", () =>
    Effect.gen(function*() {
      const { code, stderr, stdout } = yield* runFlowee(["decode"], { input: "0600087e2c04\nxyz\n0600087e3404\n" })
      assert.strictEqual(code, 1)
      assert.strictEqual(stdout, "native ping\nnative pong\n")
      assert.strictEqual(stderr, "line 2: not hexadecimal digits, two for each byte\n")
    }))

  it.live("colour what a terminal shows, unless it must not", () =>
    Effect.gen(function*() {
      const forced = yield* spawnFlowee(["decode", "0600087e2c04"], { env: { FORCE_COLOR: "1" } })
      assert.strictEqual(forced.stdout, "\u001b[36mnative ping\u001b[0m\n")
      const plain = yield* spawnFlowee(["decode", "0600087e2c04"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })
      assert.strictEqual(plain.stdout, "native ping\n")
    }))

  it.live("end quietly when nobody reads any more", () =>
    Effect.gen(function*() {
      const input = times(100_000, cases.map(({ hex }) => hex)).join("\n")
      let isClosed = false
      const { code, stderr } = yield* spawnFlowee(["decode", "--tagged", "--json"], {
        input,
        onStdout: (_, child) => {
          if (!isClosed) child.stdout?.destroy()
          isClosed = true
        }
      })
      assert.strictEqual(stderr, "")
      assert.strictEqual(code, 141)
    }))
})
