/**
 * Reads the text of `frameText`, line by line. Names and remarks may be left out.
 */
import * as Result from "effect/Result"
import * as Header from "../../domain/Header.ts"
import * as Network from "../../domain/Network.ts"
import * as Frame from "./frame.ts"
import type * as FrameReader from "./frameReader.ts"
import * as Hex from "./hex.ts"
import * as TaggedRows from "./taggedRows.ts"
import * as TextValue from "./textValue.ts"

/** The first line of a frame. */
type Title =
  | { readonly _tag: "Native"; readonly serviceId: number; readonly messageId: number }
  | { readonly _tag: "System"; readonly what: "ping" | "pong" }
  | { readonly _tag: "Legacy"; readonly network: Network.Network; readonly command: string }
  | { readonly _tag: "Body" }

const forms = "it is none of: native SERVICE/MESSAGE, native ping, native pong, legacy NETWORK COMMAND, tagged, or JSON"

const parseLegacyTitle = (name: string, word: string): Result.Result<Title, string> => {
  const network = Network.fromName(name)
  if (network === undefined) return Result.fail(`there is no network "${TextValue.printable(name)}"`)
  // A command without a name is written in quotes.
  const command = word === "" ? undefined : TextValue.parseWord(word)
  return Frame.isCommand(command)
    ? Result.succeed({ _tag: "Legacy", network, command })
    : Result.fail(Frame.commandForm)
}

const parseTitle = (line: string): Result.Result<Title, string> => {
  const [, kind, what = "", command = ""] = /^(\S+)\s*(\S*)\s*(".*"|\S*)/.exec(line.trim()) ?? []
  if (kind === "tagged") return Result.succeed({ _tag: "Body" })
  if (kind === "legacy") return parseLegacyTitle(what, command)
  if (kind !== "native") return Result.fail(forms)
  if (what === "ping" || what === "pong") return Result.succeed({ _tag: "System", what })
  const ids = /^(\d{1,10})\/(-?\d{1,10})$/.exec(what)
  return ids === null
    ? Result.fail(forms)
    : Result.succeed({ _tag: "Native", serviceId: Number(ids[1]), messageId: Number(ids[2]) })
}

/** Where the text in quotes ends that begins a value; the length of the value where it is no such text. */
const endOfQuotes = (text: string): number => {
  for (let i = 1; i < text.length; i++) {
    if (text[i] === "\\") i++
    else if (text[i] === "\"") return i + 1
  }
  return text.length
}

/** A value without the remark behind it. */
const withoutRemark = (text: string): string => {
  if (text.startsWith("\"")) return text.slice(0, endOfQuotes(text))
  const remark = text.indexOf("#")
  return (remark < 0 ? text : text.slice(0, remark)).trim()
}

const parseRow = (line: string): Result.Result<TaggedRows.Row, string> => {
  // Tag, type and value; or tag, name, type and value.
  const [, tag = "", first = "", rest = ""] = /^(\d{1,10})\s+(\S+)\s*(.*)$/s.exec(line) ?? []
  const [, second = "", behind = ""] = /^(\S+)\s*(.*)$/s.exec(rest) ?? []
  const [type, text] = TaggedRows.isType(first) ? [first, rest] : [second, behind]
  if (!TaggedRows.isType(type)) return Result.fail(`no value is written so: TAG [NAME] TYPE VALUE`)
  const value = TextValue.parse(type, withoutRemark(text))
  return value === undefined ? Result.fail(`that is no ${type}`) : Result.succeed([Number(tag), type, value])
}

/** A frame of which not all lines are there yet. */
class Draft {
  readonly #title: Title
  readonly #header: { [tag: number]: number } = {}
  readonly #rows: Array<TaggedRows.Row> = []
  #raw: Uint8Array | undefined = undefined

  constructor(title: Title) {
    this.#title = title
  }

  /** Takes a line below the title. Returns what is wrong with it. */
  add(line: string): string | undefined {
    const header = /^header\s+(\d{1,10})\s+(?:[A-Za-z]\w*\s+)?(-?\d{1,10})\s*(?:#.*)?$/.exec(line)
    if (header !== null) {
      this.#header[Number(header[1])] = Number(header[2])
      return undefined
    }
    if (/^body(\s|$)/.test(line)) return this.#addBody(withoutRemark(line.slice(4).trim()))
    const row = parseRow(line)
    if (Result.isFailure(row)) return row.failure
    this.#rows.push(row.success)
    return undefined
  }

  finish(): Result.Result<Frame.Frame, string> {
    if (this.#raw !== undefined && this.#rows.length > 0) return Result.fail("it has both a body and values")
    const body = this.#raw === undefined ? TaggedRows.write(this.#rows) : Result.succeed(this.#raw)
    return Result.map(body, (body): Frame.Frame => {
      const title = this.#title
      if (title._tag === "System") return title
      return title._tag === "Native" ? { ...title, header: Header.make(this.#header), body } : { ...title, body }
    })
  }

  #addBody(digits: string): string | undefined {
    this.#raw = Hex.parse(digits)
    return this.#raw === undefined ? "a body is written in hexadecimal digits" : undefined
  }
}

/** @internal */
export class FrameParser {
  #draft: Draft | undefined = undefined
  /** Whether the lines up to the next title belong to a frame that was given up. */
  #isSkipping = false

  /** Takes a line. Returns the frame that it ends, by being the first of another, and what is wrong with it. */
  push(line: string): ReadonlyArray<FrameReader.Found> {
    const text = line.trim()
    if (text === "" || text.startsWith("#")) return []
    if (/^\s/.test(line)) return this.#addLine(text)
    const found = this.end()
    const title = parseTitle(line)
    this.#isSkipping = Result.isFailure(title)
    if (Result.isFailure(title)) return [...found, Result.fail(title.failure)]
    this.#draft = new Draft(title.success)
    return found
  }

  /** The frame that the last line belongs to. */
  end(): ReadonlyArray<FrameReader.Found> {
    const draft = this.#draft
    if (draft === undefined) return []
    this.#draft = undefined
    return [draft.finish()]
  }

  #addLine(text: string): ReadonlyArray<FrameReader.Found> {
    if (this.#isSkipping) return []
    const problem = this.#draft === undefined ? forms : this.#draft.add(text)
    if (problem === undefined) return []
    this.#draft = undefined
    this.#isSkipping = true
    return [Result.fail(problem)]
  }
}
