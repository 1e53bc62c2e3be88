/**
 * effect-flowee: a server with its defaults, and how long its event loop was held up.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as NodeCookieFile from "../../../../src/layers/NodeCookieFile.ts"
import * as NodeNetwork from "../../../../src/layers/NodeNetwork.ts"
import * as BanList from "../../../../src/services/BanList.ts"
import * as ConnectionAuthorizer from "../../../../src/services/ConnectionAuthorizer.ts"
import type { ServerModule } from "../../../harness/library.ts"
import * as Protocol from "../protocol.ts"
import { LoopWatch } from "./loopWatch.ts"

export const serve: ServerModule["serve"] = async ({ extra, port }) => {
  const { cookie } = extra
  const authorizer = cookie === undefined
    ? Layer.empty
    : Layer.provide(ConnectionAuthorizer.layerCookie, NodeCookieFile.layer({ path: String(cookie) }))
  const runtime = ManagedRuntime.make(Layer.provideMerge(NodeNetwork.layer(), authorizer))
  const listener = await runtime.runPromise(Scope.provide(Protocol.serve(port, "plain"), runtime.scope))
  let banned = 0
  await runtime.runPromise(
    BanList.BanList.use((list) => list.subscribe(() => banned += 1)).pipe(
      Effect.provideService(Scope.Scope, runtime.scope)
    )
  )
  const loop = new LoopWatch()
  return {
    port: Protocol.portOf(listener),
    counts: () => ({ ...loop.take(), banned }),
    close: () => runtime.dispose()
  }
}
