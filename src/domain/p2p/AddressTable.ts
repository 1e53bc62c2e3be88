/**
 * A bounded table of addresses that no single party can fill.
 *
 * **Details**
 *
 * The table is a square of cells with room for {@link cellSize} addresses each. The row of an address depends on who told
 * of it first, its column on the group that it lies in; which ones these are is decided by a secret key, so nobody can
 * aim at a cell. One source, which is a group of peers or a DNS seed, reaches a sixteenth of the rows, and the addresses
 * of one group a sixteenth of the columns. So whatever a liar tells, and however often, it gets at most a sixteenth of
 * the table, and as much when it owns a whole group of addresses and has others tell of them. With room for fewer than
 * 4096 addresses the share is one row or column. What the user adds is believed, and lies anywhere.
 *
 * A cell that is full takes a newcomer only in place of one that is worth less: one that is barred, then one that
 * nobody has heard of for {@link staleAfter}. Addresses that we were connected to, that serve a wallet, that are in use or
 * that come from the user never make room for one that others only tell of. So what has proven itself stays, and no peer
 * is forgotten and then given to another wallet.
 *
 * It is drawn from cell by cell, and not address by address: a liar that fills its share has no larger part of the draws
 * than of the cells.
 *
 * **Gotchas**
 *
 * It changes in place, and must not change while it is drawn from.
 *
 * @stability unstable
 * @since 0.1.0
 */
import type * as NetAddress from "effect/net/NetAddress"
import * as AddressEntry from "./AddressEntry.ts"
import * as AddressGroup from "./AddressGroup.ts"
import * as AddressSource from "./AddressSource.ts"
import type * as BlockHeader from "./BlockHeader.ts"

/**
 * A table of addresses.
 *
 * @category models
 * @since 0.1.0
 */
export interface AddressTable {
  /** How many addresses there are. */
  readonly size: number
  /** How many there can be: the wanted capacity or a little less. */
  readonly capacity: number
  /** The entry of an address, or `undefined`. */
  get(address: NetAddress.InetAddress): AddressEntry.AddressEntry | undefined
  /** Puts in an address that is not there yet. `false`: its cell is full of better ones. */
  add(entry: AddressEntry.AddressEntry, now: number): boolean
  /** Changes what is known of an address. `false` when it is not there. */
  update(
    address: NetAddress.InetAddress,
    f: (entry: AddressEntry.AddressEntry) => AddressEntry.AddressEntry
  ): boolean
  /** `false` when it was not there. */
  remove(address: NetAddress.InetAddress): boolean
  /** All entries, in no order. */
  entries(): IterableIterator<AddressEntry.AddressEntry>
  /** All entries in random order: one of each cell, then another one of each. `next` gives numbers from 0 to below 1. */
  draw(next: () => number): IterableIterator<AddressEntry.AddressEntry>
}

/**
 * The room of a cell.
 *
 * @category constants
 * @since 0.1.0
 */
export const cellSize = 16

/**
 * The size of the secret key, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const keySize = 32

/**
 * After so long an address that nobody tells of any more makes room, in milliseconds: 30 days, as nodes have it.
 *
 * @category constants
 * @since 0.1.0
 */
export const staleAfter = 30 * 24 * 3_600_000

/** Which part of the rows, or of the columns, one source or group reaches. */
const share = 16

/** What an entry is worth to the table; the lower gives way to the higher. */
const worth = (entry: AddressEntry.AddressEntry, now: number): number => {
  if (entry.use !== "Free") return 5
  if (entry.source._tag === "User") return 4
  if (entry.segment !== undefined) return 3
  if (!AddressEntry.isUsable(entry, now)) return 0
  if (entry.contact._tag === "Connected") return 3
  return now - entry.contact.at > staleAfter ? 1 : 2
}

interface Slot {
  entry: AddressEntry.AddressEntry
  readonly key: string
  readonly cell: number
}

const text = new TextEncoder()

class Table implements AddressTable {
  readonly capacity: number
  readonly #side: number
  readonly #reach: number
  readonly #key: Uint8Array
  readonly #hash256: BlockHeader.Hash256
  readonly #slots = new Map<string, Slot>()
  readonly #cells: ReadonlyArray<Array<Slot>>

  constructor(options: Options) {
    this.#side = Math.max(1, Math.floor(Math.sqrt(options.capacity / cellSize)))
    this.#reach = Math.max(1, Math.floor(this.#side / share))
    this.#key = options.key
    this.#hash256 = options.hash256
    this.capacity = this.#side * this.#side * cellSize
    this.#cells = Array.from({ length: this.#side * this.#side }, () => [])
  }

  get size(): number {
    return this.#slots.size
  }

  get(address: NetAddress.InetAddress): AddressEntry.AddressEntry | undefined {
    return this.#slots.get(AddressEntry.key(address))?.entry
  }

  add(entry: AddressEntry.AddressEntry, now: number): boolean {
    const key = AddressEntry.key(entry.address)
    const cell = this.#cellOf(entry, key)
    if (this.#cells[cell].length >= cellSize && !this.#makeRoom(cell, worth(entry, now), now)) return false
    const slot: Slot = { entry, key, cell }
    this.#cells[cell].push(slot)
    this.#slots.set(key, slot)
    return true
  }

  update(
    address: NetAddress.InetAddress,
    f: (entry: AddressEntry.AddressEntry) => AddressEntry.AddressEntry
  ): boolean {
    const slot = this.#slots.get(AddressEntry.key(address))
    if (slot === undefined) return false
    slot.entry = f(slot.entry)
    return true
  }

  remove(address: NetAddress.InetAddress): boolean {
    const slot = this.#slots.get(AddressEntry.key(address))
    if (slot === undefined) return false
    this.#drop(slot)
    return true
  }

  *entries(): IterableIterator<AddressEntry.AddressEntry> {
    for (const slot of this.#slots.values()) yield slot.entry
  }

  *draw(next: () => number): IterableIterator<AddressEntry.AddressEntry> {
    const cells = this.#cells.filter((cell) => cell.length > 0).map((slots) => ({ slots, first: 0 }))
    for (let i = 0; i < cells.length; i++) {
      const other = i + Math.floor(next() * (cells.length - i))
      const cell = cells[other]
      cells[other] = cells[i]
      cells[i] = cell
      cell.first = Math.floor(next() * cell.slots.length)
      yield cell.slots[cell.first].entry
    }
    for (let round = 1; round < cellSize; round++) {
      for (const { first, slots } of cells) {
        if (round < slots.length) yield slots[(first + round) % slots.length].entry
      }
    }
  }

  /** The one that is worth least goes; among equals, the one that was seen longest ago. */
  #makeRoom(cell: number, below: number, now: number): boolean {
    let least = below
    let found: Slot | undefined
    for (const slot of this.#cells[cell]) {
      const value = worth(slot.entry, now)
      if (value > least || value >= below) continue
      if (value === least && found !== undefined && found.entry.contact.at <= slot.entry.contact.at) continue
      least = value
      found = slot
    }
    if (found === undefined) return false
    this.#drop(found)
    return true
  }

  #drop(slot: Slot): void {
    const cell = this.#cells[slot.cell]
    cell.splice(cell.indexOf(slot), 1)
    this.#slots.delete(slot.key)
  }

  #cellOf({ address, source }: AddressEntry.AddressEntry, key: string): number {
    const own = this.#digest(`address ${key}`)
    if (source._tag === "User") return own.getUint32(0, true) % this.#cells.length
    const way = own.getUint32(0, true) % this.#reach
    const otherWay = own.getUint32(4, true) % this.#reach
    const row = this.#digest(`row ${way} ${AddressSource.key(source)}`).getUint32(0, true) % this.#side
    const column = this.#digest(`column ${otherWay} ${AddressGroup.fromAddress(address)}`).getUint32(0, true)
    return row * this.#side + column % this.#side
  }

  #digest(label: string): DataView {
    const input = new Uint8Array(keySize + label.length * 3)
    input.set(this.#key)
    const { written } = text.encodeInto(label, input.subarray(keySize))
    const hash = this.#hash256(input.subarray(0, keySize + written))
    return new DataView(hash.buffer, hash.byteOffset)
  }
}

/**
 * Options of {@link make}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The most addresses, at least 16. An address takes about 600 bytes. */
  readonly capacity: number
  /** 32 secret bytes. The same key puts the same addresses into the same cells. */
  readonly key: Uint8Array
  readonly hash256: BlockHeader.Hash256
}

/**
 * Makes an empty table.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): AddressTable => new Table(options)
