/**
 * Derives the public face of the package from its files: the `exports` of package.json and the barrels src/index.ts and
 * src/testing/index.ts.
 *
 * Each file below src/domain, src/services and src/layers is a public module, except those in src/domain/internal. Users
 * see its name and not its folder, so no two files may have the same one. Those in src/testing are for tests alone:
 * `effect-flowee/testing` has them, with the layers that tests need, and `effect-flowee` has not.
 *
 *     node scripts/exports.ts           writes them all
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
const testingBarrelFile = Path.join(root, "src", "testing", "index.ts")
const floors = ["domain", "services", "layers"]

/** Modules of the layers that are of use in tests only, and stand in both barrels. */
const testingLayers = new Set(["FaultControls", "MemoryTransport", "TestNetwork"])

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

const testingHeader = `/**
 * What tests of programs on the network need, each module as a namespace: a network in memory, a proxy that spoils real
 * connections, and scenarios that are played at random and again.
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
    .filter((file) => file.endsWith(".ts") && file !== "index.ts" && !file.startsWith("internal"))
    .map((file) => `${floor}/${file.replaceAll(Path.sep, "/")}`)

/** By code point, so that the order is the same on every machine. */
const byName = (a: Module, b: Module): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)

const findModules = (folders: ReadonlyArray<string>): ReadonlyArray<Module> => {
  const modules = folders.flatMap(filesOf).map(toModule).sort(byName)
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

const toExports = (modules: ReadonlyArray<Module>, testing: ReadonlyArray<Module>): Record<string, unknown> => ({
  ".": conditions("index"),
  "./package.json": "./package.json",
  ...Object.fromEntries(modules.map(({ name, path }) => [`./${name}`, conditions(path)])),
  "./testing": conditions("testing/index"),
  ...Object.fromEntries(testing.map(({ name, path }) => [`./testing/${name}`, conditions(path)])),
  "./internal/*": null
})

/** A barrel in a folder of src that exports modules as namespaces. */
const toBarrel = (header: string, folder: string, modules: ReadonlyArray<Module>): string =>
  header + modules.map(({ name, path }) => {
    const relative = Path.posix.relative(folder, `${path}.ts`)
    return `export * as ${name} from "${relative.startsWith(".") ? relative : `./${relative}`}"\n`
  }).join("")

const readIfThere = (file: string): string => Fs.existsSync(file) ? Fs.readFileSync(file, "utf8") : ""

const run = (isCheck: boolean): void => {
  const modules = findModules(floors)
  const testing = findModules(["testing"])
  const exports = toExports(modules, testing)
  const forTests = [...modules.filter(({ name }) => testingLayers.has(name)), ...testing].sort(byName)
  const barrels = [
    { file: barrelFile, text: toBarrel(barrelHeader, "", modules) },
    { file: testingBarrelFile, text: toBarrel(testingHeader, "testing", forTests) }
  ]
  const manifest = JSON.parse(Fs.readFileSync(packageFile, "utf8")) as Record<string, unknown>

  const stale: Array<string> = []
  if (JSON.stringify(manifest["exports"]) !== JSON.stringify(exports)) {
    stale.push("package.json")
    if (!isCheck) Fs.writeFileSync(packageFile, `${JSON.stringify({ ...manifest, exports }, null, 2)}\n`)
  }
  for (const { file, text } of barrels) {
    if (readIfThere(file) === text) continue
    stale.push(Path.relative(root, file))
    if (!isCheck) Fs.writeFileSync(file, text)
  }
  if (isCheck && stale.length > 0) {
    throw new Refusal(`stale: ${stale.join(", ")}; run \`npm run lint-fix\``)
  }
}

try {
  run(process.argv.includes("--check"))
} catch (error) {
  if (!(error instanceof Refusal)) throw error
  console.error(`exports: ${error.message}`)
  process.exitCode = 1
}
