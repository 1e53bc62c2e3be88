/**
 * Prints a program that imports every public module of the package, for a project that has it installed: to be type
 * checked and to be run there.
 */
import * as Fs from "node:fs"

const manifest = JSON.parse(Fs.readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  readonly exports: Record<string, unknown>
}

const names = Object.entries(manifest.exports)
  .filter(([path, target]) => target !== null && path !== "./package.json")
  .map(([path]) => path.slice(2))

const imports = names.map((name, index) => `import * as m${index} from "effect-flowee${name && `/${name}`}"`)
const modules = names.map((_, index) => `m${index}`).join(", ")

console.log(`${imports.join("\n")}

const empty = [${modules}].filter((module) => Object.keys(module).length === 0).length
const hidden = await import("effect-flowee/internal/peer" as string).then(() => false, () => true)
if (!hidden) throw new Error("internal modules can be imported")
console.log("imported ${names.length} modules, " + empty + " of them have types only")`)
