/**
 * What clients and servers of the soak say to each other, and what its processes say to the one that judges.
 */
import * as Message from "../../src/domain/Message.ts"

export const serviceId = 77

export const Id = { numbered: 1, slow: 2, echo: 3, die: 5 } as const

/** Each lane of a client has numbers of its own, from 1. */
export type Lane = "normal" | "high"
export const lanes: ReadonlyArray<Lane> = ["normal", "high"]

export interface Numbered {
  readonly client: number
  readonly lane: Lane
  readonly number: number
}

const headBytes = 12

const words = (...values: ReadonlyArray<number>): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)

const toWords = (bytes: Uint8Array): Uint32Array => new Uint32Array(bytes.slice(0, bytes.length & ~3).buffer)

/** What fills a message of a number: a byte that is another one in the next message. */
const filling = (number: number): number => (number * 37 + 11) & 255

/** A numbered message with `padding` bytes more than it needs. */
export const numbered = ({ client, lane, number }: Numbered, padding: number): Message.Message => {
  const body = new Uint8Array(headBytes + padding).fill(filling(number))
  body.set(words(client, lanes.indexOf(lane), number))
  return Message.make({ serviceId, messageId: Id.numbered, body })
}

/** What a numbered message says, or `undefined` when it is not as it was made. */
export const readNumbered = (message: Message.Message): Numbered | undefined => {
  const bytes = Message.borrow(message)
  if (bytes.length < headBytes) return undefined
  const [client, lane, number] = toWords(bytes.subarray(0, headBytes))
  const wanted = filling(number!)
  const isWhole = Buffer.alloc(bytes.length - headBytes, wanted).equals(bytes.subarray(headBytes))
  return isWhole && lane! < lanes.length ? { client: client!, lane: lanes[lane!]!, number: number! } : undefined
}

/** Asks the handler of a connection to take its time. */
export const slow = (millis: number): Message.Message =>
  Message.make({ serviceId, messageId: Id.slow, body: words(millis) })

/** Ends the thread, or the process, that handles it. */
export const die: Message.Message = Message.make({ serviceId, messageId: Id.die })

/** A question, whose answer has the same body. */
export const echo = (...values: ReadonlyArray<number>): Message.Message =>
  Message.make({ serviceId, messageId: Id.echo, body: words(...values) })

export const firstWord = (message: Message.Message): number => toWords(Message.borrow(message))[0] ?? 0

/** Whether a reply is the one to this question, and not to another one of whatever client. */
export const isEchoOf = (reply: Message.Message, question: Message.Message): boolean =>
  Buffer.compare(Message.borrow(reply), Message.borrow(question)) === 0

/** A socket of a client has ended: the last number that the operating system had taken by then. */
export interface Loss {
  readonly client: number
  readonly lane: Lane
  readonly taken: number
  readonly reason: string
}

export interface Gauge {
  /** What objects and buffers of the main thread use after a collection, in bytes. */
  readonly usedBytes: number
  /** What of it objects use; the rest are buffers, such as the free slabs of a pool. */
  readonly heapBytes: number
  readonly rssBytes: number
  readonly handles: number
  /** Milliseconds that the event loop was late since the last gauge. */
  readonly loopDelayP99: number
  readonly loopDelayMax: number
}

/** What all clients have done. */
export interface ClientsReport {
  /** Messages that were taken in, by client and lane. */
  readonly accepted: ReadonlyArray<Readonly<Record<Lane, number>>>
  /** Messages that were not taken in, for their lane was full. */
  readonly refused: number
  readonly requests: number
  readonly answered: number
  /** Requests without an answer, by the reason they were told. */
  readonly unanswered: Readonly<Record<string, number>>
  /** What may not be, in words. */
  readonly problems: ReadonlyArray<string>
  /** Handles of the operating system before the first connection, and after the last one was closed. */
  readonly handlesBefore: number
  readonly handlesAfter: number
}

/** To a process. */
export type Order =
  | { readonly _tag: "Gauge" }
  | { readonly _tag: "Restart"; readonly downMillis: number }
  | { readonly _tag: "Ban"; readonly millis: number }
  | { readonly _tag: "Disconnect"; readonly client: number }
  | { readonly _tag: "Slow"; readonly client: number; readonly millis: number }
  | { readonly _tag: "Flood"; readonly client: number; readonly messages: number }
  | { readonly _tag: "Finish" }

/** From a process. */
export type Told =
  | { readonly _tag: "Ready" }
  | { readonly _tag: "Gauge"; readonly gauge: Gauge }
  | { readonly _tag: "Loss"; readonly loss: Loss }
  | { readonly _tag: "Finished"; readonly report: ClientsReport }

/** What the processes are started with, as JSON in their only argument. */
export interface ClientsTask {
  readonly clients: number
  readonly seed: number
  /** Client `i` dials `ports[i % ports.length]`. */
  readonly ports: ReadonlyArray<number>
}

export interface ServerTask {
  readonly port: number
  readonly ledger: string
}
