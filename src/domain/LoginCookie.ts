/**
 * The secret that a client of a 2018 Hub logs in with, and the message that carries it.
 *
 * The server keeps the cookie in a file, and whoever can read that file may log in. The cookie is the first line of the
 * file: one to 999 bytes of text; those made here are the base64 of 32 random bytes, 44 characters. The client sends it
 * in a message that comes before anything else, with high priority.
 *
 * **Details**
 *
 * A cookie is a `Redacted` from the moment it is read. No error of this module holds any of it.
 *
 * **Gotchas**
 *
 * The body of a login message holds the cookie as it is on the wire: do not log that body. Compare cookies with
 * {@link equals}; `Equal.equals` takes longer the more of a guess is right.
 *
 * Source: wire format, section 3.
 *
 * @stability unstable
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Base64 from "effect/encoding/Base64"
import { dual } from "effect/Function"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Message from "./Message.ts"
import * as NativeFormat from "./NativeFormat.ts"
import * as TaggedParser from "./TaggedParser.ts"
import * as TaggedWriter from "./TaggedWriter.ts"

/**
 * The service that logs in (`LoginService`). Hubs of the later protocol have another service under this id, and no login.
 *
 * @category constants
 * @since 0.1.0
 */
export const serviceId = 1

/**
 * The message that logs in (`LoginMessage`).
 *
 * @category constants
 * @since 0.1.0
 */
export const messageId = 0

/**
 * The tag of the cookie in the body of the login message (`CookieData`).
 *
 * @category constants
 * @since 0.1.0
 */
export const cookieTag = 2

/**
 * The longest cookie, in bytes of UTF-8.
 *
 * @category constants
 * @since 0.1.0
 */
export const maxSize = 999

/**
 * How many random bytes a cookie is made of.
 *
 * @category constants
 * @since 0.1.0
 */
export const randomSize = 32

/**
 * Why something is no cookie, or no login.
 *
 * - `Empty`: there is nothing in the first line.
 * - `TooLong`: it has 1000 bytes or more.
 * - `NotText`: it is not valid UTF-8.
 * - `LineBreak`: it has a line break, and so can never be the first line of a file.
 * - `NotLogin`: the message has other ids than a login message.
 * - `NoCookie`: the body has no string with the tag of the cookie.
 * - `Malformed`: the body is not a run of tagged values.
 *
 * @category errors
 * @since 0.1.0
 */
export class LoginCookieError extends Data.TaggedError("LoginCookieError")<{
  readonly problem: "Empty" | "TooLong" | "NotText" | "LineBreak" | "NotLogin" | "NoCookie" | "Malformed"
}> {
  override get message(): string {
    return explain[this.problem]
  }
}

const explain: { readonly [problem in LoginCookieError["problem"]]: string } = {
  Empty: "the login cookie is empty",
  TooLong: "the login cookie has 1000 bytes or more",
  NotText: "the login cookie is not UTF-8 text",
  LineBreak: "the login cookie has a line break",
  NotLogin: "the message is not a login message",
  NoCookie: "the login message has no cookie",
  Malformed: "the body of the login message is malformed"
}

const fail = (problem: LoginCookieError["problem"]) => Result.fail(new LoginCookieError({ problem }))

const redact = (text: string): Redacted.Redacted<string> => Redacted.make(text, { label: "LoginCookie" })

const encoder = new TextEncoder()
// Strict, so that two different byte strings can never be the same cookie.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const lineFeed = 0x0a
const carriageReturn = 0x0d

const fromBytes = (bytes: Uint8Array): Result.Result<Redacted.Redacted<string>, LoginCookieError> => {
  if (bytes.length === 0) return fail("Empty")
  if (bytes.length > maxSize) return fail("TooLong")
  if (bytes.includes(lineFeed) || bytes.includes(carriageReturn)) return fail("LineBreak")
  return Result.try({
    try: () => redact(decoder.decode(bytes)),
    // The error of the decoder is left out, since nothing says what it holds.
    catch: () => new LoginCookieError({ problem: "NotText" })
  })
}

/**
 * Makes a cookie of {@link randomSize} bytes that nobody can guess.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRandomBytes = (bytes: Uint8Array): Redacted.Redacted<string> => redact(Base64.encode(bytes))

/**
 * Reads the cookie from the content of a cookie file: its first line, a line of Windows included.
 *
 * **Details**
 *
 * The first 1001 bytes of a file are enough: what has no line break within them is too long.
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromFile = (content: Uint8Array): Result.Result<Redacted.Redacted<string>, LoginCookieError> => {
  const found = content.indexOf(lineFeed)
  const end = found === -1 ? content.length : found
  return fromBytes(content.subarray(0, end > 0 && content[end - 1] === carriageReturn ? end - 1 : end))
}

/**
 * Makes the login message. It is to be sent with high priority, before anything else.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (cookie: Redacted.Redacted<string>): Result.Result<Message.Message, LoginCookieError> =>
  Result.map(fromBytes(encoder.encode(Redacted.value(cookie))), (checked) =>
    Message.make({
      serviceId,
      messageId,
      body: TaggedWriter.make().string(cookieTag, Redacted.value(checked)).finishUnsafe()
    }))

/**
 * Reads the cookie from a login message. Other values in its body are skipped.
 *
 * @category decoding
 * @since 0.1.0
 */
export const read = (message: Message.Message): Result.Result<Redacted.Redacted<string>, LoginCookieError> => {
  if (message.serviceId !== serviceId || message.messageId !== messageId) return fail("NotLogin")
  // A message of high priority is never chunked, so a longer body is none: it is not worth looking at.
  if (message.bodyLength > NativeFormat.maxChunk) return fail("TooLong")
  const parser = Message.parser(message)
  while (parser.next()) {
    if (parser.tag === cookieTag && parser.type === TaggedParser.ValueType.Text) return fromBytes(parser.utf8())
  }
  return fail(parser.failure === undefined ? "NoCookie" : "Malformed")
}

const equalBytes = (expected: Uint8Array, given: Uint8Array): boolean => {
  let difference = expected.length ^ given.length
  for (let i = 0; i < given.length; i++) difference |= given[i] ^ expected[i % expected.length]
  return difference === 0
}

/**
 * Tells whether two cookies are the same, in a time that depends on the length of the given one and on nothing else.
 *
 * @category guards
 * @since 0.1.0
 */
export const equals: {
  /**
   * Tells whether two cookies are the same, in a time that depends on the length of the given one and on nothing else.
   *
   * @category guards
   * @since 0.1.0
   */
  (given: Redacted.Redacted<string>): (expected: Redacted.Redacted<string>) => boolean
  /**
   * Tells whether two cookies are the same, in a time that depends on the length of the given one and on nothing else.
   *
   * @category guards
   * @since 0.1.0
   */
  (expected: Redacted.Redacted<string>, given: Redacted.Redacted<string>): boolean
} = dual(
  2,
  (expected: Redacted.Redacted<string>, given: Redacted.Redacted<string>): boolean =>
    equalBytes(encoder.encode(Redacted.value(expected)), encoder.encode(Redacted.value(given)))
)
