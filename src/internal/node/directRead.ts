/**
 * Reading from the operating system straight into memory that the receiver of a link offers.
 *
 * Node takes the memory for the next read ahead of time: when a socket is made, and again after each read. Before there
 * is a receiver, and after it has left, that memory is a landing place which all sockets of the thread share. Each read
 * is handled before the next one is made, so nobody's bytes stay there.
 */
import * as Net from "node:net"

/** What Node reads at once. */
const landingSize = 65_536

let sharedLanding: Uint8Array | undefined

/** @internal */
export const landing = (): Uint8Array => sharedLanding ??= new Uint8Array(landingSize)

/** Who takes what is read. @internal */
export interface Reader {
  /** Memory for the next read: the receiver's, or the landing place. */
  readonly memory: () => Uint8Array
  /** `count` bytes were read into `memory`. */
  readonly took: (count: number, memory: Uint8Array) => void
}

/** The `onread` option of a socket whose reader comes later. @internal */
export class DirectRead {
  reader: Reader | undefined = undefined

  readonly onread: Net.OnReadOpts = {
    buffer: () => this.reader === undefined ? landing() : this.reader.memory(),
    callback: (count, memory) => {
      this.reader?.took(count, memory)
      // Reading is stopped by `pause` alone, so that Node has one idea of whether it is.
      return true
    }
  }
}

interface StreamHandle {
  readonly useUserBuffer: (memory: Uint8Array) => void
  readonly readStart: () => unknown
  readonly readStop: () => unknown
  /** What Node remembers of these two. */
  reading: boolean
}

/** Sockets keep their connection in a property that Node does not document. */
interface HandleHolder {
  _handle?: unknown
}

const isStreamHandle = (handle: unknown): handle is StreamHandle =>
  typeof handle === "object" && handle !== null && "useUserBuffer" in handle &&
  typeof handle.useUserBuffer === "function" && "readStart" in handle && "readStop" in handle && "reading" in handle

/**
 * Moves the connection of a socket that has not read anything to a new socket that reads into memory of its own choice:
 * accepted sockets have no option for it. `undefined`: this runtime cannot do that, and the socket is as it was.
 *
 * @internal
 */
export const takeOver = (socket: Net.Socket, onread: Net.OnReadOpts): Net.Socket | undefined => {
  const holder: HandleHolder = socket as HandleHolder
  const handle = holder._handle
  if (!isStreamHandle(handle)) return undefined
  const options = { handle, onread, allowHalfOpen: true, pauseOnCreate: true }
  const successor = new Net.Socket(options as unknown as Net.SocketConstructorOpts)
  if ((successor as HandleHolder)._handle !== handle) {
    successor.destroy()
    return undefined
  }
  holder._handle = null
  socket.destroy()
  return successor
}

/**
 * Makes further reads go to the landing place, since Node may still hold memory of a receiver that has left. Returns
 * whether this runtime can do that.
 *
 * @internal
 */
export const redirect = (socket: Net.Socket): boolean => {
  const handle = (socket as HandleHolder)._handle
  if (!isStreamHandle(handle)) return false
  handle.useUserBuffer(landing())
  return true
}

/**
 * Stops reading for a moment, or goes on. To pause and resume the socket instead took 9 % more of the processor where each
 * of many connections at full speed waits for its next turn. Returns whether this runtime can do that.
 *
 * @internal
 */
export const setReading = (socket: Net.Socket, isReading: boolean): boolean => {
  const handle = (socket as HandleHolder)._handle
  if (!isStreamHandle(handle)) return false
  if (handle.reading === isReading) return true
  handle.reading = isReading
  if (isReading) handle.readStart()
  else handle.readStop()
  return true
}
