/**
 * The inputs of a target: which one comes at which place is told by the seed alone.
 */
import { Random } from "../../utils/native.ts"
import { mutate } from "./mutation.ts"
import type { Made, Target } from "./target.ts"

export interface Input {
  readonly bytes: Uint8Array
  /** Of an input that is valid: checks what came out. */
  readonly verify: Made["verify"]
}

/** A number that tells bytes apart (FNV-1a). */
export const digest = (bytes: Uint8Array): number => {
  let state = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) state = Math.imul(state ^ bytes[i]!, 0x01000193)
  return state >>> 0
}

const seedOf = (seed: number, name: string, index: number): number => {
  let state = digest(new TextEncoder().encode(`${seed} ${name} ${index}`))
  state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
  return state ^ (state >>> 13)
}

const none: ReadonlyArray<number> = []

const defaultLongest = 4000

/** Makes the inputs of a target. `extra` are inputs to start from besides its own seeds. */
export const makeInputs = (target: Target, seed: number, extra: ReadonlyArray<Uint8Array>) => {
  const seeds = [...target.seeds, ...extra]
  const borders = new Map<Uint8Array, ReadonlyArray<number>>()
  const bordersOf = (bytes: Uint8Array): ReadonlyArray<number> => {
    if (target.borders === undefined) return none
    let found = borders.get(bytes)
    if (found === undefined) borders.set(bytes, found = target.borders(bytes))
    return found
  }

  const start = (random: Random): readonly [bytes: Uint8Array, borders: ReadonlyArray<number>] => {
    if (target.odd !== undefined && random.chance(30)) return [target.odd(random), none]
    if (target.make !== undefined && (seeds.length === 0 || random.chance(40))) {
      const { bytes } = target.make(random)
      return [bytes, random.chance(5) ? target.borders?.(bytes) ?? none : none]
    }
    if (seeds.length === 0) return [random.bytes(random.below(100)), none]
    const bytes = random.pick(seeds)
    return [bytes, bordersOf(bytes)]
  }

  const broken = (random: Random): Uint8Array => {
    const [bytes, places] = start(random)
    const mutated = mutate(bytes, places, seeds.length > 0 ? random.pick(seeds) : bytes, random)
    const cut = mutated.subarray(0, target.longest ?? defaultLongest)
    return target.repair !== undefined && random.chance(60) ? target.repair(cut) : cut
  }

  return (index: number): Input => {
    const random = new Random(seedOf(seed, target.name, index))
    const kind = random.below(100)
    if (kind < 8) return { bytes: random.bytes(random.below(random.chance(90) ? 40 : 600)), verify: undefined }
    if (target.make !== undefined && kind < 18) {
      const { bytes, verify } = target.make(random)
      return { bytes, verify }
    }
    if (target.odd !== undefined && kind < 30) return { bytes: target.odd(random), verify: undefined }
    // Nothing that runs may look beyond its input, so it lies alone.
    return { bytes: broken(random).slice(), verify: undefined }
  }
}
