import { Tracer } from "effect"

/** A tracer, and all spans that were made with it. */
export const keepingSpans = (): { readonly tracer: Tracer.Tracer; readonly spans: ReadonlyArray<Tracer.Span> } => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}
