/**
 * All listeners that are fuzzed.
 */
import type { Server } from "../harness/target.ts"
import { hubClient } from "./dialled.ts"
import { legacyServer, nativeServer } from "./envelopes.ts"
import { hub } from "./hub.ts"
import { p2pDialler, p2pNode } from "./p2p.ts"
import { socketServer } from "./sockets.ts"

export const servers: ReadonlyArray<Server> = [
  nativeServer,
  legacyServer,
  socketServer,
  p2pNode,
  hub,
  hubClient,
  p2pDialler
]
