/**
 * Frames in lines of hexadecimal digits, and what is wrong with which line.
 */
import * as Result from "effect/Result"
import type * as Network from "../../domain/Network.ts"
import * as FrameReader from "./frameReader.ts"
import * as Hex from "./hex.ts"

/** @internal */
export class LineFrames {
  readonly #reader: FrameReader.FrameReader
  #line = 0

  constructor(network: Network.Network | undefined) {
    this.#reader = new FrameReader.FrameReader({ network, isMixed: true })
  }

  /** Frames that end in this line. There may be spaces between the digits. */
  push(line: string): ReadonlyArray<FrameReader.Found> {
    this.#line += 1
    const bytes = Hex.parse(line.replaceAll(/\s+/g, ""))
    return bytes === undefined
      ? this.#located([Result.fail("not hexadecimal digits, two for each byte")])
      : this.#located(this.#reader.push(bytes))
  }

  end(): ReadonlyArray<FrameReader.Found> {
    return this.#located(this.#reader.end())
  }

  #located(all: ReadonlyArray<FrameReader.Found>): ReadonlyArray<FrameReader.Found> {
    return all.map(Result.mapError((reason) => `line ${this.#line}: ${reason}`))
  }
}
