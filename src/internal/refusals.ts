/**
 * The messages of one peer that it may not send: counted, told once, and answered where somebody waits for a reply.
 */
import * as Effect from "effect/Effect"
import * as CommandFailure from "../domain/CommandFailure.ts"
import * as Header from "../domain/Header.ts"
import type * as Message from "../domain/Message.ts"
import type * as Access from "../services/Access.ts"
import type * as Lane from "./lane.ts"
import type * as Metrics from "./metrics.ts"
import type * as Runner from "./runner.ts"

/** Whose messages they are. */
interface Sender {
  readonly access: Access.Access
  readonly annotations: Record<string, unknown>
  readonly metrics: Metrics.Metrics
  readonly normal: Lane.Lane
  readonly runner: Runner.Runner
}

const notPermitted = "Not permitted"

/** @internal */
export class Refusals {
  readonly #sender: Sender
  count = 0

  constructor(sender: Sender) {
    this.#sender = sender
  }

  /** The messages for services that the sender may address. The others are refused. */
  filter(
    messages: ReadonlyArray<Message.Message>,
    mayAddress: (serviceId: number) => boolean
  ): ReadonlyArray<Message.Message> {
    return messages.filter((message) => {
      const isPermitted = mayAddress(message.serviceId)
      if (!isPermitted) this.#refuse(message)
      return isPermitted
    })
  }

  #refuse(message: Message.Message): void {
    this.count += 1
    this.#sender.metrics.dropped("NotPermitted", 1)
    if (this.count === 1) this.#tell(message)
    // An answer to a failure could go back and forth for ever.
    const isRequest = Header.get(message.header, Header.requestId) !== undefined && !CommandFailure.isFailure(message)
    if (isRequest) this.#answer(CommandFailure.reply(message, notPermitted))
  }

  /** Where a reply does not fit any more, the peer asks and does not read. */
  #answer(reply: Message.Message): void {
    const lane = this.#sender.normal
    if (lane.refusal(reply, 0) === undefined) lane.offerUnsafe(reply)
  }

  #tell({ messageId, serviceId }: Message.Message): void {
    const { access, annotations, runner } = this.#sender
    const who = `a peer that may not send it (${access.identity._tag})`
    runner.fork(Effect.annotateLogs(
      Effect.logDebug(`Refused message ${serviceId}/${messageId} of ${who}, and all such that follow`),
      annotations
    ))
  }
}
