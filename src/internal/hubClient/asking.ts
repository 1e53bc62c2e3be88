/**
 * What calls have in common: arguments of which one or another is given, and errors in the terms of the client.
 */
import * as Effect from "effect/Effect"
import * as HubError from "../../services/hub/HubError.ts"
import type * as MessageClient from "../../services/MessageClient.ts"

/**
 * A call, with the error of a client. Arguments that have another name there, or place, are renamed.
 *
 * @internal
 */
export const asked = <A>(
  call: Effect.Effect<A, MessageClient.CallError>,
  rename: (argument: string) => string = (argument) => argument
): Effect.Effect<A, HubError.HubError> =>
  Effect.mapError(call, (error) => {
    const { call, reason } = HubError.fromCallError(error)
    return reason._tag === "BadArgument"
      ? HubError.badArgument(call, rename(reason.argument), reason.problem)
      : new HubError.HubError({ call, reason })
  })

/**
 * Refuses arguments of which not exactly one alternative is given.
 *
 * @internal
 */
export const requireOne = (
  call: string,
  given: object,
  alternatives: ReadonlyArray<ReadonlyArray<string>>,
  place = ""
): Effect.Effect<void, HubError.HubError> => {
  const names = new Set(Object.keys(defined(given)))
  const touched = alternatives.filter((alternative) => alternative.some((name) => names.has(name)))
  const [only] = touched
  if (touched.length === 1 && only!.every((name) => names.has(name))) return Effect.void
  const argument = (touched.at(-1) ?? alternatives[0]!).find((name) => touched.length === 0 || names.has(name))!
  const wanted = alternatives.map((alternative) => alternative.join(" and ")).join(", or ")
  const problem = `give ${wanted}${touched.length > 1 ? ", but not both" : ""}`
  return Effect.fail(HubError.badArgument(call, `${place}${argument}`, problem))
}

type Defined<A> = A extends unknown ? { readonly [K in keyof A]?: Exclude<A[K], undefined> } : never

/**
 * Without the keys that are there but say nothing.
 *
 * @internal
 */
export const defined = <A extends object>(given: A): Defined<A> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Defined<A>
