import { Effect } from "effect"
import * as P from "/work/main/bench/harness/processes.ts"
const [lib, workload, count, warmUp, size, window, rounds] = process.argv.slice(2)
const o = { workload: workload!, count: Number(count), warmUp: Number(warmUp), size: Number(size), window: Number(window), connections: 1, extra: { form: workload === "flood-effect" ? "effect" : "batch" } }
const one = Effect.gen(function*() {
  const s = yield* P.startServer(`libraries/${lib}/server.ts`, { port: 0, ...o })
  const c = yield* P.startClient(`libraries/${lib}/client.ts`, { ...o, port: s.port })
  const r = yield* c.report
  const u = yield* s.usage
  console.log(lib, workload, JSON.stringify(r.measured), "client", JSON.stringify(r.usage), "server", JSON.stringify(u.usage))
}).pipe(Effect.scoped)
for (let i = 0; i < Number(rounds ?? 1); i++) await Effect.runPromise(one)
