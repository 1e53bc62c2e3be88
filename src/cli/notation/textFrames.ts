/**
 * Frames in lines of text or of JSON, and what is wrong with which line.
 */
import * as Result from "effect/Result"
import * as FrameJson from "./frameJson.ts"
import * as FrameParser from "./frameParser.ts"
import type * as FrameReader from "./frameReader.ts"

/** @internal */
export class TextFrames {
  #parser = new FrameParser.FrameParser()
  #line = 0

  push(line: string): ReadonlyArray<FrameReader.Found> {
    this.#line += 1
    // An object, or rows without an envelope.
    return this.#located(
      /^\s*[{[]/.test(line) ? [...this.#parser.end(), FrameJson.parse(line)] : this.#parser.push(line)
    )
  }

  end(): ReadonlyArray<FrameReader.Found> {
    return this.#located(this.#parser.end())
  }

  #located(all: ReadonlyArray<FrameReader.Found>): ReadonlyArray<FrameReader.Found> {
    return all.map(Result.mapError((reason) => `line ${this.#line}: ${reason}`))
  }
}
