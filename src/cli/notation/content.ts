/**
 * What a message between Bitcoin Cash peers says, for people and for JSON.
 */
import * as HashHex from "../../domain/p2p/HashHex.ts"
import type * as P2PMessage from "../../domain/p2p/P2PMessage.ts"
import * as Hex from "./hex.ts"
import * as TextValue from "./textValue.ts"

/** Hashes are shown as people write them, other bytes as they are. */
const formatBytes = (bytes: Uint8Array): string => bytes.length === 32 ? HashHex.format(bytes) : Hex.format(bytes)

const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return formatBytes(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]))
}

/** The fields of a message, unless all that it has is bytes: those are shown as its body. */
const fieldsOf = ({ _tag, ...fields }: P2PMessage.P2PMessage): { readonly [field: string]: unknown } =>
  Object.keys(fields).join() === "bytes" ? {} : fields

/**
 * The fields of a message as JSON can hold them, integers over 53 bits as bigints.
 *
 * @internal
 */
export const toPlain = (message: P2PMessage.P2PMessage): unknown => plain(fieldsOf(message))

const addLines = (path: string, value: unknown, lines: Array<string>): void => {
  if (typeof value === "object" && value !== null) {
    const name = (key: string) => Array.isArray(value) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`
    for (const [key, part] of Object.entries(value)) addLines(name(key), part, lines)
  } else lines.push(`${path} ${typeof value === "string" ? TextValue.printable(value) : String(value)}`)
}

/**
 * The fields of a message, one a line.
 *
 * @internal
 */
export const lines = (message: P2PMessage.P2PMessage): ReadonlyArray<string> => {
  const all: Array<string> = []
  addLines("", toPlain(message), all)
  return all
}
