/**
 * The phases of a session: what the peer may say, and to whom.
 */
import type * as Effect from "effect/Effect"
import * as LoginCookie from "../domain/LoginCookie.ts"
import type * as Message from "../domain/Message.ts"
import type * as Access from "../services/Access.ts"
import type * as ConnectionAuthorizer from "../services/ConnectionAuthorizer.ts"
import type * as DisconnectReason from "../services/DisconnectReason.ts"

/** What is demanded of a peer before it is served. @internal */
export interface Login {
  readonly check: (message: Message.Message) => Effect.Effect<ConnectionAuthorizer.LoginVerdict, unknown>
  /** What a peer may do that does not log in; without it, it must. */
  readonly otherwise: Access.Access | undefined
}

/** @internal */
export type Phase =
  /** Only a login, which goes to the check. */
  | { readonly _tag: "AwaitingLogin"; readonly login: Login; bytes: number }
  /** The check is running; what came behind the login waits. */
  | { readonly _tag: "CheckingLogin"; readonly waiting: Array<Message.Message> }
  | { readonly _tag: "Open" }
  /** For want of a login it was let in without having said anything: a login comes too late now. */
  | { readonly _tag: "OpenUnheard" }
  | { readonly _tag: "Ended"; readonly wasOpen: boolean; readonly reason: DisconnectReason.DisconnectReason }

/** @internal */
export const open: Phase = { _tag: "Open" }

/** @internal */
export const openUnheard: Phase = { _tag: "OpenUnheard" }

/** @internal */
export const start = (login: Login | undefined): Phase =>
  login === undefined ? open : { _tag: "AwaitingLogin", login, bytes: 0 }

/** Whether messages are handed out. @internal */
export const isOpen = ({ _tag }: Phase): boolean => _tag === "Open" || _tag === "OpenUnheard"

/** @internal */
export const isLogin = (message: Message.Message): boolean => message.serviceId === LoginCookie.serviceId
