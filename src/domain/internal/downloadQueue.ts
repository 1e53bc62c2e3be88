/**
 * The queue of downloads: the items, and which peer can be asked for which.
 */
import type * as DownloadQueue from "../p2p/DownloadQueue.ts"
import type * as P2PMessage from "../p2p/P2PMessage.ts"
import * as DownloadItem from "./downloadItem.ts"
import * as DownloadPeer from "./downloadPeer.ts"
import * as InventoryKey from "./inventoryKey.ts"

/** So many offers are taken back at most to make room for one. */
const maxEvictions = 32

/** @internal */
export class Queue<W extends DownloadQueue.Want> implements DownloadQueue.DownloadQueue<W> {
  readonly #limits: DownloadQueue.Limits
  readonly #items = new Map<string, DownloadItem.Item<W>>()
  /** In the order of their deadlines, since all have the same time. */
  readonly #asked = new Map<string, DownloadItem.Item<W>>()
  readonly #known = new Set<string>()
  readonly #peers = new Map<number, DownloadPeer.DownloadPeer>()
  readonly #tally = new DownloadItem.Tally()
  /** How many items are offered by a peer. */
  #offeredItems = 0
  /** Who is asked first changes, so that all have their turn. */
  #turn = 0

  constructor(limits: DownloadQueue.Limits) {
    this.#limits = limits
  }

  get deadline(): number | undefined {
    for (const { state } of this.#asked.values()) return state._tag === "Asked" ? state.deadline : undefined
    return undefined
  }

  get counts(): DownloadQueue.Counts {
    const asked = this.#asked.size
    return { ...this.#tally, asked, waiting: this.#items.size - asked }
  }

  stateOf(item: P2PMessage.Inventory): DownloadQueue.ItemState | undefined {
    return this.#items.get(InventoryKey.inventoryKey(item))?.state
  }

  // --- who is there

  join(id: number): void {
    if (this.#peers.has(id)) return
    const peer = new DownloadPeer.DownloadPeer(id)
    this.#peers.set(id, peer)
    for (const item of this.#items.values()) if (item.wants.size > 0) this.#index(item)
  }

  leave(id: number): ReadonlyArray<DownloadQueue.Failure<W>> {
    const peer = this.#peers.get(id)
    if (peer === undefined) return []
    this.#peers.delete(id)
    const keys = new Set([...peer.asked, ...peer.offers, ...peer.wantedReady])
    return Array.from(keys, (key) => this.#items.get(key)!).flatMap((item) => {
      if (peer.asked.has(item.key)) this.#takeBack(item)
      item.failed.set(id, "Left")
      return this.#giveUp(peer, item)
    })
  }

  // --- what is offered and wanted

  offer(id: number, items: ReadonlyArray<P2PMessage.Inventory>): void {
    const peer = this.#peers.get(id)
    if (peer === undefined) return
    for (let i = 0; i < items.length; i++) {
      // The rest of a flood is not even looked at.
      if (peer.offers.size >= this.#limits.maxPerPeer) {
        this.#tally.dropped += items.length - i
        return
      }
      this.#offerOne(peer, items[i])
    }
  }

  #offerOne(peer: DownloadPeer.DownloadPeer, inventory: P2PMessage.Inventory): void {
    const key = InventoryKey.inventoryKey(inventory)
    if (this.#known.has(key)) {
      this.#tally.known += 1
      return
    }
    const present = this.#items.get(key)
    if (present !== undefined && (peer.offers.has(key) || present.failed.has(peer.id))) return
    const isNew = present === undefined || present.offers.size === 0
    if (isNew && this.#offeredItems >= this.#limits.maxItems && !this.#makeRoom(peer)) {
      this.#tally.dropped += 1
      return
    }
    // Room was made at the cost of another item.
    const item = this.#items.get(key) ?? this.#add(key, inventory)
    if (item.offers.size === 0) this.#offeredItems += 1
    item.offers.add(peer.id)
    peer.offers.add(key)
    this.#tally.offered += 1
    this.#indexFor(peer, item)
  }

  /** Takes back offers of the peers that have the most, for one that has fewer. */
  #makeRoom(newcomer: DownloadPeer.DownloadPeer): boolean {
    for (let tries = 0; tries < maxEvictions; tries++) {
      let largest = newcomer
      for (const peer of this.#peers.values()) if (peer.offers.size > largest.offers.size) largest = peer
      if (largest.offers.size <= newcomer.offers.size + 1) return false
      const [key] = largest.offeredReady
      if (key === undefined) return false
      const item = this.#items.get(key)!
      this.#dropOffer(largest, item)
      this.#reindex(item)
      this.#tally.dropped += 1
      this.#settle(item)
      if (this.#offeredItems < this.#limits.maxItems) return true
    }
    return false
  }

  want(inventory: P2PMessage.Inventory, want: W): ReadonlyArray<DownloadQueue.Failure<W>> {
    const key = InventoryKey.inventoryKey(inventory)
    const item = this.#items.get(key) ?? this.#add(key, inventory)
    item.wants.add(want)
    this.#index(item)
    return this.#settle(item)
  }

  release(inventory: P2PMessage.Inventory, want: W): void {
    const item = this.#items.get(InventoryKey.inventoryKey(inventory))
    if (item === undefined || !item.wants.has(want)) return
    this.#drop(item, [want])
    this.#settle(item)
  }

  forgetOffers(type: number): void {
    for (const item of [...this.#items.values()]) {
      if (item.inventory.type !== type || item.offers.size === 0) continue
      for (const id of item.offers) this.#dropOffer(this.#peers.get(id)!, item)
      this.#reindex(item)
      this.#settle(item)
    }
  }

  // --- what comes

  isAwaited(id: number, inventory: P2PMessage.Inventory): boolean {
    const key = InventoryKey.inventoryKey(inventory)
    const peer = this.#peers.get(id)
    return this.#items.has(key) && peer !== undefined && (peer.asked.has(key) || peer.late.has(key))
  }

  deliver(id: number, inventory: P2PMessage.Inventory): DownloadQueue.Delivery<W> {
    const key = InventoryKey.inventoryKey(inventory)
    const peer = this.#peers.get(id)
    const item = this.#items.get(key)
    const wasAsked = peer !== undefined && (peer.asked.has(key) || peer.late.delete(key))
    if (!wasAsked) {
      this.#tally.unasked += 1
      return { _tag: "Unasked" }
    }
    peer.standing = "prompt"
    if (item === undefined) {
      this.#tally.late += 1
      return { _tag: "Late" }
    }
    this.#tally.delivered += 1
    const isOffered = item.offers.size > 0
    const wants = [...item.wants]
    // Another peer may be asked by now: what it sends is late.
    if (item.state._tag === "Asked") this.#takeBack(item, item.state.peer === id ? "done" : "late")
    else this.#unindex(item)
    this.#remove(item)
    if (isOffered) this.#remember(key)
    return { _tag: "Delivered", wants, isOffered }
  }

  refuse(
    id: number,
    items: ReadonlyArray<P2PMessage.Inventory>,
    fault: "NotFound" | "Invalid"
  ): ReadonlyArray<DownloadQueue.Failure<W>> {
    const peer = this.#peers.get(id)
    const failures: Array<DownloadQueue.Failure<W>> = []
    if (peer === undefined) return failures
    for (const inventory of items) {
      // A storm of answers to nothing costs next to nothing.
      if (peer.asked.size === 0 && peer.late.size === 0) break
      const key = InventoryKey.inventoryKey(inventory)
      peer.late.delete(key)
      if (!peer.asked.has(key)) continue
      this.#tally.refused += 1
      failures.push(...this.#fail(peer, this.#items.get(key)!, fault))
    }
    return failures
  }

  expire(now: number): ReadonlyArray<DownloadQueue.Failure<W>> {
    const failures: Array<DownloadQueue.Failure<W>> = []
    for (const item of this.#asked.values()) {
      if (item.state._tag !== "Asked" || item.state.deadline > now) break
      const peer = this.#peers.get(item.state.peer)!
      this.#tally.timedOut += 1
      peer.standing = "slow"
      failures.push(...this.#fail(peer, item, "TimedOut"))
    }
    return failures
  }

  // --- who is asked

  assign(now: number): ReadonlyArray<DownloadQueue.Request> {
    const free = [...this.#peers.values()].filter((peer) => peer.hasRoom(this.#limits.atOnce))
    const requests = new Map<number, Array<P2PMessage.Inventory>>()
    const ask = (peer: DownloadPeer.DownloadPeer, key: string | undefined): boolean => {
      if (key === undefined) return false
      const items = requests.get(peer.id) ?? []
      requests.set(peer.id, items)
      items.push(this.#ask(peer, this.#items.get(key)!, now))
      return true
    }
    const prompt = this.#inTurn(free.filter(({ standing }) => standing === "prompt"))
    // One after the other in rounds, so that many peers share what there is.
    for (let before = -1; before !== this.#asked.size;) {
      before = this.#asked.size
      for (const peer of prompt) if (peer.asked.size < this.#limits.atOnce) ask(peer, peer.next())
    }
    for (const peer of free) {
      if (peer.standing === "slow") ask(peer, peer.next((key) => !this.#hasPromptSource(this.#items.get(key)!)))
    }
    return Array.from(requests, ([peer, items]) => ({ peer, items }))
  }

  #inTurn(peers: ReadonlyArray<DownloadPeer.DownloadPeer>): ReadonlyArray<DownloadPeer.DownloadPeer> {
    if (peers.length < 2) return peers
    this.#turn = (this.#turn + 1) % peers.length
    return [...peers.slice(this.#turn), ...peers.slice(0, this.#turn)]
  }

  #hasPromptSource(item: DownloadItem.Item<W>): boolean {
    for (const peer of this.#near(item)) if (peer.standing === "prompt" && this.#isSource(peer, item)) return true
    return false
  }

  #ask(peer: DownloadPeer.DownloadPeer, item: DownloadItem.Item<W>, now: number): P2PMessage.Inventory {
    this.#unindex(item)
    item.state = { _tag: "Asked", peer: peer.id, deadline: now + this.#limits.timeout }
    this.#asked.set(item.key, item)
    peer.asked.add(item.key)
    return item.inventory
  }

  // --- the life of an item

  #add(key: string, inventory: P2PMessage.Inventory): DownloadItem.Item<W> {
    const item = DownloadItem.make<W>(key, inventory)
    this.#items.set(key, item)
    return item
  }

  #remember(key: string): void {
    this.#known.add(key)
    if (this.#known.size <= this.#limits.maxKnown) return
    const [oldest] = this.#known
    this.#known.delete(oldest!)
  }

  /** The peer that is asked is asked no more. */
  #takeBack(item: DownloadItem.Item<W>, mode: "done" | "late" = "done"): void {
    if (item.state._tag !== "Asked") return
    this.#peers.get(item.state.peer)?.giveBack(item.key, mode)
    this.#asked.delete(item.key)
    item.state = DownloadItem.waiting
  }

  #dropOffer(peer: DownloadPeer.DownloadPeer, item: DownloadItem.Item<W>): void {
    if (!item.offers.delete(peer.id)) return
    peer.offers.delete(item.key)
    peer.forget(item.key)
    if (item.offers.size === 0) this.#offeredItems -= 1
  }

  #fail(
    peer: DownloadPeer.DownloadPeer,
    item: DownloadItem.Item<W>,
    fault: DownloadQueue.Fault
  ): ReadonlyArray<DownloadQueue.Failure<W>> {
    this.#takeBack(item, fault === "TimedOut" ? "late" : "done")
    item.failed.set(peer.id, fault)
    return this.#giveUp(peer, item)
  }

  /** A peer is not asked again for an item. */
  #giveUp(
    peer: DownloadPeer.DownloadPeer,
    item: DownloadItem.Item<W>
  ): ReadonlyArray<DownloadQueue.Failure<W>> {
    this.#dropOffer(peer, item)
    this.#reindex(item)
    const failures = this.#settle(item)
    if (!this.#items.has(item.key)) this.#tally.failed += 1
    return failures
  }

  /** Ends the wants that no peer is left for, and an item that nobody has or needs. */
  #settle(item: DownloadItem.Item<W>): ReadonlyArray<DownloadQueue.Failure<W>> {
    if (!this.#items.has(item.key)) return []
    const failures = item.offers.size === 0 && item.state._tag === "Waiting"
      ? [...item.wants].flatMap((want) => DownloadItem.failureOf(item, want, this.#peers.keys()) ?? [])
      : []
    if (failures.length > 0) this.#drop(item, failures.map(({ want }) => want))
    if (item.offers.size === 0 && item.wants.size === 0) {
      this.#takeBack(item, "late")
      this.#remove(item)
    }
    return failures
  }

  #drop(item: DownloadItem.Item<W>, wants: ReadonlyArray<W>): void {
    this.#unindex(item)
    for (const want of wants) item.wants.delete(want)
    this.#index(item)
  }

  /** It waits for no peer any more. */
  #remove(item: DownloadItem.Item<W>): void {
    for (const id of item.offers) this.#peers.get(id)?.offers.delete(item.key)
    if (item.offers.size > 0) this.#offeredItems -= 1
    item.offers.clear()
    item.wants.clear()
    this.#items.delete(item.key)
  }

  // --- who could be asked: each peer knows the items that wait for it

  /** The peers that an item can have to do with: without wants only those that offer it, which may be few of many. */
  *#near(item: DownloadItem.Item<W>): Iterable<DownloadPeer.DownloadPeer> {
    if (item.wants.size > 0) return yield* this.#peers.values()
    for (const id of item.offers) {
      const peer = this.#peers.get(id)
      if (peer !== undefined) yield peer
    }
  }

  #isSource(peer: DownloadPeer.DownloadPeer, item: DownloadItem.Item<W>): boolean {
    return item.offers.has(peer.id) || this.#isWantedOf(peer, item)
  }

  #isWantedOf(peer: DownloadPeer.DownloadPeer, item: DownloadItem.Item<W>): boolean {
    if (item.failed.has(peer.id)) return false
    for (const want of item.wants) if (want.accepts(peer.id)) return true
    return false
  }

  #index(item: DownloadItem.Item<W>): void {
    for (const peer of this.#near(item)) this.#indexFor(peer, item)
  }

  #indexFor(peer: DownloadPeer.DownloadPeer, item: DownloadItem.Item<W>): void {
    if (item.state._tag !== "Waiting") return
    if (this.#isWantedOf(peer, item)) peer.wantedReady.add(item.key)
    else if (item.offers.has(peer.id)) peer.offeredReady.add(item.key)
  }

  #unindex(item: DownloadItem.Item<W>): void {
    for (const peer of this.#near(item)) peer.forget(item.key)
  }

  #reindex(item: DownloadItem.Item<W>): void {
    this.#unindex(item)
    this.#index(item)
  }
}
