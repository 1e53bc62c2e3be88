/**
 * A Bitcoin Cash full node for the tests, of other authors: `node main.ts [BLOCKS [RELAY_INTERVAL]]`.
 *
 * It mines a number of blocks (default: none), listens on a free port of loopback and takes commands on standard input:
 * see `protocol.ts`. It ends with standard input, so it never outlives the one who started it.
 */
import process from "node:process"
import * as Readline from "node:readline"
import * as Bcash from "./bcash.ts"
import * as Commands from "./commands.ts"
import * as Loopback from "./loopback.ts"
import * as Mining from "./mining.ts"
import * as Node from "./node.ts"
import type { Answer, Ready, Request } from "./protocol.ts"
import * as Wallet from "./wallet.ts"

Loopback.guard()
process.stdin.on("end", () => process.exit(0))

const write = (line: Ready | Answer): void => {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

const answer = async (context: Commands.Context, line: string): Promise<Answer> => {
  try {
    return { result: await Commands.run(context, JSON.parse(line) as Request) }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

const [blocks = 0, relayInterval = 5000] = process.argv.slice(2).map(Number)
const bcash = Bcash.load()
const node = Node.make(bcash, { relayInterval })
const key = Wallet.makeKey(bcash)
await node.open()
await Mining.mineFirst(node, blocks, key.getAddress())
write({ port: await Node.listen(node), tip: Commands.tipOf(node) })
for await (const line of Readline.createInterface({ input: process.stdin })) {
  write(await answer({ bcash, node, key }, line))
}
