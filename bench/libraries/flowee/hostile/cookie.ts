/**
 * The cookie that the server and the honest peer share.
 */
import * as Os from "node:os"
import * as Path from "node:path"
import process from "node:process"
import * as NodeCookieFile from "../../../../src/layers/NodeCookieFile.ts"

/** Both processes have the same parent, and no other measurement has. */
export const layer = NodeCookieFile.layer({ path: Path.join(Os.tmpdir(), `effect-flowee-bench-${process.ppid}.cookie`) })
