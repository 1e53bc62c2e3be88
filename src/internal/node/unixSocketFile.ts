/**
 * The file of a Unix socket that outlived its process.
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Net from "node:net"

const inodeOf = (path: string): number | undefined => {
  const stat = Fs.lstatSync(path, { throwIfNoEntry: false })
  return stat?.isSocket() === true ? stat.ino : undefined
}

/** Whether nobody answers there. Any doubt counts as an answer. */
const isDeserted = (path: string): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const socket = Net.connect({ path })
    const settle = (deserted: boolean) => {
      socket.destroy()
      resume(Effect.succeed(deserted))
    }
    socket.on("connect", () => settle(false))
    socket.on("error", (cause: NodeJS.ErrnoException) => settle(cause.code === "ECONNREFUSED"))
  })

/**
 * Removes the file at `path` if it is a socket that nobody answers on, and returns whether it has.
 *
 * @internal
 */
export const removeStale = (path: string): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const inode = inodeOf(path)
    if (inode === undefined) return Effect.succeed(false)
    return Effect.map(isDeserted(path), (deserted) => {
      // Somebody else who found it deserted may have put a live socket there by now.
      if (!deserted || inodeOf(path) !== inode) return false
      Fs.unlinkSync(path)
      return true
    })
  }).pipe(Effect.catchDefect(() => Effect.succeed(false)))
