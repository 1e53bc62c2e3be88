/**
 * What is fuzzed: something that takes foreign bytes, and what has to hold for any of them.
 */
import type { Random } from "../../utils/native.ts"

/** A valid input, made by the description of its format. */
export interface Made {
  readonly bytes: Uint8Array
  /** Checks that what was put in comes out again. Throws when it does not. */
  readonly verify?: () => void
}

interface Common {
  readonly name: string
  /** How many inputs it gets, compared with the others. Default: 1. */
  readonly weight?: number
  /** Valid inputs to start from. */
  readonly seeds: ReadonlyArray<Uint8Array>
  readonly make?: (random: Random) => Made
  /** Makes what is almost valid: well-framed, with something odd in it. */
  readonly odd?: (random: Random) => Uint8Array
  /** Where the fields of an input begin, as far as it is valid. */
  readonly borders?: (bytes: Uint8Array) => ReadonlyArray<number>
  /** Makes the checksums, lengths and the like of a changed input right again, so that what is behind them is reached. */
  readonly repair?: (bytes: Uint8Array) => Uint8Array
  /** Longer inputs are cut. Default: 4000 bytes. */
  readonly longest?: number
}

/** A function of bytes. */
export interface Decoder extends Common {
  readonly kind: "decoder"
  /** Gives a name for what came of it. Throws when something is so that must not be. */
  readonly run: (input: Uint8Array) => string | Promise<string>
  /** Milliseconds that any input may take, however short it is. Default: 25. */
  readonly patience?: number
  /** Bytes that any input may allocate, however short it is. Default: 4 MB. */
  readonly allowance?: number
}

/** A listener, to which each input is what one peer says. */
export interface Server extends Common {
  readonly kind: "server"
  /** How many peers one listener has, at the same time or one after another. */
  readonly peers: number
  /** Starts a listener, lets each peer say its part, and stops it. Names what came of each of them. */
  readonly run: (inputs: ReadonlyArray<Uint8Array>) => Promise<ReadonlyArray<string>>
}

export type Target = Decoder | Server
