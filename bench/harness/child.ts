/**
 * The entry of each process that the harness starts: one role of one library.
 */
import process from "node:process"
import type { ClientModule, ServerModule, Tools } from "./library.ts"
import type { Answer, ClientReport, Question, Task } from "./task.ts"
import * as Usage from "./usage.ts"

const say = (answer: Answer): void => {
  process.send?.(answer)
}

/** Calls `listener` for each question of the harness. */
const onQuestion = (listener: (question: Question) => unknown): void => {
  process.on("message", (question: Question) => listener(question))
}

const answerMemory = async (): Promise<void> => say({ _tag: "Memory", memory: await Usage.settledMemory() })

const serve = async ({ module, options }: Extract<Task, { readonly role: "server" }>): Promise<void> => {
  const { serve } = await import(`../${module}`) as ServerModule
  const server = await serve(options)
  const usage = Usage.meter(server.helpers)
  onQuestion((question) => {
    if (question === "memory") return answerMemory()
    if (question === "usage") say({ _tag: "Usage", usage: usage(), counts: server.counts?.() ?? {} })
    return undefined
  })
  console.log(`listening ${server.port}`)
}

const runClient = async ({ module, options }: Extract<Task, { readonly role: "client" }>): Promise<void> => {
  const { workloads } = await import(`../${module}`) as ClientModule
  const run = workloads[options.workload]
  if (run === undefined) throw new Error(`${module} has no workload "${options.workload}"`)
  let goOn = (): void => {}
  const tools: Tools = {
    checkpoint: (name) =>
      new Promise((resolve) => {
        goOn = resolve
        say({ _tag: "Checkpoint", name })
      })
  }
  onQuestion((question) => question === "memory" ? answerMemory() : goOn())
  const usage = Usage.meter()
  const report: ClientReport = { measured: await run(options, tools), usage: usage() }
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))
}

const start = (task: Task): Promise<void> => task.role === "server" ? serve(task) : runClient(task)

// Nobody is left behind when the harness has gone.
process.on("disconnect", () => process.exit())
process.on("SIGTERM", () => process.exit())

try {
  await start(JSON.parse(process.argv[2]!) as Task)
} catch (error) {
  const message = error instanceof Error ? error.stack ?? error.message : String(error)
  console.error(message)
  say({ _tag: "Failed", message })
  process.exitCode = 1
  process.disconnect?.()
}
