import { assert, describe, it } from "@effect/vitest"
import { Equal, Hash, Result } from "effect"
import { NetAddress } from "effect/net"
import * as EndPoint from "../../src/domain/EndPoint.ts"
import { Random, seed } from "../utils/native.ts"

const show = (input: EndPoint.Input): string =>
  Result.match(EndPoint.fromInput(input), {
    onSuccess: EndPoint.format,
    onFailure: (error) => `${error._tag}: ${error.message}`
  })

describe("EndPoint", () => {
  const good: ReadonlyArray<readonly [EndPoint.Input, string]> = [
    ["localhost:1235", "localhost:1235"],
    ["LocalHost:1235", "localhost:1235"],
    ["hub.example.org:1", "hub.example.org:1"],
    ["10.0.0.9:65535", "10.0.0.9:65535"],
    ["[::1]:1235", "[::1]:1235"],
    ["[FD00:0:0:0:0:0:0:9]:1235", "[fd00::9]:1235"],
    ["localhost:0", "localhost:0"],
    ["unix:/run/hub.sock", "unix:/run/hub.sock"],
    ["unix:///run/hub.sock", "unix:/run/hub.sock"],
    ["unix:hub.sock", "unix:hub.sock"],
    ["unix:////run/hub.sock", "unix:////run/hub.sock"],
    [{ path: "//run/hub.sock" }, "unix:////run/hub.sock"],
    [{ path: "///" }, "unix://///"],
    [{ host: "localhost", port: 1235 }, "localhost:1235"],
    [{ host: "::1", port: 1235 }, "[::1]:1235"],
    [{ host: "10.0.0.9", port: 1235 }, "10.0.0.9:1235"],
    [{ path: "/run/hub.sock" }, "unix:/run/hub.sock"],
    [{ path: "x".repeat(107) }, `unix:${"x".repeat(107)}`],
    [NetAddress.inetAddressFromStringUnsafe("10.0.0.9:1235"), "10.0.0.9:1235"],
    [NetAddress.inetAddressFromStringUnsafe("[fd00::9]:1235"), "[fd00::9]:1235"],
    [NetAddress.unixPathAddress("/run/hub.sock"), "unix:/run/hub.sock"]
  ]

  it.each(good)("is made from %s", (input, text) => {
    assert.strictEqual(show(input), text)
    assert.strictEqual(show(text), text, "its text is an end point again")
    const [one, two] = [EndPoint.fromInput(input), EndPoint.fromInput(text)]
    assert.isTrue(Equal.equals(Result.getOrThrow(one), Result.getOrThrow(two)))
    assert.strictEqual(Hash.hash(Result.getOrThrow(one)), Hash.hash(Result.getOrThrow(two)))
  })

  it("is taken as it is when it is one", () => {
    for (const text of ["hub.example:1235", "unix:/run/hub.sock", "[::1]:5"]) {
      const endPoint = Result.getOrThrow(EndPoint.fromInput(text))
      assert.strictEqual(Result.getOrThrow(EndPoint.fromInput(endPoint)), endPoint)
    }
  })

  const bad: ReadonlyArray<readonly [EndPoint.Input, string]> = [
    ["", ""],
    ["localhost", "localhost"],
    ["localhost:", "localhost:"],
    [":1235", ":1235"],
    ["localhost:65536", "localhost:65536"],
    ["localhost:-1", "localhost:-1"],
    ["localhost:12x", "localhost:12x"],
    ["localhost:1.5", "localhost:1.5"],
    ["::1:1235", "::1:1235"],
    ["[::1:1235", "[::1:1235"],
    ["[::1]", "[::1]"],
    ["[localhost]:1", "[localhost]:1"],
    ["two words:1", "two words:1"],
    ["unix:", ""],
    [`unix:${"x".repeat(108)}`, "x".repeat(108)],
    [{ path: "é".repeat(54) }, "é".repeat(54)],
    [{ path: "" }, ""],
    [{ path: "a\0b" }, "a\0b"],
    [{ host: "", port: 1 }, ":1"],
    [{ host: "localhost", port: -1 }, "localhost:-1"],
    [{ host: "localhost", port: 65_536 }, "localhost:65536"],
    [{ host: "localhost", port: 1.5 }, "localhost:1.5"],
    [{ host: "localhost", port: Number.NaN }, "localhost:NaN"]
  ]

  it.each(bad)("is not made from %o", (input, shown) => {
    const error = Result.getOrThrow(Result.flip(EndPoint.fromInput(input)))
    assert.strictEqual(error._tag, "BadEndPoint")
    assert.strictEqual(error.input, shown)
    assert.isTrue(error.problem.length > 0)
    assert.include(error.message, "write host:port, [ipv6]:port or unix:/path")
  })

  it(`never throws, whatever the text (seed ${seed})`, () => {
    const random = new Random(seed)
    const pieces = ["a", ":", "[", "]", "::", "1", "65536", "unix:", "/", " ", "%", "\0", "é", "-", ".", "127.0.0.1"]
    for (let i = 0; i < 5000; i++) {
      const text = Array.from({ length: random.below(7) }, () => random.pick(pieces)).join("")
      const made = EndPoint.fromInput(text)
      if (Result.isSuccess(made)) {
        assert.isTrue(Result.isSuccess(EndPoint.fromInput(EndPoint.format(made.success))), text)
      }
    }
  })
})
