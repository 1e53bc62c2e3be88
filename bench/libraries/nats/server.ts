/**
 * NATS: the broker, and the one who listens to it. All traffic goes through the broker, as it does in a program.
 */
import { connect } from "@nats-io/transport-node"
import type { ServerModule } from "../../harness/library.ts"
import { acknowledgeEvery } from "../../harness/library.ts"
import * as Broker from "./broker.ts"

export const serve: ServerModule["serve"] = async ({ port: wanted }) => {
  const { pid, port } = await Broker.start(wanted)
  const connection = await connect({ servers: `127.0.0.1:${port}` })
  let counted = 0
  connection.subscribe("flood", {
    callback: () => {
      counted += 1
      if (counted % acknowledgeEvery === 0) connection.publish("acknowledged")
    }
  })
  connection.subscribe("echo", { callback: (_error, message) => void message.respond(message.data) })
  await connection.flush()
  return { port, helpers: [pid], close: () => connection.close() }
}
