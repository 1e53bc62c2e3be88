/**
 * What a thread of `NodeWorkerThreads` runs where a program has no entry file of its own.
 */
import * as NodeWorkerEntry from "../../layers/NodeWorkerEntry.ts"

NodeWorkerEntry.serve()
