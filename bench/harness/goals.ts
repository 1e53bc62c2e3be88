/**
 * The kinds of goals there are.
 */
import * as Format from "./format.ts"
import type { Format as FormatName, Goal, Medians } from "./workload.ts"

/** The best of those that took part. */
export const bestOf = (medians: Medians, labels: ReadonlyArray<string>, key: string, better: "more" | "less") => {
  const values = labels.map((label) => medians(label, key)).filter((value) => value !== undefined)
  if (values.length === 0) return undefined
  return better === "more" ? Math.max(...values) : Math.min(...values)
}

interface Ratio {
  readonly of: string
  readonly to: ReadonlyArray<string>
  readonly key: string
}

const ratio = (medians: Medians, { key, of, to }: Ratio, better: "more" | "less"): number | undefined => {
  const own = medians(of, key)
  const floor = bestOf(medians, to, key, better)
  return own === undefined || floor === undefined ? undefined : own / floor
}

/** `of` is at least so many times the best of `to`. */
export const atLeastTimes = (factor: number, text: string, compared: Ratio): Goal => ({
  text,
  judge: (medians) => {
    const found = ratio(medians, compared, "more")
    return found === undefined ? undefined : { found: Format.times(found), isMet: found >= factor }
  }
})

/** `of` is at most so many times the best of `to`. */
export const atMostTimes = (factor: number, text: string, compared: Ratio): Goal => ({
  text,
  judge: (medians) => {
    const found = ratio(medians, compared, "less")
    return found === undefined ? undefined : { found: Format.times(found), isMet: found <= factor }
  }
})

/** The figure of `of` is at most `limit`. */
export const atMost = (limit: number, text: string, of: string, key: string, format: FormatName): Goal => ({
  text,
  judge: (medians) => {
    const found = medians(of, key)
    return found === undefined ? undefined : { found: Format.figure(format, found), isMet: found <= limit }
  }
})

/** The figure of `of` is at least `limit`. */
export const atLeast = (limit: number, text: string, of: string, key: string, format: FormatName): Goal => ({
  text,
  judge: (medians) => {
    const found = medians(of, key)
    return found === undefined ? undefined : { found: Format.figure(format, found), isMet: found >= limit }
  }
})

/** The figure of `of` is at most `limit` above that of `floor`. */
export const atMostAbove = (
  limit: number,
  text: string,
  compared: { readonly of: string; readonly floor: string; readonly key: string; readonly format: FormatName }
): Goal => ({
  text,
  judge: (medians) => {
    const own = medians(compared.of, compared.key)
    const floor = medians(compared.floor, compared.key)
    if (own === undefined || floor === undefined) return undefined
    return { found: Format.figure(compared.format, own - floor), isMet: own - floor <= limit }
  }
})
