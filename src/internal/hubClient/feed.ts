/**
 * One subscription service of a Hub: who listens to what, what the Hub has been asked for on the socket of the moment,
 * and the way from a notification to its listeners.
 *
 * Listeners share what they are subscribed to. A key is asked for when its first listener comes, and for all at once when
 * the connection is back; it is given up when its last listener goes.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import * as Pieces from "../../domain/internal/pieces.ts"
import type * as Message from "../../domain/Message.ts"
import type * as Connection from "../../services/Connection.ts"
import type * as ConnectionState from "../../services/ConnectionState.ts"
import * as HubError from "../../services/hub/HubError.ts"
import type * as HubEvent from "../../services/hub/HubEvent.ts"
import * as SendError from "../../services/SendError.ts"
import * as Bodies from "../bodies.ts"
import * as InPieces from "../inPieces.ts"
import * as Patience from "./patience.ts"

/**
 * What a listener is told: an event, a gap, or that the subscription holds from here on for the first time.
 *
 * @internal
 */
export type Told<Event> = Event | HubEvent.Gap | Subscribed

/** @internal */
export interface Subscribed {
  readonly _tag: "Subscribed"
}

const subscribed: Subscribed = { _tag: "Subscribed" }

/**
 * An event and the key of those whom it is for.
 *
 * @internal
 */
export interface Routed<Key, Event> {
  readonly key: Key
  readonly event: Event
}

/**
 * What a message says, found out with pauses.
 *
 * @internal
 */
export type Reading<Key, Event> = Generator<
  void,
  Result.Result<ReadonlyArray<Routed<Key, Event>>, HubError.HubError>
>

/** @internal */
export interface Service<Key, Event> {
  readonly serviceId: number
  readonly subscribe: (keys: ReadonlyArray<Key>) => Effect.Effect<void, HubError.HubError>
  readonly unsubscribe: (keys: ReadonlyArray<Key>) => Effect.Effect<void, HubError.HubError>
  /** What a message says; `undefined` when it is no notification of the service. */
  readonly read: (message: Message.Message) => Reading<Key, Event> | undefined
}

/** So many events of one message are told without a pause. */
const pieceSize = 1000

/** So many keys go into one request. */
const maxKeys = 5000

class Listener<Key, Event> {
  readonly keys: ReadonlySet<Key>
  readonly queue: Queue.Queue<Told<Event>, HubError.HubError | Cause.Done>
  /** Whether the subscription has held before. */
  hasHeld = false
  readonly #capacity: number
  #isBehind = false

  constructor(
    keys: ReadonlySet<Key>,
    queue: Queue.Queue<Told<Event>, HubError.HubError | Cause.Done>,
    capacity: number
  ) {
    this.keys = keys
    this.queue = queue
    this.#capacity = capacity
  }

  /** Tells something, or once that something is missing from here on. There is room for that one element more. */
  tell(told: Told<Event>, now: number): void {
    if (Queue.sizeUnsafe(this.queue) < this.#capacity) {
      this.#isBehind = false
      Queue.offerUnsafe(this.queue, told)
    } else if (!this.#isBehind) {
      this.#isBehind = true
      const gap: HubEvent.Gap = { _tag: "Gap", reason: "TooSlow", since: now, until: now }
      Queue.offerUnsafe(this.queue, gap)
    }
  }
}

/** Why there is nothing to listen to any more: an error, or `undefined` when this side wanted it so. */
interface Over {
  readonly error: HubError.HubError | undefined
}

/** @internal */
export class Feed<Key, Event> {
  readonly #service: Service<Key, Event>
  readonly #connection: Connection.Connection
  readonly #scope: Scope.Scope
  readonly #clock: Clock.Clock
  readonly #listeners = new Set<Listener<Key, Event>>()
  /** How many listeners each key has. */
  readonly #wanted = new Map<Key, number>()
  /** What the Hub was asked for on this socket: it may know of it. */
  readonly #asked = new Set<Key>()
  /** What the Hub has agreed to on this socket. */
  readonly #held = new Set<Key>()
  /** One conversation about subscriptions at a time. */
  readonly #turn = Semaphore.makeUnsafe(1)
  #isUp = false
  #lostAt = 0
  #over: Over | undefined = undefined

  constructor(
    service: Service<Key, Event>,
    connection: Connection.Connection,
    scope: Scope.Scope,
    clock: Clock.Clock
  ) {
    this.#service = service
    this.#connection = connection
    this.#scope = scope
    this.#clock = clock
  }

  /** Runs as long as the connection lasts. */
  get run(): Effect.Effect<void> {
    const handle = this.#connection.handle((message) => this.#onMessage(message), {
      serviceId: this.#service.serviceId
    })
    return Effect.all([handle, Stream.runForEach(this.#connection.changes, (state) => this.#onState(state))], {
      concurrency: "unbounded",
      discard: true
    }).pipe(Effect.ensuring(Effect.sync(() => this.#end({ error: undefined }))))
  }

  /** Listens until the scope is closed. When this is done the Hub knows of it, if there is a connection. */
  open(
    keys: ReadonlySet<Key>,
    capacity: number
  ): Effect.Effect<Queue.Dequeue<Told<Event>, HubError.HubError | Cause.Done>, HubError.HubError, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      const queue = yield* Queue.make<Told<Event>, HubError.HubError | Cause.Done>({
        capacity: capacity + 1,
        strategy: "dropping"
      })
      const listener = new Listener<Key, Event>(keys, queue, capacity)
      yield* Effect.acquireRelease(
        Effect.sync(() => this.#add(listener)),
        () => Effect.suspend(() => this.#remove(listener))
      )
      yield* this.#turn.withPermit(Effect.suspend(() => this.#isUp ? this.#hold(listener) : Effect.void))
      return queue
    })
  }

  // --- listeners

  #add(listener: Listener<Key, Event>): void {
    this.#listeners.add(listener)
    for (const key of listener.keys) this.#wanted.set(key, (this.#wanted.get(key) ?? 0) + 1)
    if (this.#over !== undefined) endQueue(listener, this.#over)
  }

  #remove(listener: Listener<Key, Event>): Effect.Effect<void> {
    this.#listeners.delete(listener)
    const given: Array<Key> = []
    for (const key of listener.keys) {
      const left = this.#wanted.get(key)! - 1
      if (left > 0) this.#wanted.set(key, left)
      else {
        this.#wanted.delete(key)
        this.#held.delete(key)
        if (this.#asked.delete(key)) given.push(key)
      }
    }
    if (given.length === 0) return Effect.void
    // Nobody waits for the answer. The request is in its lane at once: whoever wants the key again asks behind it.
    return inChunks(given, this.#service.unsubscribe).pipe(
      Effect.ignore,
      Effect.forkIn(this.#scope, { startImmediately: true }),
      Effect.asVoid
    )
  }

  #end(over: Over): void {
    this.#over ??= over
    this.#isUp = false
    for (const listener of this.#listeners) endQueue(listener, over)
  }

  // --- what the Hub is asked

  /** Asks for what a listener wants and the Hub has not agreed to. */
  #hold(listener: Listener<Key, Event>): Effect.Effect<void, HubError.HubError> {
    return this.#ask([...listener.keys].filter((key) => !this.#held.has(key))).pipe(
      Effect.map(() => this.#tellHeld([listener].filter(({ hasHeld }) => !hasHeld))),
      Effect.catch((error) =>
        Effect.flatMap(
          Patience.isForLater(this.#connection, error),
          (later) => later ? Effect.void : Effect.fail(error)
        )
      )
    )
  }

  /** The connection is there, for the first time or again. */
  get #renew(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#onLost()
      this.#isUp = true
      const present = [...this.#listeners]
      return this.#ask([...this.#wanted.keys()]).pipe(
        Effect.map(() => this.#tellHeld(present)),
        Effect.catch((error) =>
          Effect.map(Patience.isForLater(this.#connection, error), (later) => {
            if (!later) { for (const listener of present) endQueue(listener, { error }) }
          })
        )
      )
    })
  }

  #ask(keys: ReadonlyArray<Key>): Effect.Effect<void, HubError.HubError> {
    return Effect.suspend(() => {
      for (const key of keys) this.#asked.add(key)
      return Effect.map(inChunks(keys, this.#service.subscribe), () => {
        // What was given up meanwhile is not asked for any more.
        for (const key of keys) if (this.#asked.has(key)) this.#held.add(key)
      })
    })
  }

  #tellHeld(listeners: ReadonlyArray<Listener<Key, Event>>): void {
    const now = this.#clock.currentTimeMillisUnsafe()
    const gap: HubEvent.Gap = { _tag: "Gap", reason: "Disconnected", since: this.#lostAt, until: now }
    for (const listener of listeners) {
      listener.tell(listener.hasHeld ? gap : subscribed, now)
      listener.hasHeld = true
    }
  }

  // --- what the connection tells

  #onState(state: ConnectionState.ConnectionState): Effect.Effect<void> {
    switch (state._tag) {
      case "Connected":
        return this.#turn.withPermit(this.#renew)
      case "Closed": {
        const { reason } = state
        const call = `service ${this.#service.serviceId}`
        const error = reason._tag === "ClosedHere"
          ? undefined
          : new HubError.HubError({ call, reason: new SendError.ConnectionClosed({ reason }) })
        return Effect.sync(() => this.#end({ error }))
      }
      default:
        return Effect.sync(() => this.#onLost())
    }
  }

  #onLost(): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#lostAt = this.#clock.currentTimeMillisUnsafe()
    this.#asked.clear()
    this.#held.clear()
  }

  #onMessage(message: Message.Message): Effect.Effect<void> | void {
    const reading = this.#listeners.size === 0 ? undefined : this.#service.read(message)
    if (reading === undefined) return
    // Nearly all are short, and need no fiber.
    return Bodies.isLarge(message) ? InPieces.run(() => this.#tell(reading)) : Pieces.runSync(this.#tell(reading))
  }

  *#tell(reading: Reading<Key, Event>): Generator<void, void> {
    const read = yield* reading
    if (Result.isFailure(read)) {
      for (const listener of this.#listeners) endQueue(listener, { error: read.failure })
      return
    }
    const now = this.#clock.currentTimeMillisUnsafe()
    let told = 0
    for (const { event, key } of read.success) {
      for (const listener of this.#listeners) if (listener.keys.has(key)) listener.tell(event, now)
      if (++told % pieceSize === 0) yield
    }
  }
}

const endQueue = <Key, Event>({ queue }: Listener<Key, Event>, { error }: Over): void => {
  if (error === undefined) Queue.endUnsafe(queue)
  else Queue.failCauseUnsafe(queue, Cause.fail(error))
}

const inChunks = <Key>(
  keys: ReadonlyArray<Key>,
  ask: (keys: ReadonlyArray<Key>) => Effect.Effect<void, HubError.HubError>
): Effect.Effect<void, HubError.HubError> => {
  const chunks: Array<ReadonlyArray<Key>> = []
  for (let at = 0; at < keys.length; at += maxKeys) chunks.push(keys.slice(at, at + maxKeys))
  return Effect.forEach(chunks, ask, { discard: true })
}
