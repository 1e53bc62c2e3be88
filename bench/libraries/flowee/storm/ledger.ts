/**
 * What a server of the `storm` workload has received, in a file: it outlives the server that is killed.
 */
import * as Fs from "node:fs"

/** Numbers per client: see `Entry`. */
const columns = 5

/** What the server knows of one client. Clients number their messages from 1. */
export interface Entry {
  /** The highest number of all. */
  readonly last: number
  /** The highest number that the server before the present one received, and the first one that this one did. */
  readonly lastBefore: number
  readonly first: number
  /** Messages that were received before. */
  readonly duplicates: number
  /** Numbers that were left out, the one hole between two servers apart. */
  readonly holes: number
}

export class Ledger {
  readonly #file: number
  readonly #numbers: Int32Array

  constructor(path: string, clients: number) {
    this.#file = Fs.openSync(path, Fs.constants.O_RDWR | Fs.constants.O_CREAT)
    this.#numbers = new Int32Array(columns * clients)
    Fs.readSync(this.#file, this.#numbers)
    for (let client = 0; client < clients; client++) {
      const at = columns * client
      this.#numbers[at + 1] = this.#numbers[at]!
      this.#numbers[at + 2] = 0
    }
  }

  entry(client: number): Entry {
    const [last, lastBefore, first, duplicates, holes] = this.#numbers.subarray(columns * client)
    return { last: last!, lastBefore: lastBefore!, first: first!, duplicates: duplicates!, holes: holes! }
  }

  note(client: number, number: number): void {
    const at = columns * client
    const numbers = this.#numbers
    const last = numbers[at]!
    const isFirst = numbers[at + 2] === 0
    if (isFirst) numbers[at + 2] = number
    if (number <= last) numbers[at + 3]! += 1
    else {
      if (!isFirst && number !== last + 1) numbers[at + 4]! += number - last - 1
      numbers[at] = number
    }
    Fs.writeSync(this.#file, numbers, at * 4, columns * 4, at * 4)
  }
}
