/**
 * A bar that shows how far something is, in one line of a terminal that is written again and again.
 */
import * as TextValue from "../notation/textValue.ts"
import type * as Palette from "../terminal/palette.ts"

/** @internal */
export interface Progress {
  readonly done: number
  readonly of: number
  /** What else there is to say. */
  readonly remark: string
}

const width = 30

const full = "█"

const empty = "░"

/** @internal */
export const format = ({ done, of, remark }: Progress, palette: Palette.Palette): string => {
  const part = of <= 0 ? 1 : Math.min(1, Math.max(0, done / of))
  const cells = Math.floor(part * width)
  const bar = palette.good(full.repeat(cells)) + palette.dim(empty.repeat(width - cells))
  return `${bar} ${palette.strong(`${Math.floor(part * 100)} %`)}  ${TextValue.printable(remark)}`
}

/**
 * Puts the line where the one before was.
 *
 * @internal
 */
export const rewrite = (line: string): string => `\r\u001b[2K${line}`
