/**
 * What dialled connections are shared by.
 */
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import type * as EndPoint from "../domain/EndPoint.ts"
import type * as Envelope from "../domain/Envelope.ts"
import * as NativeEnvelope from "../domain/NativeEnvelope.ts"
import * as Access from "../services/Access.ts"
import type * as NetworkConfig from "../services/NetworkConfig.ts"
import type * as NetworkManager from "../services/NetworkManager.ts"
import type * as Transport from "../services/Transport.ts"

/** The settings are those of whoever asked first. @internal */
export class DialKey implements Equal.Equal {
  readonly endPoint: EndPoint.EndPoint
  readonly settings: NetworkConfig.Settings
  readonly options: NetworkManager.ConnectOptions
  readonly access: Access.Access
  readonly envelope: Envelope.Envelope
  readonly transport: Transport.Transport["Service"]

  constructor(
    endPoint: EndPoint.EndPoint,
    settings: NetworkConfig.Settings,
    options: NetworkManager.ConnectOptions,
    transport: Transport.Transport["Service"]
  ) {
    this.endPoint = endPoint
    this.settings = settings
    this.options = options
    this.access = options.access ?? Access.anonymous
    this.envelope = options.envelope ?? NativeEnvelope.envelope
    this.transport = options.transport ?? transport
  }
  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof DialKey && Equal.equals(this.endPoint, that.endPoint) && this.envelope === that.envelope &&
      this.transport === that.transport && this.options.login === that.options.login &&
      this.access === that.access
  }
  [Hash.symbol](): number {
    return Hash.hash(this.endPoint)
  }
}
