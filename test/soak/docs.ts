/**
 * The results of a soak in the docs.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import type * as Machine from "../../bench/harness/machine.ts"
import type { Result } from "./result.ts"
import * as Table from "./table.ts"

const folder = Path.join(import.meta.dirname, "..", "..", "docs")

/** Where memory over time is drawn for the docs. */
export const svg = Path.join(folder, "soak.svg")

const page = Path.join(folder, "reliability.md")

const begin = "<!-- soak: written by npm run soak -- --docs -->"
const end = "<!-- /soak -->"

/** What a distribution adds to the version of its kernel says nothing to anybody else. */
const shortVersion = (system: string): string => system.replace(/(\d+\.\d+)\S*.*$/, "$1")

const where = ({ cores, cpu, load, memoryBytes, node, system }: Machine.Machine): string =>
  `on an ${cpu} with ${cores} cores and ${(memoryBytes / 1e9).toFixed(0)} GB, ${shortVersion(system)}, ` +
  `Node.js ${node.slice(1)}` +
  (load > cores ? `, busy with other work (load ${load.toFixed(0)})` : "")

const cell = (text: string): string => text.startsWith("  ") ? `- ${text.trim()}` : text

/** The section, from one mark to the other. */
export const section = (result: Result, machine: Machine.Machine): string => {
  const { clients, minutes, seed } = result
  return [
    begin,
    "",
    `\`npm run soak -- --minutes ${minutes} --clients ${clients} --seed ${seed} --docs\``,
    `${where(machine)}:`,
    "",
    "| | |",
    "|---|---|",
    ...Table.rows(result).map(([label, value]) => `| ${cell(label)} | ${value} |`),
    "",
    end
  ].join("\n")
}

/** A page with another section in place of the one that it has. */
export const replaced = (page: string, section: string): string => {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error("docs/reliability.md has no place for the results of a soak")
  return page.slice(0, from) + section + page.slice(to + end.length)
}

export const write = (result: Result, machine: Machine.Machine): void =>
  Fs.writeFileSync(page, replaced(Fs.readFileSync(page, "utf8"), section(result, machine)))
