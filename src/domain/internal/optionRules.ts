/**
 * Rules for options: which values can be used, and what stands for one that is left out.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/**
 * An option has a value that cannot be used.
 *
 * @category errors
 * @since 0.1.0
 */
export class BadOption extends Data.TaggedError("BadOption")<{
  readonly option: string
  readonly value: unknown
  readonly problem: string
}> {
  override get message(): string {
    return `option "${this.option}": ${this.problem}, not ${String(this.value)}`
  }
}

/** @internal */
export interface Rule<out A> {
  readonly kind: "count" | "points" | "time"
  readonly default: A
  /** What a person is told who gave something else. */
  readonly problem: string
  readonly read: (value: unknown) => Option.Option<A>
}

/** @internal */
export type Rules<S> = { readonly [K in keyof S]: Rule<S[K]> }

/** Options as they come; what there is no rule for is not looked at. @internal */
export type Given<S> = { readonly [K in keyof S]?: unknown }

const isWithin = (value: unknown, minimum: number, maximum: number): value is number =>
  typeof value === "number" && value >= minimum && value <= maximum

/** @internal */
export const count = (value: number, minimum: number, maximum: number): Rule<number> => ({
  kind: "count",
  default: value,
  problem: `an integer from ${minimum} to ${maximum} is needed`,
  read: Option.liftPredicate((given): given is number => Number.isInteger(given) && isWithin(given, minimum, maximum))
})

/** A number that may have a fraction. @internal */
export const points = (value: number, minimum: number, maximum: number): Rule<number> => ({
  kind: "points",
  default: value,
  problem: `a number from ${minimum} to ${maximum} is needed`,
  read: Option.liftPredicate((given): given is number => isWithin(given, minimum, maximum))
})

/** The longest time that a timer of JavaScript can be set to. @internal */
export const longestTimer = 0x7fffffff

/** The bounds are milliseconds. @internal */
export const time = (value: Duration.Input, minimum: number, maximum = Infinity): Rule<Duration.Duration> => ({
  kind: "time",
  default: Duration.fromInputUnsafe(value),
  problem: maximum === Infinity
    ? `a duration of at least ${minimum} ms is needed`
    : `a duration of ${minimum} to ${maximum} ms is needed`,
  read: (given) =>
    // For `Duration` that is no time at all.
    Number.isNaN(given) ? Option.none() : Option.filter(
      Duration.fromInput(given as Duration.Input),
      (duration) => isWithin(Duration.toMillis(duration), minimum, maximum)
    )
})

/** One value, or its default. @internal */
export const check = <A>(option: string, rule: Rule<A>, value: unknown): Result.Result<A, BadOption> =>
  value === undefined ? Result.succeed(rule.default) : Result.fromOption(
    rule.read(value),
    () => new BadOption({ option, value, problem: rule.problem })
  )

/** The options that there is a rule for, over what holds without them. @internal */
export const override = <S extends object>(
  rules: Rules<S>,
  base: S,
  options: Given<NoInfer<S>>
): Result.Result<S, BadOption> => {
  const settings = { ...base }
  for (const name of Object.keys(rules) as Array<keyof S & string>) {
    if (options[name] === undefined) continue
    const checked = check(name, rules[name], options[name])
    if (Result.isFailure(checked)) return Result.fail(checked.failure)
    settings[name] = checked.success
  }
  return Result.succeed(settings)
}

/** @internal */
export const defaults = <S extends object>(rules: Rules<S>): S =>
  Object.fromEntries(Object.entries<Rule<unknown>>(rules).map(([name, rule]) => [name, rule.default])) as S

/** @internal */
export const resolve = <S extends object>(
  rules: Rules<S>,
  options: Given<NoInfer<S>> | undefined
): Result.Result<S, BadOption> => override(rules, defaults(rules), options ?? {})
