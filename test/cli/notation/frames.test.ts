import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Fs from "node:fs"
import * as Capture from "../../../src/cli/notation/capture.ts"
import * as Frame from "../../../src/cli/notation/frame.ts"
import * as FrameJson from "../../../src/cli/notation/frameJson.ts"
import type * as FrameReader from "../../../src/cli/notation/frameReader.ts"
import * as FrameText from "../../../src/cli/notation/frameText.ts"
import * as LineFrames from "../../../src/cli/notation/lineFrames.ts"
import * as TextFrames from "../../../src/cli/notation/textFrames.ts"
import * as Palette from "../../../src/cli/terminal/palette.ts"
import * as Legacy from "../../utils/legacy.ts"
import { encode as pack, fromHex, Random, randomMessage, seed, toHex, traces } from "../../utils/native.ts"

const p2pFrames = ["p2p-regtest", "p2p-regtest-wallet"].flatMap((name) => {
  const trace = JSON.parse(Fs.readFileSync(new URL(`../../traces/${name}.json`, import.meta.url), "utf8"))
  return (trace.messages as ReadonlyArray<{ readonly hex: string }>).map(({ hex }) => hex)
})

const hubFrames = traces.flatMap(({ frames }) => frames.map(({ hex }) => hex))

const ofLines = (lines: ReadonlyArray<string>): ReadonlyArray<FrameReader.Found> => {
  const reader = new LineFrames.LineFrames(undefined)
  return [...lines.flatMap((line) => reader.push(line)), ...reader.end()]
}

const ofPieces = (pieces: ReadonlyArray<Uint8Array>): ReadonlyArray<FrameReader.Found> => {
  const capture = new Capture.Capture(undefined)
  return [...pieces.flatMap((piece) => capture.push(piece)), ...capture.end()]
}

const ofText = (text: string): ReadonlyArray<FrameReader.Found> => {
  const reader = new TextFrames.TextFrames()
  return [...text.split("\n").flatMap((line) => reader.push(line)), ...reader.end()]
}

const format = FrameText.format(Palette.plain)

const framesOf = (found: ReadonlyArray<FrameReader.Found>): ReadonlyArray<Frame.Frame> => found.map(Result.getOrThrow)

const problemsOf = (found: ReadonlyArray<FrameReader.Found>): ReadonlyArray<string> =>
  found.flatMap((one) => Result.isFailure(one) ? [one.failure] : [])

const hexOf = (frame: Frame.Frame): string => toHex(Result.getOrThrow(Frame.encode(frame)))

/** The frames of lines, after they went through text and through JSON. */
const thereAndBack = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const frames = framesOf(ofLines(lines))
  const texts = framesOf(ofText(frames.map((frame) => `${format(frame)}\n`).join("")))
  const objects = framesOf(ofText(frames.map(FrameJson.format).join("\n")))
  assert.deepStrictEqual(texts.map(hexOf), objects.map(hexOf))
  return texts.map(hexOf)
}

const cut = (bytes: Uint8Array, random: Random): ReadonlyArray<Uint8Array> => {
  const pieces: Array<Uint8Array> = []
  for (let from = 0; from < bytes.length;) {
    const size = random.between(1, 40)
    pieces.push(bytes.subarray(from, from + size))
    from += size
  }
  return pieces
}

describe("frames as text and as JSON", () => {
  it("brings every frame of a Hub back as it was", () => {
    const joined = thereAndBack(hubFrames)
    // Chunked messages come in one piece, and leave in packets again.
    assert.strictEqual(joined.join(""), hubFrames.join(""))
  })

  it("brings every message of Bitcoin Cash peers back as it was", () => {
    assert.deepStrictEqual(thereAndBack(p2pFrames), p2pFrames)
  })

  it("knows a name for each value and each message of a Hub", () => {
    const unnamed = framesOf(ofLines(hubFrames)).flatMap((frame) => {
      if (frame._tag !== "Native") return []
      const { name, service, message, values = [] } = JSON.parse(FrameJson.format(frame))
      const nameless = (values as ReadonlyArray<ReadonlyArray<unknown>>).filter(([, , , name]) => name === undefined)
      return [
        ...(name === undefined ? [`${service}/${message}`] : []),
        ...nameless.map(([tag]) => `${service}: ${tag}`)
      ]
    })
    // One of the requests was made up, to be refused.
    assert.deepStrictEqual(unnamed.filter((name) => !name.includes(":")).length, 1, unnamed.join())
    assert.deepStrictEqual(unnamed.filter((name) => name.includes(":")), [])
  })

  it("shows a reply of a Hub", () => {
    const [frame] = framesOf(ofLines(["0c0008011009580904" + "3801" + "3c"]))
    assert.strictEqual(
      format(frame!),
      [
        "native 1/9 BlockChain.getBlockHeader reply",
        "  header 11 requestId 9",
        "  7  blockHeight  int     1",
        "  7  blockHeight  bool    true"
      ].join("\n")
    )
  })

  it("tells a reply from a notification with the same numbers", () => {
    const [notification, reply] = framesOf(ofLines(["070008111003" + "04", "0900081110035801" + "04"]))
    assert.strictEqual(format(notification!), "native 17/3 AddressMonitor.addressFound notification")
    assert.strictEqual(format(reply!).split("\n")[0], "native 17/3 AddressMonitor.unsubscribeAddresses reply")
  })

  it("shows a message of a Bitcoin Cash peer", () => {
    const [frame] = framesOf(ofLines(["dab5bffa70696e670000000000000000080000008793516d4720b98fbca7748a"]))
    assert.strictEqual(
      format(frame!),
      ["legacy regtest ping", "  body 4720b98fbca7748a", "  # nonce 9976783502839455815"].join("\n")
    )
  })

  it("shows a command that nobody knows, and brings it back", () => {
    const packets = [
      Legacy.packet({ command: "wibble", body: Uint8Array.of(1, 2) }),
      Legacy.packet({ command: "" }),
      Legacy.packet({ command: "a  b", body: Uint8Array.of(3) }),
      Legacy.packet({ command: "\"#\" ", body: new Uint8Array(300_000) })
    ]
    assert.deepStrictEqual(framesOf(ofLines(packets.slice(0, 3).map(toHex))).map(format), [
      "legacy regtest wibble\n  body 0102",
      "legacy regtest \"\"",
      "legacy regtest \"a  b\"\n  body 03"
    ])
    assert.deepStrictEqual(thereAndBack(packets.map(toHex)), packets.map(toHex))
    assert.deepStrictEqual(framesOf(ofPieces([Buffer.concat(packets)])).map(hexOf), packets.map(toHex))
  })

  it("shows pings, bodies without values, and bodies of something else", () => {
    assert.deepStrictEqual(
      framesOf(ofLines(["0600087e2c04", "0600087e3404", "07000804106504", "080008041065040f"])).map(format),
      [
        "native ping",
        "native pong",
        "native 4/101",
        "native 4/101\n  body 0f\n  # not tagged values: the value at byte 0 has type 7, which does not exist: these are not tagged values"
      ]
    )
  })

  it("lets nothing of a peer steer the terminal", () => {
    const body = toHex(new TextEncoder().encode("\u001b[31m\u009b\n"))
    const [frame] = framesOf(ofLines([`11000800100104${"0a08"}${body}`]))
    assert.strictEqual(format(frame!).split("\n")[1], "  1  genericData  string  \"\\u001b[31m\\u009b\\n\"")
    assert.deepStrictEqual(framesOf(ofText(format(frame!))).map(hexOf), [`11000800100104${"0a08"}${body}`])
  })
})

describe("captures", () => {
  const random = new Random(seed)

  it(`are read in pieces of any size, as bytes and as lines (seed ${seed})`, () => {
    for (const hexes of [hubFrames, p2pFrames]) {
      const raw = ofPieces(cut(fromHex(hexes.join("")), random))
      assert.strictEqual(framesOf(raw).map(hexOf).join(""), hexes.join(""))
      const text = new TextEncoder().encode(hexes.map((hex) => hex.replaceAll(/(..)/g, "$1 ")).join("\r\n"))
      assert.strictEqual(framesOf(ofPieces(cut(text, random))).map(hexOf).join(""), hexes.join(""))
    }
  })

  it(`bring random messages back as they were, through text and through JSON (seed ${seed})`, () => {
    for (let i = 0; i < 300; i++) {
      const hex = toHex(pack(randomMessage(random)))
      assert.deepStrictEqual(thereAndBack([hex]).join(""), hex)
    }
  })

  it("mix lines of different envelopes", () => {
    const lines = ["0600087e2c04", p2pFrames[0]!, "0600087e3404", p2pFrames[1]!]
    assert.deepStrictEqual(framesOf(ofLines(lines)).map(hexOf), lines)
  })

  it("go on in the next line", () => {
    assert.deepStrictEqual(framesOf(ofLines(["06", "00087e", "2c04"])).map(format), ["native ping"])
  })

  it("say which line is wrong, and go on behind it", () => {
    const found = ofLines(["0600087e2c04", "zz", "ffff0800", "0600087e3404"])
    assert.deepStrictEqual(problemsOf(found), [
      "line 2: not hexadecimal digits, two for each byte",
      "line 3: a packet of 65535 bytes is announced; 5 to 9000 are allowed"
    ])
    assert.strictEqual(found.length, 4)
  })

  it("say that the end is missing, or that nothing is whole", () => {
    assert.deepStrictEqual(problemsOf(ofLines(["060008"])), [
      "line 1: the input ends within a packet: 3 bytes of it are there"
    ])
    // The first chunk of two.
    const [first] = pack(randomMessage(random, 9000)).length > 0 ? [pack(randomMessage(random, 9000))] : []
    const length = first![0]! | (first![1]! << 8)
    const [problem] = problemsOf(ofPieces([first!.subarray(0, length)]))
    assert.include(problem, "no message is complete")
  })

  it("say so only when nothing of all is whole, however the input comes", () => {
    const capture = fromHex("0600087e2c04")
    const [chunk] = [pack(randomMessage(random, 9000))].map((packets) =>
      packets.subarray(0, packets[0]! | (packets[1]! << 8))
    )
    const atOnce = ofPieces([Buffer.concat([capture, chunk!])])
    assert.deepStrictEqual(ofPieces([capture, chunk!]), atOnce)
    assert.deepStrictEqual(problemsOf(atOnce), [])
  })

  it("are nothing when they are empty", () => {
    assert.deepStrictEqual(ofPieces([]), [])
    assert.deepStrictEqual(ofLines([""]), [])
  })

  it(`never fail at random bytes, nor at damaged frames (seed ${seed})`, () => {
    for (let i = 0; i < 3000; i++) {
      const source = random.chance(50) ? fromHex(random.pick([...hubFrames, ...p2pFrames])) : random.bytes(60)
      for (let n = random.below(4); n > 0; n--) source[random.below(source.length)] = random.next()
      const found = random.chance(50) ? ofPieces(cut(source, random)) : ofLines([toHex(source)])
      for (const one of found) {
        if (Result.isFailure(one)) assert.isNotEmpty(one.failure)
        else assert.isNotEmpty(format(one.success) + FrameJson.format(one.success))
      }
    }
  })
})

describe("text of frames", () => {
  it("may leave out names and remarks", () => {
    const text =
      "# a remark\n\nnative 1/4\n  header 11 5\n  7 int 2   # of the block\n\ntagged\n  1 string \"a # b\"  # text\n"
    assert.deepStrictEqual(framesOf(ofText(text)).map(hexOf), [
      "0b0008011004580504" + "3802",
      "0a05" + "61202320 62".replaceAll(" ", "")
    ])
  })

  it("has an object or a list in one line", () => {
    const text =
      "native ping\n{\"envelope\":\"native\",\"service\":4,\"message\":101}\n[[1,\"int\",\"5\"]]\nnative pong"
    assert.deepStrictEqual(framesOf(ofText(text)).map(hexOf), [
      "0600087e2c04",
      "07000804106504",
      "0805",
      "0600087e3404"
    ])
  })

  it.each([
    ["nonsense", "line 1: it is none of"],
    ["  7 int 2", "line 1: it is none of"],
    ["native x", "line 1: it is none of"],
    ["legacy nowhere ping", "line 1: there is no network \"nowhere\""],
    ["legacy regtest", "line 1: a command has at most 12"],
    ["legacy regtest thirteenchars", "line 1: a command has at most 12"],
    ["legacy regtest \"x", "line 1: a command has at most 12"],
    ["native 1/4\n  7 real 2", "line 2: no value"],
    ["native 1/4\n  7 int two", "line 2: value 1: an int"],
    ["native 1/4\n  7 bool 2", "line 2: that is no bool"],
    ["native 1/4\n  7 double x", "line 2: that is no double"],
    ["native 1/4\n  7 string x", "line 2: that is no string"],
    ["native 1/4\n  body 0\n", "line 2: a body"],
    ["native 1/4\n  body 00\n  7 int 2", "line 3: it has both"],
    ["{\"envelope\":\"other\"}", "line 1: \"envelope\""],
    ["{\"envelope\":\"native\"}", "line 1: \"service\" and \"message\""],
    ["{\"envelope\":\"native\",\"service\":1,\"message\":1,\"header\":{\"x\":1}}", "line 1: \"header\""],
    ["{\"envelope\":\"native\",\"service\":1,\"message\":1,\"header\":{\"01\":1}}", "line 1: \"header\""],
    ["{\"envelope\":\"legacy\",\"network\":\"moon\",\"command\":\"ping\"}", "line 1: \"network\""],
    ["{\"envelope\":\"legacy\",\"network\":\"regtest\",\"command\":\"pin\\n\"}", "line 1: \"command\": a command has"],
    ["{\"body\":\"xy\"}", "line 1: \"body\""],
    ["{", "line 1: the line is not JSON"]
  ])("says what is wrong with %j", (text, says) => {
    const [problem] = problemsOf(ofText(text))
    assert.isTrue(problem?.startsWith(says), problem)
  })

  it("does not send what a peer would not take", () => {
    const [frame] = framesOf(ofText("native 126/0"))
    const encoded = Frame.encode(frame!)
    assert.include(Result.isFailure(encoded) ? encoded.failure : "", "belongs to the network layer")
  })
})
