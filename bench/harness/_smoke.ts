import { Effect } from "effect"
import * as Runner from "/work/main/bench/harness/runner.ts"
import { workloads } from "/work/main/bench/workloads/all.ts"
const scale = (process.argv[3] ?? "smoke") as "smoke"
for (const w of workloads) {
  if (process.argv[2] && !process.argv[2].split(",").includes(w.name)) continue
  const t = performance.now()
  const r = await Effect.runPromise(Runner.run(w, scale, () => {}))
  console.log("==", w.name, ((performance.now() - t) / 1000).toFixed(1), "s")
  for (const e of r.entries) console.log("  ", e.contestant.label, e.problem ?? "", ...e.samples.map((s) => JSON.stringify(s.measured)))
  const m = Runner.medians(r)
  for (const g of w.goals) console.log("   goal", g.text, JSON.stringify(g.judge(m)))
}
