/**
 * The trace that a request belongs to, as values of its header.
 *
 * **Details**
 *
 * A trace context is 49 hex digits: 32 of the trace, 16 of the span, and one of flags (W3C Trace Context, of which only
 * the bit "sampled" is used). They are carried as seven header values of seven digits each, under the tags 24 to 30:
 * these are free for applications (wire format, section 2), and the highest that take a single byte. Together they take
 * at most 35 bytes.
 *
 * A header is foreign: what is no whole trace context is none, and nothing is thrown.
 *
 * **Example** (There and back)
 *
 * ```ts
 * import { Header, TraceContext } from "effect-flowee"
 *
 * const context = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", sampled: true }
 * const header = TraceContext.toHeader(context, Header.empty)
 * const same = TraceContext.fromHeader(header)
 * ```
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Header from "./Header.ts"

/**
 * Where in which trace something happens.
 *
 * @category models
 * @since 0.1.0
 */
export interface TraceContext {
  /** 32 lower-case hex digits, not all of them zero. */
  readonly traceId: string
  /** 16 lower-case hex digits, not all of them zero. */
  readonly spanId: string
  /** Whether the caller records this trace. */
  readonly sampled: boolean
}

/**
 * The first of the header tags that carry a trace context.
 *
 * @category constants
 * @since 0.1.0
 */
export const firstTag = 24

/**
 * How many header tags carry a trace context.
 *
 * @category constants
 * @since 0.1.0
 */
export const tagCount = 7

const digitsPerTag = 7
const maxValue = 16 ** digitsPerTag - 1

const isTraceId = (text: string): boolean => /^(?!0{32})[0-9a-f]{32}$/.test(text)
const isSpanId = (text: string): boolean => /^(?!0{16})[0-9a-f]{16}$/.test(text)

/**
 * A header with a trace context put into it, in place of one that it has. Ids of another form, which a tracer may have,
 * are not carried: the header stays as it is.
 *
 * @category encoding
 * @since 0.1.0
 */
export const toHeader = (self: TraceContext, header: Header.Header): Header.Header => {
  if (!isTraceId(self.traceId) || !isSpanId(self.spanId)) return header
  const digits = `${self.traceId}${self.spanId}${self.sampled ? "1" : "0"}`
  let carrying = header
  for (let i = 0; i < tagCount; i++) {
    const value = Number.parseInt(digits.slice(i * digitsPerTag, (i + 1) * digitsPerTag), 16)
    carrying = Header.set(carrying, firstTag + i, value)
  }
  return carrying
}

/**
 * The trace context of a header, or `undefined` when it carries none that is whole.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromHeader = (header: Header.Header): TraceContext | undefined => {
  if (Header.size(header) < tagCount) return undefined
  let digits = ""
  for (let i = 0; i < tagCount; i++) {
    const value = Header.get(header, firstTag + i)
    if (value === undefined || value < 0 || value > maxValue) return undefined
    digits += value.toString(16).padStart(digitsPerTag, "0")
  }
  const traceId = digits.slice(0, 32)
  const spanId = digits.slice(32, 48)
  if (!isTraceId(traceId) || !isSpanId(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(digits[48]!, 16) & 1) === 1 }
}
