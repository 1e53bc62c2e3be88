/**
 * A real full node of other authors, which talks to ours over loopback: `bcash` 1.1.1 (see test/node), a process of its
 * own on regtest and in memory. For tests in real time (`it.live`). `BCASH_LOG=debug` shows what it does.
 *
 * What it does, as tried out message by message:
 *
 * Handshake. It sends `version` (70015, services 5, relay 1) as soon as a socket is open, answers ours with `verack`, and
 * has finished when both of ours came, in either order. Then it sends `sendcmpct` (to 70014 and up) and `getaddr`, but no
 * `sendheaders` and no `feefilter`. Below 70001, or with a second `version`: it closes. No `verack`: it closes after 15
 * seconds. Before the handshake nothing is answered. When it dials it closes on services without 1 (network).
 *
 * Dialled by it, we are asked for `getblocks`, and the first one that it dials for `mempool` too: who has sent no `inv`
 * after 35 seconds then is dropped. It pings every 30 seconds.
 *
 * Headers. `getheaders` gives 2000 at most; from the block after the genesis when it knows nothing of the locator; only
 * the one of `stop` when the locator is empty. Where it has none to give it does not answer at all: neither at its tip,
 * nor with an empty locator and no `stop`. `getaddr` too has no answer while it knows no addresses.
 *
 * New blocks come at once, each on its own: by `inv`, or by `headers` of one header after `sendheaders`. After a
 * reorganisation only the new tip is announced, whose parents we do not know yet: `getheaders` gives them. It does not
 * react to `headers` of ours; a block that we announce by `inv` it asks for (type 2), and sends `getblocks` when that
 * block does not connect.
 *
 * Transactions are announced by `inv` every `relayInterval`, each once to a connection; with `relay` 0 only after
 * `filterload`. `mempool` is answered in the same way, with all that was not announced before, whatever the filter.
 * `getdata` of a transaction that is in a block gives `notfound`, and so do types that it does not know.
 *
 * Filters. A merkle block (type 3) is followed by its matching transactions at once; without a filter it is `notfound`.
 * After `filterclear` nothing matches: it empties the filter and does not remove it. Over 36,000 bytes: banned.
 *
 * What we send. A transaction must be offered by `inv` and be asked for: it closes on any other (no ban). One with unknown
 * inputs is kept, and `getdata` asks for what is missing. It does send `reject`, with the txid: a double spend is 0x12
 * "bad-txns-inputs-spent" (no ban); a bad signature is 0x40 "mandatory-script-verify-flag" and bans. A fee of 0 is taken.
 * What was rejected it does not ask for again until the next block.
 *
 * Bad bytes. A body that cannot be read or a wrong checksum: `reject` of command "", 0x01 "error parsing message", and 10
 * points. 100 points ban. An oversized frame too has 10 points, but then its body is read as frames, and a wrong magic
 * bans at once. Unknown commands are ignored. A ban closes that connection only, holds for all of 127.0.0.1 for a day, and
 * later connections are taken and closed without a word: `clearBans`.
 *
 * A reorganisation empties its mempool of payments that spend coinbases, which all of `spend` do, and may lose those that
 * were in the blocks that it left: give them to it again (`submit`).
 */
import { Data, Effect } from "effect"
import type { Duration, Scope } from "effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as process from "node:process"
import * as Readline from "node:readline"
import type * as Protocol from "../node/protocol.ts"

const folder = Path.resolve(import.meta.dirname, "../node")

/** The node said no, or it is gone. */
export class RealNodeError extends Data.TaggedError("RealNodeError")<{
  /** What it was asked. */
  readonly command: Protocol.Name | "start"
  readonly problem: string
}> {
  override get message() {
    return `the real node, asked to ${this.command}: ${this.problem}`
  }
}

type Answered<A> = Effect.Effect<A, RealNodeError>

export interface Options {
  /** Blocks that it mines before it listens, the same ones in each run. Default: 0. */
  readonly blocks?: number | undefined
  /** How often it announces transactions, in milliseconds. Default: 100; the package itself takes 5000. */
  readonly relayInterval?: number | undefined
}

/** A payment of a coin that the node has mined. It needs at least 100 blocks. */
export interface Payment {
  /** A cash address, or a script. */
  readonly to: string | Uint8Array
  /** Satoshis. */
  readonly amount: number
  /** Satoshis, of the whole transaction. Default: 1000. */
  readonly fee?: number | undefined
  /**
   * Whether it goes to the mempool, and from there to the peers. Default: true. Payments that do not, spend the same coin
   * until one of them is in the mempool.
   */
  readonly broadcast?: boolean | undefined
}

export interface Paid {
  readonly txid: string
  readonly raw: Uint8Array
  readonly coin: { readonly txid: string; readonly index: number }
}

/** Hashes are in hexadecimal digits and reversed, as `HashHex` has them. */
export interface RealNode {
  readonly pid: number
  readonly port: number
  /** `127.0.0.1:PORT` */
  readonly endPoint: string
  readonly tip: Answered<Protocol.Tip>
  readonly hashAt: (height: number) => Answered<string>
  readonly blockAt: (height: number) => Answered<Uint8Array>
  /** Mines blocks on the tip, with what is in the mempool. */
  readonly generate: (count: number, payTo?: string | Uint8Array) => Answered<ReadonlyArray<string>>
  /**
   * Mines empty blocks on the one that is `depth` below the tip. With more blocks than `depth` the node switches to them
   * as the last one comes.
   */
  readonly fork: (options: { readonly depth: number; readonly count: number }) => Answered<ReadonlyArray<string>>
  /** Dials. It gives the id of the peer when the socket is open, before the handshake. */
  readonly connect: (endPoint: string) => Answered<number>
  readonly disconnect: (id: number) => Answered<void>
  readonly peers: Answered<ReadonlyArray<Protocol.PeerInfo>>
  /** The txids in its mempool. */
  readonly mempool: Answered<ReadonlyArray<string>>
  /** A transaction of the mempool or of a block. */
  readonly transaction: (txid: string) => Answered<Uint8Array>
  readonly spend: (payment: Payment) => Answered<Paid>
  /** Gives a transaction to the mempool, as a peer would. */
  readonly submit: (raw: Uint8Array) => Answered<Protocol.Submitted>
  /** The addresses that are banned. */
  readonly bans: Answered<ReadonlyArray<string>>
  readonly clearBans: Answered<void>
}

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"))

const payee = (to: string | Uint8Array): Protocol.Payee =>
  typeof to === "string" ? { address: to } : { script: toHex(to) }

const notInstalled = new RealNodeError({
  command: "start",
  problem: "it is not installed: run `npm test`, or `node test/node/install.ts`"
})

/** How much of what it wrote to standard error is told when it ended. */
const noteLength = 4000

/** Longer than anything that is asked of it takes. */
const patience = "30 seconds"

const spawn = ({ blocks = 0, relayInterval = 100 }: Options): ChildProcess.ChildProcessWithoutNullStreams =>
  ChildProcess.spawn(
    process.execPath,
    ["--no-deprecation", Path.join(folder, "main.ts"), String(blocks), String(relayInterval)],
    // Options of the runner, such as inspecting it, are not for the node.
    { env: { ...process.env, NODE_OPTIONS: "" }, stdio: "pipe" }
  )

/** The lines that a process writes, given to those who ask for one in the order that they asked. */
const linesOf = (child: ChildProcess.ChildProcessWithoutNullStreams) => {
  const waiting: Array<(line: Effect.Effect<string, string>) => void> = []
  let notes = ""
  let end: string | undefined = undefined
  const finish = (how: string): void => {
    end ??= `${how}\n${notes}`.trim()
    for (const resume of waiting.splice(0)) resume(Effect.fail(end))
  }
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    notes = (notes + text).slice(-noteLength)
    if (process.env["BCASH_LOG"] !== undefined) process.stderr.write(text)
  })
  Readline.createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(Effect.succeed(line)))
  child.stdin.on("error", () => {})
  child.on("error", (error) => finish(`it could not be started: ${error.message}`))
  child.on("close", (code, signal) => finish(`it ended (${signal ?? code})`))
  // Whoever is interrupted keeps its place, so that the next one does not get its line.
  const next = Effect.callback<string, string>((resume) => {
    if (end === undefined) waiting.push(resume)
    else resume(Effect.fail(end))
  })
  return { next }
}

const parse = <A>(line: string): Effect.Effect<A, string> =>
  Effect.try({ try: () => JSON.parse(line) as A, catch: () => `it said what is no JSON: ${line}` })

/** A process of the node, which ends with the scope, or with the process that it is started from. */
const start = Effect.fnUntraced(function*(options: Options) {
  if (!Fs.existsSync(Path.join(folder, "node_modules", ".package-lock.json"))) return yield* notInstalled
  const { child, next } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(options)
      return { child, next: linesOf(child).next }
    }),
    ({ child, next }) => Effect.andThen(Effect.sync(() => child.kill("SIGKILL")), Effect.ignore(Effect.forever(next)))
  )
  const within = <A>(command: RealNodeError["command"], answer: Effect.Effect<A, string>): Answered<A> =>
    answer.pipe(
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.fail(`no answer in ${patience}`) }),
      Effect.mapError((problem) => new RealNodeError({ command, problem }))
    )
  const ready = yield* within("start", Effect.flatMap(next, (line) => parse<Protocol.Ready>(line)))
  const ask = <N extends Protocol.Name>(
    command: N,
    request: Protocol.Commands[N]["request"]
  ): Answered<Protocol.Commands[N]["answer"]> =>
    within(
      command,
      Effect.suspend(() => {
        child.stdin.write(`${JSON.stringify({ command, ...request })}\n`)
        return next
      }).pipe(
        Effect.flatMap((line) => parse<Protocol.Answer>(line)),
        Effect.flatMap((answer) =>
          "problem" in answer
            ? Effect.fail(answer.problem)
            : Effect.succeed(answer.result as Protocol.Commands[N]["answer"])
        )
      )
    )
  return { pid: child.pid!, port: ready.port, ask }
})

/** Starts a node. It is ended when the scope closes, and cannot outlive this process. */
export const make = (options: Options = {}): Effect.Effect<RealNode, RealNodeError, Scope.Scope> =>
  Effect.map(start(options), ({ ask, pid, port }) => ({
    pid,
    port,
    endPoint: `127.0.0.1:${port}`,
    tip: ask("tip", {}),
    hashAt: (height) => ask("hashAt", { height }),
    blockAt: (height) => Effect.map(ask("blockAt", { height }), fromHex),
    generate: (count, payTo) => ask("generate", { count, ...(payTo === undefined ? {} : { payee: payee(payTo) }) }),
    fork: (options) => ask("fork", options),
    connect: (endPoint) => ask("connect", { endPoint }),
    disconnect: (id) => Effect.asVoid(ask("disconnect", { id })),
    peers: ask("peers", {}),
    mempool: ask("mempool", {}),
    transaction: (txid) => Effect.map(ask("transaction", { txid }), fromHex),
    spend: ({ amount, broadcast = true, fee = 1000, to }) =>
      Effect.map(
        ask("spend", { payee: payee(to), amount, fee, broadcast }),
        (paid) => ({ ...paid, raw: fromHex(paid.raw) })
      ),
    submit: (raw) => ask("submit", { raw: toHex(raw) }),
    bans: ask("bans", {}),
    clearBans: Effect.asVoid(ask("clearBans", {}))
  }))

/** Asks again and again until the answer is as it should be, and gives it. */
export const until = <A>(
  answer: Answered<A>,
  is: (answer: A) => boolean,
  within: Duration.Input = "10 seconds"
): Effect.Effect<A, RealNodeError> =>
  Effect.suspend(() => {
    let last: A | undefined
    const look = Effect.map(answer, (found) => {
      last = found
      return is(found)
    })
    return Effect.repeat(Effect.tap(look, (found) => found ? Effect.void : Effect.sleep("10 millis")), {
      until: (found) => found
    }).pipe(
      Effect.timeoutOrElse({
        duration: within,
        orElse: () => Effect.die(new Error(`the real node does not come to it: ${JSON.stringify(last)}`))
      }),
      Effect.map(() => last as A)
    )
  })
