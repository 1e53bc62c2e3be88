import { ByteSize, Effect, FileSystem, Option, PlatformError } from "effect"

interface Inode {
  readonly ino: bigint
  bytes: Uint8Array
  mtime: number
  mode: number
}

const failure = (tag: PlatformError.SystemErrorTag, method: string, path: string) =>
  PlatformError.systemError({ _tag: tag, module: "FileSystem", method, pathOrDescriptor: path })

/** What a test may do to the files. */
export interface MemoryFiles {
  readonly fs: FileSystem.FileSystem
  /** Text by path. */
  readonly read: (path: string) => string | undefined
  readonly write: (path: string, text: string) => void
  readonly remove: (path: string) => void
  readonly paths: () => ReadonlyArray<string>
  /** Everything that is done to the disk, in order. */
  readonly calls: ReadonlyArray<string>
  /** Decides before each call whether it fails. */
  failWhen: (call: string) => PlatformError.SystemErrorTag | undefined
}

/** The part of a file system that replaces files: in memory, each call done in the tick it is made in. */
export const make = (): MemoryFiles => {
  const files = new Map<string, Inode>()
  const calls: Array<string> = []
  let inodes = 0n
  let ticks = 0
  const create = (mode: number): Inode => ({ ino: ++inodes, bytes: new Uint8Array(), mtime: ++ticks, mode })

  const call = <A>(method: string, path: string, f: () => A | PlatformError.SystemErrorTag) =>
    Effect.suspend((): Effect.Effect<A, PlatformError.PlatformError> => {
      const name = `${method} ${path}`
      calls.push(name)
      const tag = files_.failWhen(name)
      if (tag !== undefined) return Effect.fail(failure(tag, method, path))
      const result = f()
      const refused = (["NotFound", "AlreadyExists"] as const).find((tag) => tag === result)
      return refused === undefined ? Effect.succeed(result as A) : Effect.fail(failure(refused, method, path))
    })
  const info = (inode: Inode) =>
    ({
      type: "File",
      ino: Option.some(inode.ino),
      mtime: Option.some(new Date(inode.mtime)),
      size: ByteSize.bytes(inode.bytes.length),
      mode: inode.mode,
      uid: Option.none(),
      gid: Option.none()
    }) as unknown as FileSystem.File.Info

  const open = (path: string, inode: Inode): FileSystem.File => {
    let at = 0
    return {
      stat: call("stat", path, () => info(inode)),
      sync: call("sync", path, () => undefined),
      read: (buffer: Uint8Array) =>
        call("read", path, () => {
          const piece = inode.bytes.subarray(at, at + buffer.length)
          buffer.set(piece)
          at += piece.length
          return piece.length
        }),
      writeAll: (bytes: Uint8Array) =>
        call("write", path, () => {
          inode.bytes = Buffer.concat([inode.bytes, bytes])
          inode.mtime = ++ticks
        })
    } as unknown as FileSystem.File
  }

  const fs = FileSystem.makeNoop({
    open: (path, options) =>
      call("open", path, () => {
        const inode = files.get(path)
        if (options?.flag !== "wx") return inode === undefined ? "NotFound" : open(path, inode)
        if (inode !== undefined) return "AlreadyExists"
        const made = create(options.mode ?? 0o644)
        files.set(path, made)
        return open(path, made)
      }),
    stat: (path) =>
      call("stat", path, () => {
        const inode = files.get(path)
        return inode === undefined ? "NotFound" : info(inode)
      }),
    exists: (path) => call("exists", path, () => files.has(path)),
    rename: (from, to) =>
      call("rename", from, () => {
        const inode = files.get(from)
        if (inode === undefined) return "NotFound"
        files.delete(from)
        files.set(to, inode)
        return undefined
      }),
    remove: (path) =>
      call("remove", path, () => {
        files.delete(path)
      }),
    chmod: (path, mode) =>
      call("chmod", path, () => {
        files.get(path)!.mode = mode
      }),
    realPath: (path) => call("realPath", path, () => path)
  })
  const files_: MemoryFiles = {
    fs,
    calls,
    failWhen: () => undefined,
    paths: () => [...files.keys()].sort(),
    read: (path) => {
      const inode = files.get(path)
      return inode === undefined ? undefined : Buffer.from(inode.bytes).toString("latin1")
    },
    write: (path, text) => {
      const inode = create(0o600)
      inode.bytes = Buffer.from(text, "latin1")
      files.set(path, inode)
    },
    remove: (path) => void files.delete(path)
  }
  return files_
}
