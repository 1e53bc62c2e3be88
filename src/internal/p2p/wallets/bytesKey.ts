/**
 * Short byte arrays as keys of maps: a character for each byte.
 */

/** @internal */
export const of = (bytes: Uint8Array): string => {
  let key = ""
  for (let i = 0; i < bytes.length; i++) key += String.fromCharCode(bytes[i])
  return key
}

/** @internal */
export const toBytes = (key: string): Uint8Array => Uint8Array.from(key, (character) => character.charCodeAt(0))
