/**
 * Derives the public face of the package from its files: the `exports` of package.json and the barrel src/index.ts.
 *
 * Each file below src/domain, src/services and src/layers is a public module, except those in src/domain/internal. Users see its name and not its folder, so
 * no two files may have the same one.
 *
 *     node scripts/exports.ts           writes both
 *     node scripts/exports.ts --check   fails when one of them is stale
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import process from "node:process"

interface Module {
  readonly name: string
  /** Below src, with slashes and without extension: `services/NetworkManager`. */
  readonly path: string
}

class Refusal extends Error {}

const root = Path.dirname(import.meta.dirname)
const packageFile = Path.join(root, "package.json")
const barrelFile = Path.join(root, "src", "index.ts")
const floors = ["domain", "services", "layers"]

const barrelHeader = `/**
 * All modules of the package, each as a namespace.
 *
 * **Gotchas**
 *
 * This loads the modules for Node.js too, and those need \`@effect/platform-node\`. Programs that count milliseconds at
 * their start, or run elsewhere, import single modules: \`effect-flowee/Message\`.
 *
 * @since 0.1.0
 */
`

const toModule = (path: string): Module => {
  const name = Path.posix.basename(path, ".ts")
  if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) {
    throw new Refusal(`src/${path}: a public module is named in PascalCase; others live in src/internal`)
  }
  return { name, path: path.slice(0, -".ts".length) }
}

const filesOf = (floor: string): ReadonlyArray<string> =>
  Fs.readdirSync(Path.join(root, "src", floor), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.startsWith("internal"))
    .map((file) => `${floor}/${file.replaceAll(Path.sep, "/")}`)

/** By code point, so that the order is the same on every machine. */
const byName = (a: Module, b: Module): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

const findModules = (): ReadonlyArray<Module> => {
  const modules = floors.flatMap(filesOf).map(toModule).sort(byName)
  const known = new Map<string, Module>()
  for (const module of modules) {
    // Some file systems do not tell names apart that differ in case only.
    const key = module.name.toLowerCase()
    const other = known.get(key)
    if (other !== undefined) {
      throw new Refusal(`src/${other.path}.ts and src/${module.path}.ts have the same public name`)
    }
    known.set(key, module)
  }
  return modules
}

const conditions = (path: string) => ({
  "effect-flowee-source": `./src/${path}.ts`,
  types: `./dist/${path}.d.ts`,
  default: `./dist/${path}.js`
})

const toExports = (modules: ReadonlyArray<Module>): Record<string, unknown> => ({
  ".": conditions("index"),
  "./package.json": "./package.json",
  ...Object.fromEntries(modules.map(({ name, path }) => [`./${name}`, conditions(path)])),
  "./internal/*": null
})

const toBarrel = (modules: ReadonlyArray<Module>): string =>
  barrelHeader + modules.map(({ name, path }) => `export * as ${name} from "./${path}.ts"\n`).join("")

const readIfThere = (file: string): string => Fs.existsSync(file) ? Fs.readFileSync(file, "utf8") : ""

const run = (isCheck: boolean): void => {
  const modules = findModules()
  const exports = toExports(modules)
  const barrel = toBarrel(modules)
  const manifest = JSON.parse(Fs.readFileSync(packageFile, "utf8")) as Record<string, unknown>

  const stale: Array<string> = []
  if (JSON.stringify(manifest["exports"]) !== JSON.stringify(exports)) {
    stale.push("package.json")
    if (!isCheck) Fs.writeFileSync(packageFile, `${JSON.stringify({ ...manifest, exports }, null, 2)}\n`)
  }
  if (readIfThere(barrelFile) !== barrel) {
    stale.push("src/index.ts")
    if (!isCheck) Fs.writeFileSync(barrelFile, barrel)
  }
  if (isCheck && stale.length > 0) {
    throw new Refusal(`stale: ${stale.join(" and ")}; run \`npm run lint-fix\``)
  }
}

try {
  run(process.argv.includes("--check"))
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  console.error(`exports: ${error.message}`)
  process.exitCode = 1
}
