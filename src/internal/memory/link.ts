/**
 * A link between two sides of the network: two pipes, and an end at each side.
 */
import * as NetAddress from "effect/net/NetAddress"
import * as Transport from "../../services/Transport.ts"
import type { Route } from "./area.ts"
import type * as Conditions from "./conditions.ts"
import { Pipe, type Reader } from "./pipe.ts"
import type { NetworkLink } from "./network.ts"
import type { Runtime } from "./runtime.ts"

/** Where one side of a link stands. */
type State =
  | { readonly _tag: "Open" }
  | { readonly _tag: "Ended"; readonly error: Transport.TransportError | undefined; readonly told: boolean }

/** What an end asks of its link. */
interface Owner {
  readonly runtime: Runtime
  readonly onEnded: () => void
}

class End implements Transport.Link {
  readonly localAddress: NetAddress.SocketAddress
  readonly remoteAddress: NetAddress.SocketAddress
  readonly #owner: Owner
  readonly #inbound: () => Pipe
  readonly #outbound: () => Pipe
  #state: State = { _tag: "Open" }
  #receiver: Transport.LinkReceiver | undefined
  #paused = false

  constructor(
    owner: Owner,
    local: NetAddress.SocketAddress,
    remote: NetAddress.SocketAddress,
    pipes: { readonly inbound: () => Pipe; readonly outbound: () => Pipe }
  ) {
    this.#owner = owner
    this.localAddress = local
    this.remoteAddress = remote
    this.#inbound = pipes.inbound
    this.#outbound = pipes.outbound
  }

  get isOpen(): boolean {
    return this.#state._tag === "Open"
  }
  /** Why this side has ended; `undefined` while it has not, and when it was closed here. */
  get error(): Transport.TransportError | undefined {
    return this.#state._tag === "Ended" ? this.#state.error : undefined
  }
  /** Who reads now. */
  get reading(): Transport.LinkReceiver | undefined {
    return this.#paused || this.#state._tag === "Ended" ? undefined : this.#receiver
  }

  start(receiver: Transport.LinkReceiver): void {
    if (this.#receiver !== undefined) throw new Error("Link.start: to be called once")
    this.#receiver = receiver
    if (this.#state._tag === "Open") this.#inbound().wake()
    else this.#owner.runtime.schedule(() => this.#tellEnd())
  }
  pause(): void {
    this.#paused = true
  }
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#state._tag === "Open") this.#inbound().wake()
  }
  write(parts: ReadonlyArray<Uint8Array>, done: (error: Transport.TransportError | undefined) => void): boolean {
    if (this.#state._tag === "Open") {
      this.#outbound().write(parts, done)
      return false
    }
    const error = this.#state.error ?? this.failure("Closed")
    this.#owner.runtime.schedule(() => done(error))
    return false
  }
  close(): void {
    if (this.#state._tag === "Ended") return
    this.end(undefined)
    this.#outbound().finish()
    this.#owner.onEnded()
  }

  /** Ends this side, and tells it in a later turn: first the write that is under way, then the receiver. */
  end(error: Transport.TransportError | undefined): void {
    if (this.#state._tag === "Ended") return
    this.#state = { _tag: "Ended", error, told: false }
    this.#inbound().drop()
    const done = this.#outbound().takePending()
    this.#owner.runtime.schedule(() => {
      if (done !== undefined) done(error ?? this.failure("Closed"))
      this.#tellEnd()
    })
  }
  failure(problem: typeof Transport.Problem.Type): Transport.TransportError {
    const address = NetAddress.formatSocketAddress(this.remoteAddress)
    // The dialling side of a Unix socket has no name.
    return new Transport.TransportError({
      problem,
      address: address === "" ? NetAddress.formatSocketAddress(this.localAddress) : address
    })
  }
  #tellEnd(): void {
    if (this.#receiver === undefined || this.#state._tag === "Open" || this.#state.told) return
    const error = this.#state.error
    this.#state = { _tag: "Ended", error, told: true }
    this.#receiver.onEnd(error)
  }
}

/** @internal */
export class MemoryLink implements Owner, NetworkLink {
  readonly route: Route & { readonly id: number }
  readonly runtime: Runtime
  readonly dialler: End
  readonly listener: End
  readonly toDialler: Pipe
  readonly toListener: Pipe
  readonly #onGone: (link: MemoryLink) => void

  constructor(
    runtime: Runtime,
    conditions: Conditions.Resolved,
    route: Route & { readonly id: number },
    onGone: (link: MemoryLink) => void
  ) {
    this.runtime = runtime
    this.route = route
    this.#onGone = onGone
    this.dialler = new End(this, route.dialler, route.listener, {
      inbound: () => this.toDialler,
      outbound: () => this.toListener
    })
    this.listener = new End(this, route.listener, route.dialler, {
      inbound: () => this.toListener,
      outbound: () => this.toDialler
    })
    this.toDialler = new Pipe(runtime, conditions, this.#reader(this.dialler, () => this.toListener))
    this.toListener = new Pipe(runtime, conditions, this.#reader(this.listener, () => this.toDialler))
  }

  /** Ends both sides at once with a reset. What is under way or unread is lost. */
  cut(): void {
    for (const end of [this.dialler, this.listener]) {
      if (end.isOpen) end.end(end.failure("Reset"))
    }
    this.onEnded()
  }
  onEnded(): void {
    if (!this.dialler.isOpen && !this.listener.isOpen) this.#onGone(this)
  }

  #reader(end: End, outbound: () => Pipe): Reader {
    return {
      receiver: () => end.reading,
      pause: () => end.pause(),
      onFinished: () => {
        end.end(end.failure("Closed"))
        // The other side may not know of it: its direction was ended on the way.
        outbound().finish()
        this.onEnded()
      },
      onCut: () => this.cut()
    }
  }
}
