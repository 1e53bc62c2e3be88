/**
 * Standings as the text of a file, version 1: ASCII, a line each.
 *
 *     flowee bans 1
 *     {"group":"192.0.2.1/32","points":0,"updatedAt":0,"bannedUntil":86400000,"reason":"noise"} 9b1c50f6
 *     end 1 c2a7b3e0
 *
 * The checksum of a line covers everything before it in the file, other lines included. So the first one that is wrong is
 * where the file was damaged, whatever happened to it: bits that changed, lines that were moved or are missing.
 */
import * as Crc32 from "../../domain/internal/crc32.ts"
import * as Standing from "./standing.ts"
import type * as Table from "./table.ts"

const version = 1
const intro = "flowee bans "
const firstLine = `${intro}${version}\n`

/** More than the longest entry takes: each UTF-16 unit of a reason may become six characters. */
const maxLine = 8192

/**
 * Why a text cannot be used.
 *
 * @internal
 */
export type Problem =
  | { readonly _tag: "Foreign" }
  | { readonly _tag: "Newer" }
  | { readonly _tag: "Corrupt"; readonly line: number; readonly what: string }

const escaped = /[\u007f-\uffff]/g

const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

/**
 * Writes the text piece by piece, so that a large one can leave room for others in between.
 *
 * @internal
 */
export class Encoder {
  #crc = 0
  #count = 0

  begin(): string {
    return this.#covered(firstLine)
  }
  rows(rows: ReadonlyArray<Table.Row>): string {
    let text = ""
    for (const { key, standing } of rows) {
      const { bannedUntil, points, reason, updatedAt } = standing
      const json = JSON.stringify({ group: key, points, updatedAt, bannedUntil, reason })
      text += this.#line(json.replace(escaped, escape))
    }
    this.#count += rows.length
    return text
  }
  end(): string {
    return this.#line(`end ${this.#count}`)
  }
  #line(content: string): string {
    return this.#covered(`${content} `) + this.#covered(`${Crc32.format(this.#crc)}\n`)
  }
  #covered(text: string): string {
    this.#crc = Crc32.update(this.#crc, text)
    return text
  }
}

type State =
  | { readonly _tag: "Beginning" }
  | { readonly _tag: "Entries" }
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Failed"; readonly problem: Problem }

/**
 * Reads the text piece by piece. Holds no more of it than one line.
 *
 * @internal
 */
export class Decoder {
  readonly #onRow: (row: Table.Row) => void
  readonly #ascii = new TextDecoder("latin1")
  #state: State = { _tag: "Beginning" }
  #rest = ""
  #line = 1
  #crc = 0
  #count = 0

  constructor(onRow: (row: Table.Row) => void) {
    this.#onRow = onRow
  }
  /** Gives the problem if there is one; it stays. */
  push(bytes: Uint8Array): Problem | undefined {
    const lines = (this.#rest + this.#ascii.decode(bytes)).split("\n")
    this.#rest = lines.pop()!
    for (const line of lines) {
      if (this.#state._tag === "Failed") break
      this.#state = line.length > maxLine ? this.#corrupt("is too long") : this.#read(line)
      this.#line += 1
    }
    if (this.#rest.length > maxLine && this.#state._tag !== "Failed") this.#state = this.#corrupt("is too long")
    return this.#state._tag === "Failed" ? this.#state.problem : undefined
  }
  end(): Problem | undefined {
    if (this.#rest !== "" && this.#state._tag !== "Failed") this.#state = this.#corrupt("is cut off")
    if (this.#state._tag === "Ended") return undefined
    return this.#state._tag === "Failed"
      ? this.#state.problem
      : { _tag: "Corrupt", line: this.#line, what: "is missing" }
  }

  #read(line: string): State {
    switch (this.#state._tag) {
      case "Beginning":
        return this.#readFirst(line)
      case "Entries":
        return this.#readEntry(line)
      case "Ended":
        return this.#corrupt("comes after the end")
      case "Failed":
        return this.#state
    }
  }
  #readFirst(line: string): State {
    if (`${line}\n` === firstLine) {
      this.#crc = Crc32.update(0, firstLine)
      return { _tag: "Entries" }
    }
    const isNewer = line.startsWith(intro) && Number(line.slice(intro.length)) > version
    return { _tag: "Failed", problem: { _tag: isNewer ? "Newer" : "Foreign" } }
  }
  #readEntry(line: string): State {
    const space = line.lastIndexOf(" ")
    const content = line.slice(0, space)
    const crc = Crc32.update(this.#crc, `${content} `)
    const checksum = Crc32.format(crc)
    if (space < 0 || line.slice(space + 1) !== checksum) return this.#corrupt("does not match its checksum")
    this.#crc = Crc32.update(crc, `${checksum}\n`)
    if (content.startsWith("end ")) {
      return content === `end ${this.#count}` ? { _tag: "Ended" } : this.#corrupt("counts other entries than there are")
    }
    this.#count += 1
    const row = parse(content)
    if (row === undefined) return this.#corrupt("is no entry")
    this.#onRow(row)
    return this.#state
  }
  #corrupt(what: string): State {
    // What does not begin as such a file does is none.
    const isForeign = this.#state._tag === "Beginning"
    return { _tag: "Failed", problem: isForeign ? { _tag: "Foreign" } : { _tag: "Corrupt", line: this.#line, what } }
  }
}

const parse = (content: string): Table.Row | undefined => {
  try {
    const value = JSON.parse(content) as { readonly group?: unknown } | null
    const standing = Standing.fromUnknown(value)
    const key = value?.group
    return standing !== undefined && typeof key === "string" && key.length <= Standing.maxKey
      ? { key, standing }
      : undefined
  } catch {
    return undefined
  }
}
