/**
 * All decoders that are fuzzed.
 */
import type { Decoder } from "../harness/target.ts"
import { banFile } from "./bans.ts"
import { binary } from "./binary.ts"
import { blocks, transactions } from "./chain.ts"
import { addressFile, headerStore, loginCookie } from "./files.ts"
import { headerChain, headerRules } from "./headers.ts"
import { legacy, legacyCommand } from "./legacy.ts"
import { chunks, native } from "./native.ts"
import { capture, frames, taggedJson } from "./notation.ts"
import { p2pMessages } from "./p2pMessages.ts"
import { compactInt, tagged } from "./tagged.ts"
import { texts } from "./texts.ts"
import { wire } from "./wire.ts"

export const decoders: ReadonlyArray<Decoder> = [
  native,
  chunks,
  compactInt,
  tagged,
  wire,
  legacy,
  legacyCommand,
  p2pMessages,
  binary,
  headerRules,
  headerChain,
  headerStore,
  addressFile,
  banFile,
  loginCookie,
  texts,
  transactions,
  blocks,
  capture,
  frames,
  taggedJson
]
