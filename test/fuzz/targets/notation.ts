/**
 * What the command line reads: captures of bytes or of hex, frames as text and as JSON, and tagged JSON.
 */
import { Result } from "effect"
import * as Capture from "../../../src/cli/notation/capture.ts"
import * as Frame from "../../../src/cli/notation/frame.ts"
import * as FrameJson from "../../../src/cli/notation/frameJson.ts"
import type * as FrameReader from "../../../src/cli/notation/frameReader.ts"
import * as FrameText from "../../../src/cli/notation/frameText.ts"
import * as Lines from "../../../src/cli/notation/lines.ts"
import * as TaggedJson from "../../../src/cli/notation/taggedJson.ts"
import * as TextFrames from "../../../src/cli/notation/textFrames.ts"
import * as Palette from "../../../src/cli/terminal/palette.ts"
import * as Legacy from "../../utils/legacy.ts"
import * as Native from "../../utils/native.ts"
import { recorded } from "../../utils/hubBodies.ts"
import { equal, isTrue, valueOf } from "../harness/expect.ts"
import { digest } from "../harness/inputs.ts"
import type { Decoder } from "../harness/target.ts"

const { Random, fromHex, toHex } = Native
const encoder = new TextEncoder()
const decoder = new TextDecoder()

const format = FrameText.format(Palette.plain)

/** All frames of an input that comes in pieces. */
const readAll = (
  input: Uint8Array,
  reader: {
    readonly push: (piece: Uint8Array) => ReadonlyArray<FrameReader.Found>
    readonly end: () => ReadonlyArray<FrameReader.Found>
  },
  random: Native.Random | undefined
): ReadonlyArray<FrameReader.Found> => {
  const found: Array<FrameReader.Found> = []
  for (let at = 0; at < input.length;) {
    const length = random === undefined ? input.length : 1 + random.below(input.length - at)
    found.push(...reader.push(input.subarray(at, at + length)))
    at += length
  }
  found.push(...reader.end())
  return found
}

const parseText = (text: string): ReadonlyArray<FrameReader.Found> => {
  const frames = new TextFrames.TextFrames()
  return [...text.split("\n").flatMap((line) => frames.push(line)), ...frames.end()]
}

/**
 * What a frame is written as is read as a frame that is written the same way. It may be another one only in that its
 * body had its values in a longer way than needed.
 */
const goesThrough = (frame: Frame.Frame): void => {
  const bytes = Frame.encode(frame)
  // JSON may tell of a frame with numbers that no message has.
  if (Result.isFailure(bytes)) return isTrue(bytes.failure.length > 0, "it is said why a frame is not written")
  const text = format(frame)
  const json = FrameJson.format(frame)
  const [again, ...others] = parseText(text).map((found) => valueOf(Result.mapError(found, toError), text))
  equal([again === undefined ? undefined : format(again), others], [text, []], "the frame, as text")
  const fromJson = valueOf(Result.mapError(FrameJson.parse(json), toError), json)
  equal(FrameJson.format(fromJson), json, "the frame, as JSON")
  equal(fromJson, again, "the frame of both")
}

const toError = (message: string) => ({ message })

const framesOf = (found: ReadonlyArray<FrameReader.Found>): string => {
  for (const one of found) {
    if (Result.isFailure(one)) isTrue(one.failure.length > 0, "an error says what is wrong")
  }
  found.flatMap((one) => Result.isSuccess(one) ? [one.success] : []).slice(0, 5).forEach(goesThrough)
  return found.length === 0 ? "nothing" : found.some(Result.isFailure) ? "problem" : "frames"
}

const runCapture = (input: Uint8Array): string => {
  const atOnce = readAll(input, new Capture.Capture(undefined), undefined)
  const inPieces = readAll(input, new Capture.Capture(undefined), new Random(digest(input)))
  equal(inPieces, atOnce, "a capture in pieces")
  return framesOf(atOnce)
}

const nativeFrames = Native.traces.flatMap(({ frames }) => frames.map(({ hex }) => hex)).filter(({ length }) =>
  length < 1200
)
const legacyFrames = Legacy.trace("p2p-regtest").messages.map(({ hex }) => hex).filter(({ length }) => length < 1200)

const captureOf = (random: Native.Random): Uint8Array => {
  const frames = Array.from(
    { length: random.between(1, 4) },
    () => random.pick(random.chance(70) ? nativeFrames : legacyFrames)
  )
  return random.chance(50) ? encoder.encode(frames.join(random.pick(["\n", "\r\n", "\n\n"]))) : fromHex(frames.join(""))
}

export const capture: Decoder = {
  kind: "decoder",
  name: "cli-capture",
  weight: 1,
  seeds: nativeFrames.slice(0, 20).map(fromHex),
  make: (random) => ({ bytes: captureOf(random) }),
  run: runCapture
}

const runFrames = (input: Uint8Array): string => {
  const splitter = new Lines.Splitter()
  const lines = [...splitter.push(input), ...splitter.end()]
  const inPieces = new Lines.Splitter()
  const random = new Random(digest(input))
  const again: Array<string> = []
  for (let at = 0; at < input.length;) {
    const length = 1 + random.below(Math.min(9, input.length - at))
    again.push(...inPieces.push(input.subarray(at, at + length)))
    at += length
  }
  equal([...again, ...inPieces.end()], lines, "the lines in pieces")
  const frames = new TextFrames.TextFrames()
  const found = [...lines.flatMap((line) => frames.push(line)), ...frames.end()]
  return framesOf(found)
}

const writtenFrames: ReadonlyArray<Uint8Array> = [...nativeFrames, ...legacyFrames].flatMap((hex) =>
  readAll(fromHex(hex), new Capture.Capture(undefined), undefined).flatMap((found) =>
    Result.isSuccess(found)
      ? [encoder.encode(format(found.success)), encoder.encode(FrameJson.format(found.success))]
      : []
  )
)

const pieces = [
  "native ",
  "legacy ",
  "tagged",
  "ping",
  "1/0",
  "-1",
  "99999999999",
  "header ",
  "body ",
  "\n  ",
  "\n",
  "  1 int 5",
  "  2 string \"\\u0000\"",
  "  3 bytes 00",
  "  4 double NaN",
  "  5 double hex:7ff8000000000001",
  "  6 string hex:ff",
  "# remark",
  "regtest ",
  "version",
  "constructor",
  "__proto__",
  "{\"envelope\":\"native\",\"service\":1,\"message\":",
  "\"header\":{\"__proto__\":5}",
  "\"values\":[[1,\"int\",\"5\"]]",
  "}",
  "[[",
  "1e999",
  "-0",
  "]]",
  "null",
  ","
]

export const frames: Decoder = {
  kind: "decoder",
  name: "cli-frames",
  weight: 1,
  seeds: writtenFrames.filter(({ length }) => length < 1500).slice(0, 100),
  odd: (random) => encoder.encode(Array.from({ length: random.below(12) }, () => random.pick(pieces)).join("")),
  run: runFrames
}

const runJson = (input: Uint8Array): string => {
  const line = decoder.decode(input)
  const encoded = TaggedJson.encodeLine(line)
  const decoded = TaggedJson.decodeLine(line)
  for (const output of [encoded, decoded]) isTrue(!output.includes("\n"), "the output is a line")
  const isHex = /^(?:[0-9a-f]{2})*$/.test(encoded)
  if (isHex) equal(TaggedJson.encodeLine(TaggedJson.decodeLine(encoded)), encoded, "what was written, read and written")
  else isTrue("error" in (JSON.parse(encoded) as object), "what cannot be written is an error")
  const value: unknown = JSON.parse(decoded)
  // A body may be written in a longer way than needed, or with a negative zero; its values stay.
  if (Array.isArray(value)) {
    equal(TaggedJson.decodeLine(TaggedJson.encodeLine(decoded)), decoded, "what was read, again")
  }
  return isHex ? "encoded" : Array.isArray(value) ? "decoded" : "error"
}

const bodies = recorded.map(({ body }) => toHex(body)).filter(({ length }) => length < 600)
const jsonPieces = [
  "[",
  "]",
  "[1,\"int\",\"5\"]",
  ",",
  "[-1,\"bytes\",\"00\"]",
  "[31,\"string\",\"ff\"]",
  "1e400",
  "\"",
  "{",
  "}"
]

export const taggedJson: Decoder = {
  kind: "decoder",
  name: "cli-tagged-json",
  weight: 1,
  seeds: bodies.flatMap((hex) => [encoder.encode(hex), encoder.encode(TaggedJson.decodeLine(hex))]),
  odd: (random) => encoder.encode(Array.from({ length: random.below(10) }, () => random.pick(jsonPieces)).join("")),
  run: runJson
}
