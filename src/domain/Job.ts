/**
 * Descriptions of work that a thread can do: a name, and the types of what goes in and what comes out.
 *
 * The program asks for a job by its description (`WorkerThreads.run`); what the job does is bound to the same
 * description by {@link handler}, in the thread. Input and output travel as structured clones: plain data and bytes.
 *
 * @stability unstable
 * @since 0.1.0
 */

const TypeId = "~effect-flowee/Job"

/**
 * The description of a job.
 *
 * @category models
 * @since 0.1.0
 */
export interface Job<in In, out Out, Name extends string = string> {
  readonly [TypeId]: { readonly in: (input: In) => void; readonly out: () => Out } | undefined
  /** By this name a thread finds what to do. It is to be unique among the jobs of a pool. */
  readonly name: Name
}

/**
 * A job together with what it does. Make it with {@link handler}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handler {
  readonly name: string
  readonly handle: (input: unknown) => unknown
}

/**
 * Describes a job.
 *
 * **Example** (A job of one's own)
 *
 * ```ts
 * import { Job } from "effect-flowee"
 *
 * const sum = Job.make<ReadonlyArray<number>, number>()("sum")
 *
 * const sumHandler = Job.handler(sum, (numbers) => numbers.reduce((a, b) => a + b, 0))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <In, Out>() => <const Name extends string>(name: Name): Job<In, Out, Name> => ({
  [TypeId]: undefined,
  name
})

/**
 * Says what a job does. The function runs to its end in one go; what it throws fails the job.
 *
 * @category constructors
 * @since 0.1.0
 */
export const handler = <In, Out, Name extends string>(
  job: Job<In, Out, Name>,
  handle: (input: In) => Out
): Handler => ({ name: job.name, handle: handle as Handler["handle"] })

/**
 * The SHA-256 of the SHA-256 of bytes: 32 bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const hash256: Job<Uint8Array, Uint8Array, "hash256"> = make<Uint8Array, Uint8Array>()("hash256")
