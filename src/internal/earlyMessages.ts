/**
 * Messages that came before anybody took them, kept for the first handler of a handle.
 */
import * as Message from "../domain/Message.ts"

/** So many are kept, and so many bytes of bodies. */
const maxMessages = 1000
const maxBytes = 65_536

/** @internal */
export class EarlyMessages {
  #messages: Array<Message.Message> = []
  #bytes = 0

  /** Returns whether there was room for the message. */
  keep(message: Message.Message): boolean {
    if (this.#messages.length >= maxMessages || this.#bytes + message.bodyLength > maxBytes) return false
    this.#bytes += message.bodyLength
    // A copy: a message that is kept as it is keeps the whole slab around it.
    const { header, messageId, serviceId } = message
    this.#messages.push(Message.make({ serviceId, messageId, header, body: Message.borrow(message).slice() }))
    return true
  }

  /** Hands out those of a service, or all. */
  take(serviceId: number | undefined): ReadonlyArray<Message.Message> {
    const isWanted = (message: Message.Message) => serviceId === undefined || message.serviceId === serviceId
    const wanted = this.#messages.filter(isWanted)
    this.#messages = this.#messages.filter((message) => !isWanted(message))
    for (const message of wanted) this.#bytes -= message.bodyLength
    return wanted
  }
}
