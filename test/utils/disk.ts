import { ByteSize, Effect, FileSystem, Layer, Option, PlatformError } from "effect"

/** Files in memory. They survive the programs that write them. */
export class Disk {
  readonly files = new Map<string, Uint8Array>()

  constructor(files: Iterable<readonly [string, Uint8Array]> = []) {
    for (const [path, bytes] of files) this.files.set(path, bytes.slice())
  }

  copy(): Disk {
    return new Disk(this.files)
  }

  /** What a file holds; empty when there is none. */
  read(path: string): Uint8Array {
    return this.files.get(path)?.slice() ?? new Uint8Array(0)
  }
}

/** How a program loses its disk. */
export interface Faults {
  /**
   * How much is written before it happens: each byte counts, and each change of a name or a length. Default: it never
   * happens.
   */
  readonly after?: number
  /** `Kill`: the program dies. `Fail`: this operation fails and all later ones work. Default: `Kill`. */
  readonly how?: "Kill" | "Fail"
}

/** The program has died. */
export const killed = "killed"

const fail = (tag: PlatformError.SystemErrorTag, path: string) =>
  PlatformError.systemError({ _tag: tag, module: "FileSystem", method: "test", pathOrDescriptor: path })

/**
 * The file system of one program. `spent` tells how much it has written, `open` the files that are open, and `opened`
 * how often one was opened to be written to.
 */
export const mount = (disk: Disk, { after = Infinity, how = "Kill" }: Faults = {}) => {
  let left = after
  let spent = 0
  let opened = 0
  const open: Array<string> = []

  const keepOpen = (path: string, flag: string | undefined) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        if (flag !== "r") opened += 1
        open.push(path)
        return openFile(path)
      }),
      () => Effect.sync(() => open.splice(open.indexOf(path), 1))
    )

  /** As much of `wanted` as is left. */
  const spend = (wanted: number): number => {
    const granted = Math.min(wanted, left)
    left -= granted
    spent += granted
    return granted
  }

  const lose = (path: string) =>
    Effect.suspend(() => {
      if (how === "Kill") return Effect.die(killed)
      left = Infinity
      return Effect.fail(fail("Unknown", path))
    })

  /** One change that happens as a whole or not at all. */
  const change = (path: string, f: () => void) =>
    Effect.suspend(() => {
      if (spend(1) < 1) return lose(path)
      f()
      return Effect.void
    })

  const find = (path: string) =>
    Effect.suspend(() => {
      const bytes = disk.files.get(path)
      return bytes === undefined ? Effect.fail(fail("NotFound", path)) : Effect.succeed(bytes)
    })

  const put = (path: string, position: number, bytes: Uint8Array) => {
    const before = disk.files.get(path) ?? new Uint8Array(0)
    const after = new Uint8Array(Math.max(before.length, position + bytes.length))
    after.set(before)
    after.set(bytes, position)
    disk.files.set(path, after)
  }

  const openFile = (path: string): FileSystem.File => {
    let position = 0
    const unused = Effect.die("not needed by any test")
    const writeAll = (bytes: Uint8Array) =>
      Effect.suspend(() => {
        const granted = spend(bytes.length)
        put(path, position, bytes.subarray(0, granted))
        position += granted
        return granted === bytes.length ? Effect.void : lose(path)
      })
    return {
      [FileSystem.FileTypeId]: FileSystem.FileTypeId,
      stat: unused,
      seek: (offset) => Effect.sync(() => BigInt(position = Number(offset))),
      sync: Effect.void,
      read: (buffer, options) =>
        Effect.map(find(path), (bytes) => {
          const start = Number(options?.position ?? position)
          const part = bytes.subarray(start, start + buffer.length)
          buffer.set(part)
          return part.length
        }),
      readAlloc: () => unused,
      truncate: (length = 0) =>
        Effect.flatMap(find(path), (bytes) =>
          bytes.length === length ? Effect.void : change(path, () => {
            disk.files.set(path, bytes.slice(0, length))
          })),
      write: () => unused,
      writeAll
    }
  }

  const fileSystem = FileSystem.makeNoop({
    exists: (path) => Effect.sync(() => disk.files.has(path)),
    open: (path, options) => {
      const file = options?.flag === "wx+" ? change(path, () => put(path, 0, new Uint8Array(0))) : find(path)
      return Effect.andThen(file, keepOpen(path, options?.flag))
    },
    readFile: (path) => Effect.map(find(path), (bytes) => bytes.slice()),
    stat: (path) =>
      Effect.map(find(path), (bytes): FileSystem.File.Info => ({
        type: "File",
        mtime: Option.none(),
        atime: Option.none(),
        birthtime: Option.none(),
        dev: 0n,
        ino: Option.none(),
        mode: 0o600,
        nlink: Option.none(),
        uid: Option.none(),
        gid: Option.none(),
        rdev: Option.none(),
        size: ByteSize.bytes(bytes.length),
        blksize: Option.none(),
        blocks: Option.none()
      })),
    rename: (from, to) =>
      Effect.flatMap(find(from), (bytes) =>
        change(from, () => {
          disk.files.delete(from)
          disk.files.set(to, bytes)
        })),
    remove: (path) =>
      Effect.suspend(() =>
        disk.files.has(path)
          ? change(path, () => {
            disk.files.delete(path)
          })
          : Effect.void
      )
  })
  return { layer: Layer.succeed(FileSystem.FileSystem, fileSystem), spent: () => spent, open, opened: () => opened }
}
