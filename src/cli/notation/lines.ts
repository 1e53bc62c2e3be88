/**
 * Cuts a stream of bytes into lines, none of them longer than memory allows.
 */
import * as Stream from "effect/Stream"

/** Characters. The hexadecimal digits of the largest message are fewer. */
const maxLength = 100_000_000

/** Stands in for a line that was longer. It is nothing that could be read. */
const tooLong = `(a line of more than ${maxLength} characters)`

/** @internal */
export class Splitter {
  readonly #decoder = new TextDecoder()
  /** The line that has begun, in pieces. */
  #pieces: Array<string> = []
  #length = 0

  /** The lines that end in a piece. */
  push(piece: Uint8Array): Array<string> {
    return this.#split(this.#decoder.decode(piece, { stream: true }))
  }

  /** The line that no ending follows, if there is one. */
  end(): Array<string> {
    const lines = this.#split(this.#decoder.decode())
    if (this.#length > 0) lines.push(this.#take(""))
    return lines
  }

  #split(text: string): Array<string> {
    const lines: Array<string> = []
    let from = 0
    for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", from)) {
      lines.push(this.#take(text.slice(from, at)))
      from = at + 1
    }
    this.#keep(text.slice(from))
    return lines
  }

  #keep(piece: string): void {
    this.#length += piece.length
    if (this.#length > maxLength) this.#pieces = []
    else if (piece !== "") this.#pieces.push(piece)
  }

  #take(last: string): string {
    this.#keep(last)
    const line = this.#length > maxLength ? tooLong : this.#pieces.join("")
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
  Stream.mapAccumArray(
    bytes,
    () => new Splitter(),
    (splitter, pieces) => [splitter, pieces.flatMap((piece) => splitter.push(piece))],
    { onHalt: (splitter) => splitter.end() }
  )
