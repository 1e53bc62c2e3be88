import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { withBed, settle } from "../utils/network.ts"
import * as Message from "../../src/domain/Message.ts"

it.effect("smoke", () => withBed((bed) => Effect.gen(function*() {
  const server = yield* bed.host("10.0.0.9")
  const seen: Array<number> = []
  yield* server.manager.bind("10.0.0.9:1235", { onConnection: (c) => c.handle((m) => { seen.push(m.messageId); return c.send(Message.reply(m)) }) })
  const raw = yield* bed.dial("10.0.0.7", "10.0.0.9:1235")
  yield* raw.send("0700 0804 1065 04")
  yield* raw.expect("0700 0804 1066 04")
  yield* raw.send("0600 087e 2c 04")
  yield* raw.expect("06 00 08 7e 34 04")
  assert.deepStrictEqual(seen, [101])
  assert.strictEqual(yield* raw.status, "open")
  console.log(bed.fibers(), bed.logs)
})))
