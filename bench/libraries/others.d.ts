/**
 * What the benchmarks use of the other libraries. They are installed in `bench` alone, and only when it runs: their own
 * types are not there when this project is checked.
 */

declare module "ws" {
  import type { EventEmitter } from "node:events"
  export class WebSocket extends EventEmitter {
    constructor(url: string, options: { readonly perMessageDeflate: boolean })
    send(body: Uint8Array): void
    ping(): void
    close(): void
  }
  export class WebSocketServer extends EventEmitter {
    constructor(options: { readonly host: string; readonly port: number; readonly perMessageDeflate: boolean })
    address(): { readonly port: number }
    close(): void
  }
}

declare module "zeromq" {
  export class Pair implements AsyncIterable<Array<Buffer>> {
    constructor(options: { readonly sendHighWaterMark: number; readonly receiveHighWaterMark: number })
    readonly lastEndpoint: string
    bind(endpoint: string): Promise<void>
    connect(endpoint: string): void
    send(body: Uint8Array): Promise<void>
    close(): void
    [Symbol.asyncIterator](): AsyncIterator<Array<Buffer>, undefined>
  }
}

declare module "@nats-io/transport-node" {
  export interface Msg {
    readonly data: Uint8Array
    readonly respond: (body?: Uint8Array) => boolean
  }
  export interface NatsConnection {
    readonly publish: (subject: string, body?: Uint8Array) => void
    readonly subscribe: (
      subject: string,
      options: { readonly callback: (error: Error | null, message: Msg) => void }
    ) => unknown
    readonly request: (subject: string, body: Uint8Array, options: { readonly timeout: number }) => Promise<Msg>
    readonly flush: () => Promise<void>
    readonly close: () => Promise<void>
  }
  export const connect: (options: { readonly servers: string }) => Promise<NatsConnection>
}

declare module "@grpc/grpc-js" {
  import type { Duplex } from "node:stream"
  export interface MethodDefinition {
    readonly path: string
    readonly requestStream: boolean
    readonly responseStream: boolean
    readonly requestSerialize: (body: Buffer) => Buffer
    readonly requestDeserialize: (bytes: Buffer) => Buffer
    readonly responseSerialize: (body: Buffer) => Buffer
    readonly responseDeserialize: (bytes: Buffer) => Buffer
  }
  export type ServiceDefinition = { readonly [name: string]: MethodDefinition }
  export type Callback = (error: Error | null, body?: Buffer) => void
  export class Server {
    addService(
      definition: ServiceDefinition,
      handlers: {
        readonly [name: string]:
          | ((call: { readonly request: Buffer }, callback: Callback) => void)
          | ((stream: Duplex) => void)
      }
    ): void
    bindAsync(address: string, credentials: object, callback: (error: Error | null, port: number) => void): void
    forceShutdown(): void
  }
  export interface Client {
    readonly close: () => void
    readonly makeUnaryRequest: (
      path: string,
      serialize: (body: Buffer) => Buffer,
      deserialize: (bytes: Buffer) => Buffer,
      body: Buffer,
      callback: Callback
    ) => unknown
    readonly makeBidiStreamRequest: (
      path: string,
      serialize: (body: Buffer) => Buffer,
      deserialize: (bytes: Buffer) => Buffer
    ) => Duplex
  }
  export const Client: new(address: string, credentials: object) => Client
  export const ServerCredentials: { readonly createInsecure: () => object }
  export const credentials: { readonly createInsecure: () => object }
}
