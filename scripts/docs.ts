/**
 * Type-checks the examples in the JSDoc of src, each as a module of its own, as strictly as the sources. Those of src/cli
 * are left out, since nobody imports it.
 *
 *     node scripts/docs.ts
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"

interface Example {
  readonly file: string
  readonly line: number
  readonly code: string
}

const root = Path.dirname(import.meta.dirname)
const source = Path.join(root, "src")
const target = Path.join(root, ".build", "docs")

const fence = /^ *\* ```ts\n((?: *\*.*\n)*?) *\* ```$/gm

const examplesOf = (file: string): ReadonlyArray<Example> => {
  const text = Fs.readFileSync(Path.join(source, file), "utf8")
  return Array.from(text.matchAll(fence), (match) => ({
    file,
    line: text.slice(0, match.index).split("\n").length + 1,
    code: match[1]!.replace(/^ *\* ?/gm, "")
  }))
}

/** `services/Message.ts`, line 12, becomes `services-Message-12.ts`: line 1 of it is line 12 there. */
const nameOf = ({ file, line }: Example): string => `${file.slice(0, -".ts".length).replaceAll("/", "-")}-${line}.ts`

const config = {
  extends: "../../tsconfig.base.json",
  compilerOptions: {
    noEmit: true,
    composite: false,
    declarationMap: false,
    incremental: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
    // What an example defines need not be used in it.
    noUnusedLocals: false,
    plugins: []
  },
  include: ["*.ts"]
}

const files = Fs.readdirSync(source, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll(Path.sep, "/"))
  .filter((file) => file.endsWith(".ts") && !file.startsWith("cli/"))
const examples = files.flatMap(examplesOf)

Fs.rmSync(target, { recursive: true, force: true })
Fs.mkdirSync(target, { recursive: true })
Fs.writeFileSync(Path.join(target, "tsconfig.json"), JSON.stringify(config))
for (const example of examples) Fs.writeFileSync(Path.join(target, nameOf(example)), example.code)

const tsc = Path.join(root, "node_modules", "typescript", "bin", "tsc")
const { status } = ChildProcess.spawnSync(process.execPath, [tsc, "-p", target], { stdio: "inherit" })
process.stdout.write(`${examples.length} examples, ${status === 0 ? "all good" : "not all good"}\n`)
process.exitCode = status === 0 ? 0 : 1
