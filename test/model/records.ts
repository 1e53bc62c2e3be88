/**
 * What was sent, and what became of it, as those who sent know it.
 */
import * as Message from "../../src/domain/Message.ts"

/** A plain message, a request that is answered, one that is not, and an answer. */
export const services = { plain: 7, asked: 8, vain: 9 } as const

/**
 * - `waiting`: its sender waits for room.
 * - `accepted`: it is in the lane, or has left.
 * - `refused`: it will never leave.
 * - `withdrawn`: nobody waits for it any more; it may have left.
 */
export type Status = "waiting" | "accepted" | "refused" | "withdrawn"

/** A message. All of a sequence are numbered, and their number is their message id. */
export interface Sent {
  /** The name of the connection that sends it. */
  readonly by: string
  readonly number: number
  readonly message: Message.Message
  status: Status
  /** The number of the request that it answers. */
  readonly answers: number | undefined
}

/** The lanes of one connection, from the first to the last message that was given to it. */
export interface Lanes {
  readonly name: string
  readonly normal: Array<Sent>
  readonly high: Array<Sent>
  /** The numbers of requests that were answered: several handles may see one, and one of them answers. */
  readonly answered: Set<number>
}

export const lanes = (name: string): Lanes => ({ name, normal: [], high: [], answered: new Set() })

/** Bodies are pieces of this, from different places. */
const bytes = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 31 + (i >> 8)) & 255)

const pattern = (number: number, length: number): Uint8Array => {
  const from = (number * 257) % 30_000
  return bytes.subarray(from, from + length)
}

export class Records {
  readonly all: Array<Sent> = []

  /** Notes a message before it is given to the connection. */
  add(
    to: Lanes,
    priority: Message.Priority,
    options: { readonly serviceId: number; readonly bytes: number; readonly request?: Message.Message | undefined }
  ): Sent {
    // Message ids begin at 1: an answer never has that of its request.
    const number = this.all.length + 1
    const body = pattern(number, options.bytes)
    const { request, serviceId } = options
    const sent: Sent = {
      by: to.name,
      number,
      message: request === undefined
        ? Message.make({ serviceId, messageId: number, body })
        : Message.reply(request, { messageId: number, body }),
      status: "waiting",
      answers: request?.messageId
    }
    this.all.push(sent)
    to[priority].push(sent)
    return sent
  }
  /** Whether a message answers a request of this connection: no handler of it sees that. */
  isAnswerTo(name: string, sent: Sent): boolean {
    return sent.answers !== undefined && this.all[sent.answers - 1]?.by === name
  }
  /** The record of a message that was received; `undefined` when nobody has sent it so. */
  find(received: Message.Message): Sent | undefined {
    const sent = this.all[received.messageId - 1]
    if (sent === undefined || sent.message.serviceId !== received.serviceId) return undefined
    return Buffer.from(Message.borrow(received)).equals(Message.borrow(sent.message)) ? sent : undefined
  }
}
