/**
 * Cuts a stream of bytes into lines, none of them longer than memory allows.
 */
import * as Stream from "effect/Stream"

/** What becomes of a longer line: this much of it and no more. */
const maxLength = 100_000_000

class Splitter {
  readonly #decoder = new TextDecoder()
  /** The line that has begun, in pieces. */
  #pieces: Array<string> = []
  #length = 0

  push(chunk: Uint8Array, lines: Array<string>): void {
    this.#split(this.#decoder.decode(chunk, { stream: true }), lines)
  }

  end(lines: Array<string>): void {
    this.#split(this.#decoder.decode(), lines)
    if (this.#length > 0) lines.push(this.#take(""))
  }

  #split(text: string, lines: Array<string>): void {
    let from = 0
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      lines.push(this.#take(text.slice(from, at)))
      from = at + 1
    }
    this.#keep(text.slice(from))
  }

  #keep(piece: string): void {
    if (piece === "" || this.#length + piece.length > maxLength) return
    this.#pieces.push(piece)
    this.#length += piece.length
  }

  #take(last: string): string {
    this.#keep(last)
    const line = this.#pieces.join("")
    this.#pieces = []
    this.#length = 0
    return line.endsWith("\r") ? line.slice(0, -1) : line
  }
}

/**
 * The lines of a text in UTF-8. An ending after the last line does not begin another one.
 *
 * @internal
 */
export const split = <E, R>(bytes: Stream.Stream<Uint8Array, E, R>): Stream.Stream<string, E, R> =>
  Stream.mapAccumArray(bytes, () => new Splitter(), (splitter, chunks) => {
    const lines: Array<string> = []
    for (const chunk of chunks) splitter.push(chunk, lines)
    return [splitter, lines]
  }, {
    onHalt: (splitter) => {
      const lines: Array<string> = []
      splitter.end(lines)
      return lines
    }
  })
