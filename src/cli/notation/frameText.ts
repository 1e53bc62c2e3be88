/**
 * Frames as text for people: one line says what it is, and indented ones what it holds. `frameParser` reads it again.
 *
 *     native 1/5 BlockChain.getBlock reply
 *       header 11 requestId 7
 *       7  blockHeight  int    2
 *       5  blockHash    bytes  0622...  # 0f91...
 *     native ping
 *     legacy regtest ping
 *       body 93516d4720b98fbc
 *       # nonce 13599955208838894995
 *     tagged
 *       1  int  5
 */
import * as Result from "effect/Result"
import * as Header from "../../domain/Header.ts"
import * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import type * as Palette from "../terminal/palette.ts"
import * as Content from "./content.ts"
import type * as Frame from "./frame.ts"
import * as Hex from "./hex.ts"
import * as Names from "./names.ts"
import * as Remarks from "./remarks.ts"
import * as TaggedRows from "./taggedRows.ts"
import * as TextValue from "./textValue.ts"

const bodyLine = (body: Uint8Array): string => `  body ${Hex.format(body)}`

const widest = (texts: Iterable<string>): number => {
  let most = 0
  for (const { length } of texts) if (length > most) most = length
  return most
}

/** The values of a body, their parts below each other. */
const rowLines = (
  rows: ReadonlyArray<TaggedRows.Row>,
  serviceId: number | undefined,
  palette: Palette.Palette
): ReadonlyArray<string> => {
  const names = rows.map(([tag]) => Names.ofTag(serviceId, tag) ?? "")
  const tagWidth = widest(rows.map(([tag]) => String(tag)))
  const nameWidth = widest(names)
  return rows.map((row, i) => {
    const [tag, type] = row
    const name = nameWidth === 0 ? "" : `${names[i]!.padEnd(nameWidth)}  `
    const remark = Remarks.of(names[i], row)
    return `  ${palette.dim(String(tag).padStart(tagWidth))}  ${name}${palette.dim(type.padEnd(6))}  ` +
      palette.strong(TextValue.format(row)) +
      (remark === undefined ? "" : palette.dim(`  # ${remark}`))
  })
}

const bodyLines = (
  body: Uint8Array,
  serviceId: number | undefined,
  palette: Palette.Palette
): ReadonlyArray<string> => {
  const rows = TaggedRows.read(body)
  return Result.isSuccess(rows)
    ? rowLines(rows.success, serviceId, palette)
    : [bodyLine(body), palette.dim(`  # not tagged values: ${rows.failure}`)]
}

const nativeLines = (
  { body, header, messageId, serviceId }: Extract<Frame.Frame, { readonly _tag: "Native" }>,
  palette: Palette.Palette
): ReadonlyArray<string> => {
  const message = Names.ofMessage(serviceId, messageId, header)
  const title = message === undefined ? "" : ` ${message.name} ${message.role}`
  return [
    palette.title(`native ${serviceId}/${messageId}${title}`),
    ...Header.entries(header).map(([tag, value]) => {
      const name = Names.ofHeaderTag(tag)
      return palette.dim(`  header ${tag}${name === undefined ? "" : ` ${name}`} ${value}`)
    }),
    ...bodyLines(body, serviceId, palette)
  ]
}

const legacyLines = (
  { body, command, network }: Extract<Frame.Frame, { readonly _tag: "Legacy" }>,
  palette: Palette.Palette
): ReadonlyArray<string> => [
  palette.title(`legacy ${network.name} ${TextValue.formatWord(command)}`),
  ...(body.length === 0 ? [] : [bodyLine(body)]),
  ...contentLines(command, body).map((line) => palette.dim(`  # ${line}`))
]

const contentLines = (command: string, body: Uint8Array): ReadonlyArray<string> => {
  if (!P2PMessage.isCommand(command)) return []
  return Result.match(P2PMessage.decode(command, body), {
    onSuccess: (message) => Content.lines(message),
    onFailure: (error) => [error.message]
  })
}

const lines = (frame: Frame.Frame, palette: Palette.Palette): ReadonlyArray<string> => {
  switch (frame._tag) {
    case "Native":
      return nativeLines(frame, palette)
    case "System":
      return [palette.title(`native ${frame.what}`)]
    case "Legacy":
      return legacyLines(frame, palette)
    case "Body":
      return [palette.title("tagged"), ...bodyLines(frame.body, undefined, palette)]
  }
}

/**
 * The text of a frame, without the end of its last line.
 *
 * @internal
 */
export const format = (palette: Palette.Palette) => (frame: Frame.Frame): string => lines(frame, palette).join("\n")
