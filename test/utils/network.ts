/**
 * Network managers on hosts of a memory network, peers that speak in raw bytes, and the proof that nothing is left of
 * them.
 */
import { assert } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Fiber, Layer, Logger, Metric, References, Scope } from "effect"
import type { AddressResolver } from "effect/net"
import { NetAddress } from "effect/net"
import { TestClock } from "effect/testing"
import * as Job from "../../src/domain/Job.ts"
import type * as Punishment from "../../src/domain/Punishment.ts"
import * as MemoryTransport from "../../src/layers/MemoryTransport.ts"
import * as NodeHash256 from "../../src/layers/NodeHash256.ts"
import * as BanList from "../../src/services/BanList.ts"
import * as BanListStore from "../../src/services/BanListStore.ts"
import * as BufferPool from "../../src/services/BufferPool.ts"
import * as NetworkConfig from "../../src/services/NetworkConfig.ts"
import * as NetworkManager from "../../src/services/NetworkManager.ts"
import * as Transport from "../../src/services/Transport.ts"
import * as WorkerThreads from "../../src/services/WorkerThreads.ts"
import * as Native from "./native.ts"

/** Lets everything happen that needs no time. */
export const settle: Effect.Effect<void> = Effect.forEach(
  Array.from({ length: 60 }),
  () => Effect.yieldNow,
  { discard: true }
)

/** Moves the clock, and lets everything happen before and after. */
export const pass = (duration: Parameters<typeof TestClock.adjust>[0]): Effect.Effect<void> =>
  Effect.andThen(Effect.andThen(settle, TestClock.adjust(duration)), settle)

/** Waits, in turns of the scheduler, until something is so. */
export const until = (what: string, condition: () => boolean): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let turns = 0; !condition(); turns++) {
      if (turns === 100_000) return yield* Effect.die(new Error(`it never came to this: ${what}`))
      yield* Effect.yieldNow
    }
  })

export const address = (text: string): NetAddress.InetAddress => NetAddress.inetAddressFromStringUnsafe(text)

/** A store of bans, for a host that is to have one of its own making. */
export const memoryBanStore = Effect.map(
  Layer.build(BanListStore.layerMemory()),
  (context) => Context.get(context, BanListStore.BanListStore)
)

export interface HostOptions extends NetworkConfig.Options {
  readonly bans?: Punishment.Options | undefined
  /** Where bans and points are kept. Default: in memory. */
  readonly banStore?: BanListStore.BanListStore["Service"] | undefined
  readonly slabSize?: number | undefined
}

/** A network manager and what it is made of. */
export interface Host {
  readonly manager: NetworkManager.NetworkManager["Service"]
  readonly banList: BanList.BanList["Service"]
  readonly pool: BufferPool.BufferPool["Service"]
  readonly context: Context.Context<NetworkManager.NetworkManager | BanList.BanList>
  /** Closes the scope of the manager. Takes as long as that takes. */
  readonly close: Effect.Effect<void>
}

/** A peer that says and hears bytes. */
export interface RawPeer {
  readonly link: Transport.Link
  /** Writes bytes, given as such or in hex, and waits until the network has taken them. */
  readonly send: (...parts: ReadonlyArray<Uint8Array | string>) => Effect.Effect<void>
  /** The next bytes must be these. */
  readonly expect: (hex: string) => Effect.Effect<void>
  readonly read: (count: number) => Effect.Effect<Uint8Array>
  /** All bytes that have come and that nobody has asked for, in hex. */
  readonly rest: Effect.Effect<string>
  /** Where the link stands: `open`, or why it has ended (`closed here` for this side's own doing). */
  readonly status: Effect.Effect<string>
  readonly close: Effect.Effect<void>
}

export interface Bed {
  readonly network: MemoryTransport.MemoryNetwork["Service"]
  /** What was logged so far, causes and annotations included. */
  readonly logs: Array<string>
  /** Makes a network manager on a host. It is closed at the end, if not before. */
  readonly host: (address: string, options?: HostOptions) => Effect.Effect<Host>
  /** Dials from a host in raw bytes. */
  readonly dial: (from: string, to: string | NetAddress.SocketAddress) => Effect.Effect<RawPeer>
  /** Listens on a host in raw bytes, and hands over who comes. */
  readonly listen: (on: string, onPeer: (peer: RawPeer) => void) => Effect.Effect<void>
  /** How many fibers there are that belong to the test or to what it tests. */
  readonly fibers: () => number
}

const threads = WorkerThreads.layerInline([Job.handler(Job.hash256, NodeHash256.hash256)])

const toBytes = (part: Uint8Array | string) => typeof part === "string" ? Native.fromHex(part) : part

const makeRaw = (link: Transport.Link): RawPeer => {
  const probe = MemoryTransport.probe(link)
  let status = "open"
  Effect.runFork(Effect.map(probe.ended, (error) => {
    status = error?.problem ?? "closed here"
  }))
  return {
    link,
    send: (...parts) => Effect.orDie(probe.write(...parts.map(toBytes))),
    expect: (hex) =>
      Effect.gen(function*() {
        const wanted = Native.fromHex(hex)
        assert.strictEqual(Native.toHex(yield* Effect.orDie(probe.read(wanted.length))), Native.toHex(wanted))
      }),
    read: (count) => Effect.orDie(probe.read(count)),
    rest: Effect.map(probe.rest, Native.toHex),
    status: Effect.sync(() => status),
    close: probe.close
  }
}

const makeLogger = (logs: Array<string>) =>
  Logger.make(({ cause, fiber, logLevel, message }) => {
    const annotations = Object.entries(fiber.getRef(References.CurrentLogAnnotations))
    const parts = Array.isArray(message) ? message : [message]
    logs.push([
      logLevel,
      ...parts.map((part) => typeof part === "string" ? part : JSON.stringify(part)),
      ...(cause.reasons.length === 0 ? [] : [Cause.pretty(cause)]),
      ...annotations.map(([name, value]) => `${name}=${String(value)}`)
    ].join(" "))
  })

const buildHost = Effect.fnUntraced(function*(
  network: MemoryTransport.MemoryNetwork["Service"],
  from: string,
  options: HostOptions
) {
  const scope = yield* Scope.make()
  const { banStore, bans, slabSize, ...settings } = options
  const store = banStore === undefined
    ? BanListStore.layerMemory()
    : Layer.succeed(BanListStore.BanListStore, banStore)
  const parts = Layer.mergeAll(
    BufferPool.layer(slabSize === undefined ? {} : { slabSize }),
    Layer.provide(BanList.layer(bans), store),
    NetworkConfig.layer(settings),
    threads,
    Layer.effect(Transport.Transport, network.transportFrom(from))
  )
  const context = yield* Layer.buildWithScope(Layer.provideMerge(NetworkManager.layer, parts), scope).pipe(Effect.orDie)
  return {
    manager: Context.get(context, NetworkManager.NetworkManager),
    banList: Context.get(context, BanList.BanList),
    pool: Context.get(context, BufferPool.BufferPool),
    context,
    close: Scope.close(scope, Exit.void)
  }
})

/**
 * Runs a test in a network of its own. Afterwards all hosts are closed, within a minute of the test clock, and it is
 * checked that no link, no fiber (and so no timer) and no receive memory is left.
 */
export const withBed = <A, E>(
  test: (
    bed: Bed
  ) => Effect.Effect<A, E, Scope.Scope | MemoryTransport.MemoryNetwork | AddressResolver.AddressResolver>,
  conditions: MemoryTransport.Options = {}
): Effect.Effect<A, E> => {
  const logs: Array<string> = []
  const hosts: Array<Host> = []
  let fibers = 0
  const counter: Metric.FiberRuntimeMetricsService = {
    recordFiberStart: () => void fibers++,
    recordFiberEnd: () => void fibers--
  }
  const run = Effect.gen(function*() {
    const network = yield* MemoryTransport.MemoryNetwork
    const services = yield* Effect.context<
      MemoryTransport.MemoryNetwork | AddressResolver.AddressResolver
    >()
    const scope = yield* Scope.make()
    const bed: Bed = {
      network,
      logs,
      host: (from, options = {}) =>
        Effect.map(Effect.provideContext(buildHost(network, from, options), services), (host) => {
          hosts.push(host)
          return host
        }),
      dial: (from, to) =>
        network.transportFrom(from).pipe(
          Effect.flatMap((transport) => transport.connect(typeof to === "string" ? address(to) : to)),
          Effect.map(makeRaw),
          Scope.provide(scope),
          Effect.orDie
        ),
      listen: (on, onPeer) =>
        network.transportFrom(address(on).address).pipe(
          Effect.flatMap((transport) => transport.listen(address(on), (link) => onPeer(makeRaw(link)))),
          Scope.provide(scope),
          Effect.orDie,
          Effect.asVoid
        ),
      fibers: () => fibers
    }
    // In a fiber of its own, so that what it forked ends with it.
    const exit = yield* Effect.flatMap(
      Effect.forkChild(Scope.provide(test(bed), scope)),
      Fiber.await
    )
    const closing = yield* Effect.forkChild(Effect.forEach(hosts.toReversed(), (host) => host.close), {
      startImmediately: true
    })
    yield* pass("1 minute")
    assert.isDefined(closing.pollUnsafe(), "a network manager does not close within a minute")
    yield* Scope.close(scope, Exit.void)
    yield* settle
    const links = yield* network.links
    const taken = yield* Effect.forEach(hosts, (host) => Effect.map(host.pool.stats, (stats) => stats.taken))
    return { exit, links, taken }
  })
  return Effect.gen(function*() {
    const { exit, links, taken } = yield* run.pipe(
      Effect.provide(MemoryTransport.layer(conditions)),
      Effect.provideService(Metric.FiberRuntimeMetrics, counter)
    )
    const result = yield* exit
    yield* settle
    assert.deepStrictEqual(links, [], "links are left")
    assert.strictEqual(fibers, 0, "fibers are left")
    assert.deepStrictEqual(taken, taken.map(() => 0), "receive memory is left")
    return result
  }).pipe(
    Effect.provide(Logger.layer([makeLogger(logs)])),
    Effect.provideService(References.MinimumLogLevel, "All")
  )
}
