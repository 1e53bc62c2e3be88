/**
 * effect-flowee: serves on worker threads that share a port.
 */
import { Worker } from "node:worker_threads"
import type { ServerModule } from "../../../harness/library.ts"

const startThread = async (port: number, workBytes: number) => {
  const thread = new Worker(new URL("./worker.ts", import.meta.url), { workerData: { port, workBytes } })
  const bound = await new Promise<number>((resolve, reject) => {
    thread.once("message", resolve)
    thread.once("error", reject)
  })
  return { thread, port: bound }
}

export const serve: ServerModule["serve"] = async ({ extra, port }) => {
  const workBytes = Number(extra["workBytes"])
  // The first one is given the port; the others join it there.
  const first = await startThread(port, workBytes)
  const others = await Promise.all(
    Array.from({ length: Number(extra["threads"]) - 1 }, () => startThread(first.port, workBytes))
  )
  return {
    port: first.port,
    close: () => Promise.all([first, ...others].map(({ thread }) => thread.terminate()))
  }
}
