/**
 * How text is set off where colours can be seen.
 */

/** @internal */
export interface Palette {
  readonly title: (text: string) => string
  readonly strong: (text: string) => string
  readonly dim: (text: string) => string
  readonly good: (text: string) => string
  readonly bad: (text: string) => string
}

const paint = (code: number) => (text: string): string => text === "" ? "" : `\u001b[${code}m${text}\u001b[0m`

const same = (text: string): string => text

/** @internal */
export const plain: Palette = { title: same, strong: same, dim: same, good: same, bad: same }

/** @internal */
export const colored: Palette = {
  title: paint(36),
  strong: paint(1),
  dim: paint(2),
  good: paint(32),
  bad: paint(31)
}
