/**
 * The longest turn of the event loop while something is done.
 */
import { Effect } from "effect"
import process from "node:process"
import { setImmediate } from "node:timers"

/** For how many milliseconds this thread has had a core. What else a machine does leaves that as it is. */
const worked = (): number => {
  const { system, user } = process.threadCpuUsage()
  return (system + user) / 1000
}

/** Runs an effect. Gives the milliseconds of work in the longest turn, with what the effect did in it. */
export const longestTurn = <E, R>(effect: Effect.Effect<unknown, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    let longest = 0
    let isOver = false
    let last = worked()
    const turn = (): void => {
      const now = worked()
      longest = Math.max(longest, now - last)
      last = now
      if (!isOver) setImmediate(turn)
    }
    const next = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))
    return next.pipe(
      Effect.andThen(Effect.sync(() => {
        turn()
        longest = 0
      })),
      Effect.andThen(effect),
      Effect.andThen(next),
      Effect.andThen(next),
      Effect.map(() => longest),
      Effect.ensuring(Effect.sync(() => {
        isOver = true
      }))
    )
  })

export interface Prepared {
  /** What is measured. */
  readonly run: Effect.Effect<unknown, unknown>
}

/** One thing that a peer, or what is stored, can make a program do. */
export interface Case {
  readonly what: string
  /** Makes ready. */
  readonly prepare: Effect.Effect<Prepared, unknown>
}
