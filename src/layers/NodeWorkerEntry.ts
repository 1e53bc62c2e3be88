/**
 * The side of `NodeWorkerThreads` that runs in the threads: it waits for jobs, does them, and sends what they gave.
 *
 * It loads nothing of Effect, so that a thread is up within some tens of milliseconds.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as NodeThreads from "node:worker_threads"
import * as Job from "../domain/Job.ts"
import { hash256 } from "../internal/node/hash256.ts"
import type { Reply, Request } from "../internal/threadPool.ts"

/** The jobs that this library itself asks for. */
const ownHandlers: ReadonlyArray<Job.Handler> = [Job.handler(Job.hash256, hash256)]

/** Bytes that are the whole of their memory can be given away; of others only what they show is to be copied. */
const compact = (output: unknown, input: unknown): unknown => {
  if (!(output instanceof Uint8Array) || !(output.buffer instanceof ArrayBuffer)) return output
  if (input instanceof Uint8Array && output.buffer === input.buffer) return output
  return output.byteLength === output.buffer.byteLength ? output : new Uint8Array(output)
}

const memoryOf = (...values: ReadonlyArray<unknown>): Array<ArrayBuffer> => {
  const memory = new Set<ArrayBuffer>()
  for (const value of values) {
    if (value instanceof Uint8Array && value.buffer instanceof ArrayBuffer) memory.add(value.buffer)
  }
  return [...memory]
}

const work = (
  handlers: ReadonlyMap<string, Job.Handler["handle"]>,
  request: Request,
  send: (reply: Reply, transfer: Array<ArrayBuffer>) => void
): void => {
  const handle = handlers.get(request.job)
  if (handle === undefined) return send({ _tag: "UnknownJob" }, [])
  const result = handle(request.input)
  const input = request.giveBack ? request.input : undefined
  const output = compact(result, input)
  send({ _tag: "Done", output, input }, memoryOf(output, input))
}

/**
 * Does the jobs of a pool. To be called once, by the entry file of its threads.
 *
 * **Details**
 *
 * The jobs of this library are served as well as those given. Bytes that a handler returns are given away: it must not
 * keep them.
 *
 * **Example** (An entry file)
 *
 * ```ts
 * import { Job, NodeWorkerEntry } from "effect-flowee"
 *
 * const sum = Job.make<ReadonlyArray<number>, number>()("sum")
 *
 * NodeWorkerEntry.serve([Job.handler(sum, (numbers) => numbers.reduce((a, b) => a + b, 0))])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve = (handlers: ReadonlyArray<Job.Handler> = []): void => {
  const port = NodeThreads.parentPort
  if (port === null) throw new Error("NodeWorkerEntry.serve was called outside of a worker thread")
  const byName = new Map([...ownHandlers, ...handlers].map(({ handle, name }) => [name, handle]))
  const send = (reply: Reply, transfer: Array<ArrayBuffer>) => port.postMessage(reply, transfer)
  const fail = (cause: unknown) => {
    try {
      send({ _tag: "Failed", cause }, [])
    } catch {
      // An error can hold what cannot be cloned; its text always can.
      send({ _tag: "Failed", cause: new Error(String(cause)) }, [])
    }
  }
  port.on("messageerror", fail)
  port.on("message", (request: Request) => {
    try {
      work(byName, request, send)
    } catch (cause) {
      fail(cause)
    }
  })
}
