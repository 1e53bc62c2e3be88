/**
 * Those who take the messages of a connection.
 */
import type * as Message from "../domain/Message.ts"
import type * as Consumer from "./consumer.ts"

/** One who takes messages: of one service, or all. @internal */
export interface Taker {
  readonly serviceId: number | undefined
  readonly consumer: Consumer.Consumer
}

/** @internal */
export const none: ReadonlyArray<Taker> = []

/** The messages of one service. They are not copied where all are. @internal */
export const ofService = (
  messages: ReadonlyArray<Message.Message>,
  serviceId: number
): ReadonlyArray<Message.Message> => {
  let at = 0
  while (at < messages.length && messages[at]!.serviceId === serviceId) at += 1
  return at === messages.length ? messages : messages.filter((message) => message.serviceId === serviceId)
}
