/**
 * What the checks of all targets have in common.
 */
import { Result } from "effect"
import { isDeepStrictEqual } from "node:util"

export const equal = (actual: unknown, expected: unknown, what: string): void => {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: ${show(actual)} is not ${show(expected)}`)
  }
}

export const isTrue = (condition: boolean, what: string): void => {
  if (!condition) throw new Error(`it does not hold that ${what}`)
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === "bigint") return `${part}n`
    return part instanceof Uint8Array ? Buffer.from(part).toString("hex") : part
  })
  return text === undefined ? String(value) : text.length > 1000 ? `${text.slice(0, 1000)}...` : text
}

/** What a refusal says; it must say something. */
export const refusalOf = (error: { readonly message: string }): string => {
  isTrue(error.message.length > 0, "an error says what is wrong")
  return error.message
}

/** The value that must be there. */
export const valueOf = <A, E extends { readonly message: string }>(result: Result.Result<A, E>, what: string): A => {
  if (Result.isSuccess(result)) return result.success
  throw new Error(`${what}: ${result.failure.message}`)
}

/** How much memory a value takes, roughly: views of other memory count as if they had their own. */
const weigh = (value: unknown): number => {
  if (value instanceof Uint8Array) return 16 + value.length
  if (typeof value === "string") return 16 + value.length
  if (typeof value !== "object" || value === null) return 8
  let weight = 16
  for (const part of Array.isArray(value) ? value : Object.values(value)) weight += weigh(part)
  return weight
}

/** What is returned is in proportion to what was given. */
export const inProportion = (value: unknown, given: number, perByte: number): void => {
  const weight = weigh(value)
  isTrue(weight <= 4096 + given * perByte, `${weight} bytes are not too much of ${given}`)
}

/** An input of which some bytes at the beginning choose what the rest is for. */
export const behind = (choice: number, rest: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(1 + rest.length)
  bytes[0] = choice
  bytes.set(rest, 1)
  return bytes
}
