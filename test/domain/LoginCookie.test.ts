import { assert, describe, it } from "@effect/vitest"
import { Equal, Formatter, Redacted, Result } from "effect"
import { Hex } from "effect/encoding"
import { inspect } from "node:util"
import * as LoginCookie from "../../src/domain/LoginCookie.ts"
import * as Message from "../../src/domain/Message.ts"
import * as Slab from "../../src/domain/Slab.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const value = (result: Result.Result<Redacted.Redacted<string>, unknown>) => Redacted.value(Result.getOrThrow(result))
const problem = (result: Result.Result<unknown, LoginCookie.LoginCookieError>) =>
  Result.isFailure(result) ? result.failure.problem : undefined

// Made by hand from the wire format: tag 2, type string is 2 << 3 | 2 = 0x12; 44 characters are 0x2c.
const secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
const goldenBody = "122c" +
  "41414543417751464267634943516f4c4441304f4478415245684d554652595847426b61477877644868383d"

const login = (body: Uint8Array, serviceId = 1, messageId = 0) => Message.make({ serviceId, messageId, body })

describe("LoginCookie", () => {
  it("is the base64 of 32 random bytes", () => {
    const cookie = LoginCookie.fromRandomBytes(Uint8Array.from({ length: LoginCookie.randomSize }, (_, i) => i))
    assert.strictEqual(Redacted.value(cookie), secret)
    assert.strictEqual(Redacted.value(cookie).length, 44)
  })

  it("encodes the login message byte for byte", () => {
    const message = Result.getOrThrow(LoginCookie.encode(Redacted.make(secret)))
    assert.strictEqual(message.serviceId, 1)
    assert.strictEqual(message.messageId, 0)
    assert.strictEqual(Hex.encode(message.body), goldenBody)
  })

  it("reads the login message, made here or received", () => {
    const body = Result.getOrThrow(Hex.decode(goldenBody))
    assert.strictEqual(value(LoginCookie.read(login(body))), secret)
    const slab = Slab.make(body)
    const received = Message.fromSlab(1, 0, login(body).header, slab, 0, body.length)
    assert.strictEqual(value(LoginCookie.read(received)), secret)
    const longest = "x".repeat(999)
    const message = Result.getOrThrow(LoginCookie.encode(Redacted.make(longest)))
    // 999 as a compact integer is 86 67.
    assert.strictEqual(Hex.encode(message.body.subarray(0, 4)), "12866778")
    assert.strictEqual(value(LoginCookie.read(message)), longest)
  })

  it("skips other values of the body", () => {
    // tag 1: 5, tag 2 as an integer, tag 2: "ab", and what follows the cookie does not matter.
    const body = Uint8Array.of(0x08, 0x05, 0x10, 0x07, 0x12, 0x02, 0x61, 0x62, 0x07)
    assert.strictEqual(value(LoginCookie.read(login(body))), "ab")
  })

  it("says why a message is no login", () => {
    const body = Result.getOrThrow(Hex.decode(goldenBody))
    assert.strictEqual(problem(LoginCookie.read(login(body, 2))), "NotLogin")
    assert.strictEqual(problem(LoginCookie.read(login(body, 1, 1))), "NotLogin")
    assert.strictEqual(problem(LoginCookie.read(login(body, 1, -1))), "NotLogin")
    assert.strictEqual(problem(LoginCookie.read(login(new Uint8Array(0)))), "NoCookie")
    // The cookie as a byte array (type 3) is none.
    assert.strictEqual(problem(LoginCookie.read(login(Uint8Array.of(0x13, 0x01, 0x61)))), "NoCookie")
    assert.strictEqual(problem(LoginCookie.read(login(Uint8Array.of(0x12, 0x00)))), "Empty")
    assert.strictEqual(problem(LoginCookie.read(login(Uint8Array.of(0x12, 0x05, 0x61)))), "Malformed")
    assert.strictEqual(problem(LoginCookie.read(login(Uint8Array.of(0x17)))), "Malformed")
    assert.strictEqual(problem(LoginCookie.read(login(Uint8Array.of(0x12, 0x01, 0xff)))), "NotText")
    assert.strictEqual(problem(LoginCookie.read(login(Uint8Array.of(0x12, 0x02, 0x61, 0x0a)))), "LineBreak")
    assert.strictEqual(problem(LoginCookie.read(login(new Uint8Array(8001)))), "TooLong")
    const long = Uint8Array.of(0x12, 0x86, 0x68, ...bytes("x".repeat(1000)))
    assert.strictEqual(problem(LoginCookie.read(login(long))), "TooLong")
  })

  it("never throws on any cut of a login message", () => {
    const body = Result.getOrThrow(Hex.decode(goldenBody))
    for (let end = 0; end < body.length; end++) {
      assert.isTrue(Result.isFailure(LoginCookie.read(login(body.slice(0, end)))), `cut at ${end}`)
    }
  })

  it("does not send what is no cookie", () => {
    assert.strictEqual(problem(LoginCookie.encode(Redacted.make(""))), "Empty")
    assert.strictEqual(problem(LoginCookie.encode(Redacted.make("x".repeat(1000)))), "TooLong")
    // Bytes count, not characters: 500 of these take 1000 bytes.
    assert.strictEqual(problem(LoginCookie.encode(Redacted.make("\u00e9".repeat(500)))), "TooLong")
    assert.strictEqual(problem(LoginCookie.encode(Redacted.make("a\nb"))), "LineBreak")
  })

  it("takes the first line of a file", () => {
    assert.strictEqual(value(LoginCookie.fromFile(bytes(secret))), secret)
    assert.strictEqual(value(LoginCookie.fromFile(bytes(`${secret}\n`))), secret)
    assert.strictEqual(value(LoginCookie.fromFile(bytes(`${secret}\r\n`))), secret)
    assert.strictEqual(value(LoginCookie.fromFile(bytes(`${secret}\nsecond line\n`))), secret)
    assert.strictEqual(value(LoginCookie.fromFile(bytes(`${"x".repeat(999)}\n`))).length, 999)
    assert.strictEqual(problem(LoginCookie.fromFile(bytes(""))), "Empty")
    assert.strictEqual(problem(LoginCookie.fromFile(bytes("\nsecret"))), "Empty")
    assert.strictEqual(problem(LoginCookie.fromFile(bytes("\r\n"))), "Empty")
    assert.strictEqual(problem(LoginCookie.fromFile(bytes(`${"x".repeat(1000)}\n`))), "TooLong")
    assert.strictEqual(problem(LoginCookie.fromFile(new Uint8Array(1001).fill(0x61))), "TooLong")
    assert.strictEqual(problem(LoginCookie.fromFile(Uint8Array.of(0xc3, 0x28))), "NotText")
  })

  it("compares cookies", () => {
    const expected = Redacted.make(secret)
    assert.isTrue(LoginCookie.equals(expected, Redacted.make(secret)))
    assert.isTrue(LoginCookie.equals(Redacted.make(secret))(expected))
    for (const other of ["", "A", secret.slice(1), `${secret}=`, secret + secret, secret.toLowerCase()]) {
      assert.isFalse(LoginCookie.equals(expected, Redacted.make(other)), other)
    }
    for (let i = 0; i < secret.length; i++) {
      assert.isFalse(LoginCookie.equals(expected, Redacted.make(`${secret.slice(0, i)}!${secret.slice(i + 1)}`)))
    }
    assert.isFalse(LoginCookie.equals(Redacted.make(""), expected))
  })

  it("shows no cookie in anything that is logged", () => {
    const message = Result.getOrThrow(LoginCookie.encode(Redacted.make(secret)))
    const shown = [
      LoginCookie.fromFile(bytes(secret)),
      LoginCookie.read(message),
      LoginCookie.encode(Redacted.make(`${secret}\n`)),
      LoginCookie.fromFile(bytes(secret.repeat(30))),
      LoginCookie.fromFile(Uint8Array.of(...bytes(secret), 0xff)),
      LoginCookie.read(login(Uint8Array.of(0x12, 0x7f, ...bytes(secret))))
    ]
    for (const u of shown) {
      for (const text of [JSON.stringify(u), inspect(u, { depth: 10, showHidden: true }), Formatter.format(u)]) {
        assert.notInclude(text, secret.slice(0, 12))
      }
    }
    assert.include(JSON.stringify(shown[0]), "<redacted:LoginCookie>")
    assert.notInclude(JSON.stringify(message), secret.slice(0, 12))
    assert.isTrue(Equal.equals(LoginCookie.read(message), LoginCookie.fromFile(bytes(secret))))
  })
})
