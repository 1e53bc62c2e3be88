/**
 * Everything that can be observed of a program, as text, and a search in it for what must not be there.
 */
import { assert } from "@effect/vitest"
import { Cause, Effect, Inspectable, Logger, Metric, References, Tracer } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { inspect } from "node:util"
import { keepingSpans } from "./spans.ts"

const spaced = (bytes: Buffer, base: 10 | 16, separator: string): string =>
  Array.from(bytes.subarray(0, 8), (byte) => byte.toString(base)).join(separator)

/** The ways in which a text may show: as it is, in hex, in base64 at any offset, in URLs, in lists of numbers. */
export const formsOf = (text: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(text)
  const decoded = Buffer.from(text, "base64")
  const inBase64 = [0, 1, 2].map((skipped) => {
    const encoded = bytes.subarray(skipped).toString("base64").replace(/=+$/, "")
    // The last digits depend on what follows.
    return encoded.slice(0, encoded.length - 2)
  })
  return [
    text,
    encodeURIComponent(text),
    JSON.stringify(text).slice(1, -1),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    ...inBase64,
    ...inBase64.map((form) => form.replaceAll("+", "-").replaceAll("/", "_")),
    ...[bytes, ...(isBase64(text) ? [decoded] : [])].flatMap((some) => [
      some.toString("hex"),
      ...[",", ", ", " "].flatMap((separator) => [spaced(some, 10, separator), spaced(some, 16, separator)])
    ])
  ]
}

const isBase64 = (text: string): boolean => /^[A-Za-z0-9+/]{40,}=*$/.test(text)

/** As a logger, a debugger or a person would see it. */
export const show = (value: unknown): string =>
  [
    inspect(value, { depth: 12, showHidden: true, maxArrayLength: null, maxStringLength: null }),
    Inspectable.toStringUnknown(value),
    String(value),
    Cause.isCause(value) ? Cause.pretty(value) : "",
    value instanceof Error ? `${value.message}\n${value.stack}` : ""
  ].join("\n")

export interface Observed {
  readonly logs: Array<string>
  readonly spans: ReadonlyArray<Tracer.Span>
}

/** Runs a program under a logger of all levels, a tracer, and a metric registry of its own. */
export const observe = <A, E, R>(program: (observed: Observed) => Effect.Effect<A, E, R>) => {
  const logs: Array<string> = []
  const { spans, tracer } = keepingSpans()
  const formats = [Logger.formatJson, Logger.formatLogFmt, Logger.formatSimple]
  const logger = Logger.make((options) => {
    for (const format of formats) logs.push(format.log(options))
    logs.push(show(options.message), show(options.cause), show(options.fiber.getRef(References.CurrentLogAnnotations)))
  })
  return program({ logs, spans }).pipe(
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(References.MinimumLogLevel, "All"),
    Effect.provideService(Tracer.Tracer, tracer),
    Effect.provideService(Metric.MetricRegistry, new Map())
  )
}

const showSpan = (span: Tracer.Span): string => [span.name, show([...span.attributes]), show(span.status)].join("\n")

/** Where a secret was found; nothing when all is well. */
export const find = (
  secrets: Record<string, string>,
  places: ReadonlyArray<readonly [place: string, text: string]>
): ReadonlyArray<string> =>
  Object.entries(secrets).flatMap(([name, secret]) => {
    const forms = formsOf(secret)
    return places.flatMap(([place, text]) => {
      // Arrays of numbers are shown in columns.
      const plain = text.replace(/\s+/g, " ")
      const form = forms.find((form) => text.includes(form) || plain.includes(form))
      return form === undefined ? [] : [`${name} as ${form} in ${place}: ${text.slice(0, 2000)}`]
    })
  })

/** No secret may be in anything that was observed, or in the values that are given. */
export const assertHidden = (
  secrets: Record<string, string>,
  { logs, spans }: Observed,
  values: ReadonlyArray<unknown>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const found = find(secrets, [
      ...logs.map((line) => ["a log", line] as const),
      ...spans.map((span) => [`the span ${span.name}`, showSpan(span)] as const),
      ...values.map((value) => ["an error or a state", show(value)] as const),
      ["the metrics", yield* PrometheusMetrics.format()],
      ["the metrics", show(yield* Metric.snapshot)]
    ])
    assert.deepStrictEqual(found, [])
  })
