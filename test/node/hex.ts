/** A hash as it is shown: reversed. */
export const showHash = (hash: Buffer): string => Buffer.from(hash).reverse().toString("hex")

export const parseHash = (text: string): Buffer => Buffer.from(text, "hex").reverse()
