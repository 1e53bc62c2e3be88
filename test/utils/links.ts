import { assert } from "@effect/vitest"
import { Effect, Option } from "effect"
import type { Scope } from "effect"
import { NetAddress } from "effect/net"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Link, LinkListener, LinkReceiver, Transport, TransportError } from "../../src/services/Transport.ts"

/** The state of a pseudo-random sequence that a test can repeat. */
export const randomFrom = (seed: number) => {
  let state = seed >>> 0
  /** A whole number from 0 to `below` - 1. */
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

export const randomBytes = (size: number, seed: number): Uint8Array => {
  const random = randomFrom(seed)
  const words = new Uint32Array(Math.ceil(size / 4))
  for (let i = 0; i < words.length; i++) words[i] = random(2 ** 32)
  return new Uint8Array(words.buffer, 0, size)
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

export interface RecorderOptions {
  /** Size of the memory for the next read. */
  readonly bufferSize?: () => number
  /** Called after each read; `false` pauses. */
  readonly goOn?: () => boolean
}

/** A receiver that keeps what it gets, and checks that it is called as the port says. */
export class Recorder implements LinkReceiver {
  readonly ends: Array<TransportError | undefined> = []
  reads = 0
  count = 0
  last = new Uint8Array(0)
  readonly #chunks: Array<Uint8Array> = []
  readonly #options: RecorderOptions
  readonly #waiters = new Set<() => void>()
  #isOffered = false
  #isInside = false

  constructor(options: RecorderOptions = {}) {
    this.#options = options
  }
  readonly buffer = (): Uint8Array => {
    this.#check("buffer")
    this.last = new Uint8Array(this.#options.bufferSize?.() ?? 65_536)
    this.#isOffered = true
    return this.last
  }
  readonly onRead = (count: number): boolean => {
    this.#check("onRead")
    assert.isTrue(this.#isOffered, "read without memory")
    assert.isTrue(count > 0 && count <= this.last.length, `${count} bytes into ${this.last.length}`)
    this.#isOffered = false
    this.#chunks.push(this.last.slice(0, count))
    this.count += count
    this.reads += 1
    this.#isInside = true
    const goOn = this.#options.goOn?.() ?? true
    this.#isInside = false
    this.#wake()
    return goOn
  }
  readonly onEnd = (error: TransportError | undefined): void => {
    this.#check("onEnd")
    this.ends.push(error)
    this.#wake()
  }
  get bytes(): Uint8Array {
    return Buffer.concat(this.#chunks)
  }
  get text(): string {
    return Buffer.from(this.bytes).toString()
  }
  get problem(): string | undefined {
    return this.ends[0]?.problem
  }
  /** Waits until so many bytes have come. */
  readonly received = (count: number): Effect.Effect<void> => this.#until(() => this.count >= count)
  readonly ended: Effect.Effect<void> = Effect.suspend(() => this.#until(() => this.ends.length > 0))

  #until(condition: () => boolean): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const check = () => {
        if (!condition()) return
        this.#waiters.delete(check)
        resume(Effect.void)
      }
      this.#waiters.add(check)
      check()
    })
  }
  /** Whoever waits goes on when the link has got its answer. */
  #wake(): void {
    queueMicrotask(() => {
      for (const waiter of this.#waiters) waiter()
    })
  }
  #check(what: string): void {
    assert.isFalse(this.#isInside, `${what} inside of onRead`)
    assert.strictEqual(this.ends.length, 0, `${what} after onEnd`)
  }
}

/** Writes, and checks that either all is taken at once, or `done` comes later and once. */
export const send = (link: Link, ...parts: ReadonlyArray<Uint8Array | string>): Effect.Effect<void, TransportError> =>
  Effect.callback((resume) => {
    let isReturned = false
    let calls = 0
    const isTaken = link.write(parts.map((part) => typeof part === "string" ? Buffer.from(part) : part), (error) => {
      calls += 1
      assert.isTrue(isReturned, "done before write has returned")
      assert.isFalse(isTaken, "done although all was taken")
      assert.strictEqual(calls, 1, "done more than once")
      resume(error === undefined ? Effect.void : Effect.fail(error))
    })
    isReturned = true
    if (isTaken) resume(Effect.void)
  })

export interface Pair {
  readonly dialled: Link
  readonly accepted: Link
  readonly listener: LinkListener
}

/** Listens, dials, and returns both ends. */
export const pair = (
  transport: Transport["Service"],
  address: NetAddress.SocketAddress,
  dialler: Transport["Service"] = transport
): Effect.Effect<Pair, TransportError, Scope.Scope> =>
  Effect.gen(function*() {
    let accept: (link: Link) => void = () => {}
    const accepted = new Promise<Link>((resolve) => accept = resolve)
    const listener = yield* transport.listen(address, (link) => accept(link))
    const dialled = yield* dialler.connect(listener.address)
    return { dialled, accepted: yield* Effect.promise(() => accepted), listener }
  })

export const loopback = NetAddress.inetAddressFromNativeUnsafe("127.0.0.1", 0)

export const loopback6: Option.Option<NetAddress.InetAddress> =
  Object.values(Os.networkInterfaces()).flat().some((address) => address?.address === "::1")
    ? Option.some(NetAddress.inetAddressFromNativeUnsafe("::1", 0))
    : Option.none()

/** A directory that lives as long as the scope. */
export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "link-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

export const unixAddress: Effect.Effect<NetAddress.UnixPathAddress, never, Scope.Scope> = Effect.map(
  temporaryDirectory,
  (path) => NetAddress.unixPathAddress(Path.join(path, "socket"))
)

export const portOf = (address: NetAddress.SocketAddress): number =>
  address._tag === "UnixPathAddress" ? 0 : address.port

const socketKinds = /TCP|Pipe|TLS|Connect|Shutdown|Write/

/** How many sockets, servers and their requests keep the process alive. */
export const socketCount = (): number =>
  process.getActiveResourcesInfo().filter((kind) => socketKinds.test(kind)).length

/** Waits, for three seconds at most, until there are only so many. */
export const settled = (count: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let i = 0; i < 300 && socketCount() > count; i++) yield* Effect.sleep("10 millis")
    assert.strictEqual(socketCount(), count, process.getActiveResourcesInfo().join(" "))
  })
