/**
 * All workloads, in the order in which they are run and shown.
 */
import type { Workload } from "../harness/workload.ts"
import { bulk } from "./bulk.ts"
import { echo } from "./echo.ts"
import { fanIn } from "./fanIn.ts"
import { flood } from "./flood.ts"
import { headers } from "./headers.ts"
import { hostile } from "./hostile.ts"
import { idle } from "./idle.ts"
import { loopDelay } from "./loopDelay.ts"
import { memory } from "./memory.ts"
import { mixed } from "./mixed.ts"
import { pipelined } from "./pipelined.ts"
import { storm } from "./storm.ts"
import { sync } from "./sync.ts"
import { threads } from "./threads.ts"

export const workloads: ReadonlyArray<Workload> = [
  flood,
  echo,
  pipelined,
  bulk,
  mixed,
  hostile,
  fanIn,
  idle,
  memory,
  storm,
  loopDelay,
  threads,
  headers,
  sync
]
