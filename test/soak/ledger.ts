/**
 * What servers have received, in a file: it outlives threads and processes that die. Records are appended in one write
 * each, so that they never mix, whoever else writes.
 */
import * as Fs from "node:fs"
import * as Protocol from "./protocol.ts"

/** Numbers that came one after another to one connection. */
export interface Entry {
  /** Which connection of which thread of which process it was. */
  readonly session: string
  readonly client: number
  readonly lane: Protocol.Lane
  readonly first: number
  readonly last: number
}

const columns = 7
const recordBytes = columns * 4

/** Stands for the lane in a record about a message that is not as it was made. */
const corrupt = 0xffff_ffff

export class Writer {
  readonly #file: number
  readonly #session: readonly [process: number, thread: number]

  constructor(path: string, process: number, thread: number) {
    this.#file = Fs.openSync(path, "a")
    this.#session = [process, thread]
  }

  /** Writes down what one read brought to a connection. */
  note(connection: number, messages: ReadonlyArray<Protocol.Numbered | undefined>): void {
    const records: Array<number> = []
    for (const message of messages) {
      const lane = message === undefined ? corrupt : Protocol.lanes.indexOf(message.lane)
      const { client, number } = message ?? { client: 0, number: 0 }
      const at = records.length - columns
      const continues = at >= 0 && records[at + 3] === client && records[at + 4] === lane &&
        records[at + 6] === number - 1
      if (continues) records[at + 6] = number
      else records.push(...this.#session, connection, client, lane, number, number)
    }
    if (records.length > 0) Fs.writeSync(this.#file, Uint32Array.from(records))
  }

  close(): void {
    Fs.closeSync(this.#file)
  }
}

export class Reader {
  readonly #file: number
  readonly #buffer = new Uint8Array(recordBytes * 4096)
  #position = 0
  /** Messages that were not as they were made. */
  corrupt = 0

  constructor(path: string) {
    this.#file = Fs.openSync(path, "a+")
  }

  /** What was written since the last time. */
  read(each: (entry: Entry) => void): void {
    while (true) {
      const got = Fs.readSync(this.#file, this.#buffer, 0, this.#buffer.length, this.#position)
      const whole = got - got % recordBytes
      if (whole === 0) return
      this.#position += whole
      const numbers = new Uint32Array(this.#buffer.buffer, 0, whole / 4)
      for (let at = 0; at < numbers.length; at += columns) {
        const [process, thread, connection, client, lane, first, last] = numbers.subarray(at, at + columns)
        if (lane === corrupt) this.corrupt += 1
        else {
          const session = `${process}/${thread}/${connection}`
          each({ session, client: client!, lane: Protocol.lanes[lane!]!, first: first!, last: last! })
        }
      }
    }
  }

  close(): void {
    Fs.closeSync(this.#file)
  }
}
