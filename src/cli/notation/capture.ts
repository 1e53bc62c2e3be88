/**
 * Frames of a capture: raw bytes, or lines of hexadecimal digits. Which of the two is seen from how it begins.
 */
import * as Result from "effect/Result"
import type * as Network from "../../domain/Network.ts"
import * as Lines from "./lines.ts"
import * as Bytes from "./bytes.ts"
import * as FrameReader from "./frameReader.ts"
import * as LineFrames from "./lineFrames.ts"

/** No packet has that many digits and spaces in front. */
const telling = 4

const isText = (bytes: Uint8Array): boolean => /^[0-9a-f\s]*$/i.test(new TextDecoder("latin1").decode(bytes))

type State =
  | { readonly _tag: "Beginning"; readonly bytes: Uint8Array }
  | { readonly _tag: "Text"; readonly lines: Lines.Splitter; readonly frames: LineFrames.LineFrames }
  | { readonly _tag: "Raw"; readonly reader: FrameReader.FrameReader }
  /** Nothing tells where the next packet begins. */
  | { readonly _tag: "Lost" }

/** @internal */
export class Capture {
  readonly #network: Network.Network | undefined
  #state: State = { _tag: "Beginning", bytes: new Uint8Array(0) }

  constructor(network: Network.Network | undefined) {
    this.#network = network
  }

  push(bytes: Uint8Array): ReadonlyArray<FrameReader.Found> {
    if (this.#state._tag !== "Beginning") return this.#read(bytes)
    const beginning = Bytes.concat([this.#state.bytes, bytes])
    if (beginning.length < telling) {
      this.#state = { _tag: "Beginning", bytes: beginning }
      return []
    }
    return this.#begin(beginning)
  }

  end(): ReadonlyArray<FrameReader.Found> {
    const begun = this.#state._tag === "Beginning" ? this.#begin(this.#state.bytes) : []
    const state = this.#state
    if (state._tag === "Raw") return [...begun, ...state.reader.end()]
    if (state._tag !== "Text") return begun
    return [...begun, ...state.lines.end().flatMap((line) => state.frames.push(line)), ...state.frames.end()]
  }

  #begin(bytes: Uint8Array): ReadonlyArray<FrameReader.Found> {
    this.#state = isText(bytes.subarray(0, telling))
      ? { _tag: "Text", lines: new Lines.Splitter(), frames: new LineFrames.LineFrames(this.#network) }
      : { _tag: "Raw", reader: new FrameReader.FrameReader({ network: this.#network, isMixed: false }) }
    return this.#read(bytes)
  }

  #read(bytes: Uint8Array): ReadonlyArray<FrameReader.Found> {
    const state = this.#state
    if (state._tag === "Text") return state.lines.push(bytes).flatMap((line) => state.frames.push(line))
    if (state._tag !== "Raw") return []
    const found = state.reader.push(bytes)
    if (found.some(Result.isFailure)) this.#state = { _tag: "Lost" }
    return found
  }
}
