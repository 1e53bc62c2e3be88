/**
 * The recorded conversations with a Hub, as what their frames mean in terms of the Hub API.
 */
import * as CommandFailure from "../../src/domain/CommandFailure.ts"
import * as Header from "../../src/domain/Header.ts"
import * as HubApi from "../../src/domain/hub/HubApi.ts"
import type * as Message from "../../src/domain/Message.ts"
import type * as MessageGroup from "../../src/domain/MessageGroup.ts"
import * as Wire from "../../src/domain/Wire.ts"
import * as Native from "./native.ts"

export type AnyCall = MessageGroup.Call<string, unknown, unknown, unknown>
export type AnyCommand = MessageGroup.Command<string, unknown>
export type AnyNotification = MessageGroup.Notification<string, unknown>

/** What a frame is, and the codec of its body. */
export type Meaning =
  | { readonly kind: "request"; readonly call: AnyCall; readonly codec: Wire.Codec<unknown> }
  | { readonly kind: "command"; readonly command: AnyCommand; readonly codec: Wire.Codec<unknown> }
  | {
    readonly kind: "reply" | "failure"
    /** None is known when a Hub was asked for what it does not have. */
    readonly call: AnyCall | undefined
    readonly request: Message.Message
    readonly codec: Wire.Codec<unknown>
  }
  | { readonly kind: "notification"; readonly notification: AnyNotification; readonly codec: Wire.Codec<unknown> }
  /** A request that no Hub understands, to see what it says. */
  | { readonly kind: "unsupported" }
  | { readonly kind: "ping" | "pong" }

export interface Frame {
  readonly trace: string
  readonly label: string
  readonly isFromHub: boolean
  readonly hex: string
  readonly message: Message.Message | undefined
  readonly meaning: Meaning
}

const failureCodec = Wire.codec(CommandFailure.Body) as Wire.Codec<unknown>

const members: ReadonlyArray<MessageGroup.Member> = HubApi.group.members

const find = (kind: string, { messageId, serviceId }: Message.Message): unknown =>
  members.find((member) => member.kind === kind && member.serviceId === serviceId && member.messageId === messageId)

const requestMeaning = (message: Message.Message): Meaning => {
  const call = find("call", message) as AnyCall | undefined
  if (call !== undefined) return { kind: "request", call, codec: call.request }
  const command = find("command", message) as AnyCommand | undefined
  return command === undefined ? { kind: "unsupported" } : { kind: "command", command, codec: command.request }
}

const answerMeaning = (message: Message.Message, request: Message.Message | undefined): Meaning => {
  if (request === undefined) {
    const notification = find("notification", message) as AnyNotification | undefined
    if (notification === undefined) throw new Error(`no notification ${message.serviceId}/${message.messageId}`)
    return { kind: "notification", notification, codec: notification.payload }
  }
  const call = find("call", request) as AnyCall | undefined
  if (CommandFailure.isFailure(message)) return { kind: "failure", call, request, codec: failureCodec }
  if (call === undefined || call.serviceId !== message.serviceId || call.replyId !== message.messageId) {
    throw new Error(`${message.serviceId}/${message.messageId} answers no call`)
  }
  return { kind: "reply", call, request, codec: call.reply }
}

const read = (name: string, frames: ReadonlyArray<{ dir: string; label?: string; hex: string }>): Array<Frame> => {
  const pending = new Map<number, Message.Message>()
  let last = ""
  return frames.map(({ dir, hex, label }) => {
    const { messages, received } = Native.receive(Native.fromHex(hex), Native.whole, { keep: true })
    const [message] = messages
    const isFromHub = dir === "hub->client"
    last = label ?? last
    const base = { trace: name, label: label ?? `after ${last}`, isFromHub, hex, message }
    if (message === undefined) return { ...base, meaning: { kind: received[0] as "ping" | "pong" } }
    const id = Header.get(message.header, Header.requestId)
    if (!isFromHub) {
      if (id !== undefined) pending.set(id, message)
      return { ...base, meaning: requestMeaning(message) }
    }
    const request = id === undefined ? undefined : pending.get(id)
    if (id !== undefined && !pending.delete(id)) throw new Error(`nobody asked for the answer to ${id}`)
    return { ...base, meaning: answerMeaning(message, request) }
  })
}

/** The frames of both conversations, in order. */
export const frames: ReadonlyArray<Frame> = Native.traces.flatMap(({ frames, name }) => read(name, frames))

/** The bodies of the recorded replies to a call, failures left out. */
export const repliesTo = (name: string): ReadonlyArray<Uint8Array> =>
  frames.flatMap(({ meaning, message }) =>
    meaning.kind === "reply" && meaning.call?.name === name ? [message!.body] : []
  )
