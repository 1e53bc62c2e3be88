import * as Threads from "node:worker_threads"
import type * as Protocol from "../serving/protocol.ts"
import * as Thread from "./servingThread.ts"

Thread.run(Threads.parentPort!, Threads.workerData as Protocol.ThreadData)
