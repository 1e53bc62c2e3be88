/**
 * The calls that Effect RPC is measured with, over SchemaBinary, the fastest of its serializations.
 */
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Schema from "effect/Schema"

export const Calls = RpcGroup.make(
  Rpc.make("Echo", { payload: { body: Schema.Uint8Array }, success: Schema.Uint8Array }),
  Rpc.make("Count", { payload: { body: Schema.Uint8Array } }),
  // From the server to the client: calls have one payload.
  Rpc.make("Values", { payload: { count: Schema.Int, size: Schema.Int }, success: Schema.Uint8Array, stream: true })
)

export const serialization = RpcSerialization.layerSchemaBinary()
