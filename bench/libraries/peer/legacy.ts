/**
 * Packets of the legacy envelope on regtest, as plain bytes.
 */
import * as Network from "../../../src/domain/Network.ts"
import { hash256 } from "../../../src/layers/NodeHash256.ts"

const headerSize = 24

const { magic } = Network.regtest

/** A packet, ready to be written. */
export const packet = (command: string, body: Uint8Array): Uint8Array => {
  const bytes = Buffer.alloc(headerSize + body.length)
  bytes.set(magic, 0)
  bytes.write(command, 4, "latin1")
  bytes.writeUInt32LE(body.length, 16)
  bytes.set(hash256(body).subarray(0, 4), 20)
  bytes.set(body, headerSize)
  return bytes
}

/** Cuts what arrives into packets. Those who are measured are trusted: checksums are not looked at. */
export const reader = (onPacket: (command: string, body: Uint8Array) => void): (chunk: Buffer) => void => {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= headerSize) {
      const end = headerSize + rest.readUInt32LE(16)
      if (rest.length < end) return
      const command = rest.toString("latin1", 4, 16).replaceAll("\0", "")
      onPacket(command, rest.subarray(headerSize, end))
      rest = rest.subarray(end)
    }
  }
}
