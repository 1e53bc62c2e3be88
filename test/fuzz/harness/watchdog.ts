/**
 * Ends the process when an input never ends, and says which one it was. A thread of its own looks on, since the one that
 * hangs cannot.
 */
import { Worker } from "node:worker_threads"
import type { Target } from "./target.ts"

/** Milliseconds after which an input, or all peers of one listener, count as endless. */
const patience = 60_000

/** Runs in the thread: plain JavaScript, so that it needs no file of its own. */
const source = `
const { workerData, parentPort } = require("node:worker_threads")
const { patience, shared } = workerData
const counter = new Int32Array(shared)
let last = -1
let since = Date.now()
let name = ""
parentPort.on("message", (told) => { name = told })
setInterval(() => {
  const now = Atomics.load(counter, 0)
  if (now !== last) { last = now; since = Date.now(); return }
  if (name === "" || Date.now() - since < patience) return
  require("node:fs").writeSync(2, "an input never ends: npm run fuzz -- --only " + name.replace("?", now) + "\\n")
  process.kill(process.pid, "SIGKILL")
}, 1000)
`

export interface Watchdog {
  /** Says which input comes now. */
  readonly onInput: (target: Target, index: number) => void
  readonly stop: () => Promise<unknown>
}

export const start = (seed: number): Watchdog => {
  const shared = new SharedArrayBuffer(4)
  const counter = new Int32Array(shared)
  const worker = new Worker(source, { eval: true, workerData: { patience, shared } })
  let current: Target | undefined
  return {
    onInput: (target, index) => {
      if (target !== current) {
        current = target
        worker.postMessage(
          `${target.name} --seed ${seed} --from ? --inputs ${target.kind === "server" ? target.peers : 1}`
        )
      }
      Atomics.store(counter, 0, index)
    },
    stop: () => {
      worker.postMessage("")
      return worker.terminate()
    }
  }
}
