/**
 * What runs for a peer and may finish when its connection closes: the programs of connections, the handlers of services.
 *
 * Work may itself close what would wait for it. Closing cannot be interrupted, so each would wait for the other for
 * ever: work that is closing something is left out of what is waited for. It is interrupted all the same, and ends when
 * its closing does.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** The work that a fiber belongs to. Fibers that the work has started inherit it. */
const Current = Context.Reference<Work | undefined>("effect-flowee/internal/work/Current", {
  defaultValue: () => undefined
})

/** @internal */
export class Work {
  #fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  #ownClosings = 0
  #closings = 0
  #listeners: Set<() => void> | undefined = undefined

  /** Whether its own fiber is closing something: it cannot go on before that is done. */
  get isClosing(): boolean {
    return this.#ownClosings > 0
  }

  get hasEnded(): boolean {
    return this.#fiber?.pollUnsafe() !== undefined
  }

  /** Completes when it has ended, or when its own fiber closes something. */
  get finished(): Effect.Effect<void> {
    return this.#until(() => this.hasEnded || this.isClosing)
  }

  /**
   * Completes when it has ended, or when any of its fibers closes something: whether it waits for that fiber cannot be
   * known.
   */
  get stopped(): Effect.Effect<void> {
    return this.#until(() => this.hasEnded || this.#closings > 0)
  }

  /** Starts the effect that makes up this work, in a context. Whoever starts it ends it. */
  start<R>(effect: Effect.Effect<unknown, never, R>, context: Context.Context<R>): void {
    const run = Effect.runForkWith(Context.add(context, Current, this))
    run(Effect.withFiber((fiber) => {
      this.#fiber = fiber
      return effect
    }))
  }

  onEnd(listener: () => void): void {
    this.#fiber?.addObserver(listener)
  }

  interruptUnsafe(by?: number): void {
    this.#fiber?.interruptUnsafe(by)
  }

  /** Counts a closing in until the returned function is called. */
  enter(fiber: Fiber.Fiber<unknown, unknown>): () => void {
    const own = fiber === this.#fiber ? 1 : 0
    this.#closings += 1
    this.#ownClosings += own
    for (const listener of [...this.#listeners ?? []]) listener()
    return () => {
      this.#closings -= 1
      this.#ownClosings -= own
    }
  }

  #until(isSo: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (isSo()) return resume(Effect.void)
      const listener = () => {
        if (isSo()) resume(Effect.void)
      }
      const listeners = this.#listeners ??= new Set()
      listeners.add(listener)
      const removeObserver = this.#fiber?.addObserver(listener)
      return Effect.sync(() => {
        listeners.delete(listener)
        removeObserver?.()
      })
    })
  }
}

/**
 * Interrupts work, and waits until it has ended.
 *
 * @internal
 */
export const interruptAll = (works: Iterable<Work>): Effect.Effect<void> =>
  Effect.withFiber((fiber) => {
    const all = [...works]
    for (const work of all) work.interruptUnsafe(fiber.id)
    return Effect.forEach(all, (work) => work.stopped, { discard: true })
  })

/**
 * Runs an effect as work of its own and waits for its result. Interruption ends it, and waits for no longer than until
 * it closes something: that may be what interrupts.
 *
 * @internal
 */
export const waitFor = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.contextWith((context: Context.Context<never>) =>
    Effect.callback<A, E>((resume) => {
      const work = new Work()
      work.start(Effect.map(Effect.exit(effect), (exit) => resume(exit)), context)
      return interruptAll([work])
    })
  )

/**
 * Runs what closes something that waits for work.
 *
 * @internal
 */
export const closing = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    const work = fiber.getRef(Current)
    return work === undefined
      ? effect
      : Effect.acquireUseRelease(Effect.sync(() => work.enter(fiber)), () => effect, (leave) => Effect.sync(leave))
  })

/**
 * The context without the work that it comes from: what is started in it later is no part of that.
 *
 * @internal
 */
export const outside = <R>(context: Context.Context<R>): Context.Context<R> => Context.omit(Current)(context)
