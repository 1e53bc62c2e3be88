/**
 * The answer, for programs and for people.
 */
import { Console, Effect } from "effect"
import { TerminalCapabilities } from "effect/cli"
import * as process from "node:process"
import type * as Account from "./account.ts"

/** What the Hub said. */
export interface Answer extends Account.Account {
  readonly hub: string
  readonly version: string
}

/** What a stranger wrote must not steer a terminal. */
export const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, " ")

const note = "The Hub knows this key too: use it for a test, throw it away, keep no money on it."

const rows = (answer: Answer): ReadonlyArray<readonly [label: string, value: string]> => [
  ["hub", answer.hub],
  ["version", oneLine(answer.version)],
  ["address", answer.address],
  ["private key (throw-away)", answer.privateKey]
]

const plain = (answer: Answer): string =>
  [...rows(answer).map(([label, value]) => `${label}: ${value}`), note].join("\n")

const table = (answer: Answer, canColor: boolean): string => {
  const paint = (code: number, text: string) => canColor ? `\u001b[${code}m${text}\u001b[0m` : text
  const width = Math.max(...rows(answer).map(([label]) => label.length))
  return [
    "",
    ...rows(answer).map(([label, value]) => `  ${paint(2, label.padEnd(width))}  ${paint(1, value)}`),
    "",
    `  ${paint(33, note)}`,
    ""
  ].join("\n")
}

/** Prints an answer: one line of JSON, lines of text, or a table where a person looks at it. */
export const print = (answer: Answer, options: { readonly json: boolean }): Effect.Effect<void> =>
  Effect.flatMap(TerminalCapabilities.TerminalCapabilities, ({ canColor }) => {
    if (options.json) return Console.log(JSON.stringify(answer))
    return Console.log(process.stdout.isTTY ? table(answer, canColor) : plain(answer))
  })
