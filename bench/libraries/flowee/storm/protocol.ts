/**
 * The messages of the `storm` workload.
 */
import * as Message from "../../../../src/domain/Message.ts"
import { serviceId } from "../protocol.ts"
import type { Entry } from "./ledger.ts"

export const Id = { numbered: 7, ask: 9, told: 10 } as const

const words = (...values: ReadonlyArray<number>): Uint8Array => new Uint8Array(Int32Array.from(values).buffer)

const toWords = (message: Message.Message): Int32Array => new Int32Array(message.body.slice().buffer)

export const numbered = (client: number, number: number) =>
  Message.make({ serviceId, messageId: Id.numbered, body: words(client, number) })

export const ask = (client: number) => Message.make({ serviceId, messageId: Id.ask, body: words(client, 0) })

export const told = (request: Message.Message, { duplicates, first, holes, last, lastBefore }: Entry) =>
  Message.reply(request, { body: words(last, lastBefore, first, duplicates, holes) })

export const readClient = (message: Message.Message): readonly [client: number, number: number] => {
  const [client, number] = toWords(message)
  return [client!, number!]
}

export const readEntry = (message: Message.Message): Entry => {
  const [last, lastBefore, first, duplicates, holes] = toWords(message)
  return { last: last!, lastBefore: lastBefore!, first: first!, duplicates: duplicates!, holes: holes! }
}
